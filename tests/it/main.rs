//! The product over HTTP, as its clients meet it: one stack a test, real handlers, the real store.

mod cost;
mod events;
mod faults;
mod holds;
mod hostile;
mod idempotency;
mod identity;
mod import;
mod index;
mod journey;
mod mail;
mod money;
mod payouts;
mod photos;
mod published;
mod races;
mod requests;
mod streams;
mod truth;
mod webhooks;
mod zones;
