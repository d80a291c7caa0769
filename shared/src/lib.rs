//! Roost: the domain of a booking marketplace, then its adapters.
//!
//! The domain (`ids` to `search`) imports neither AWS nor HTTP. The adapters (`store`, `bus`, `ses`,
//! `psp`, `http`) stand behind it, and [`app::App`] holds what one function instance needs of them.

pub mod clock;
pub mod entropy;
pub mod error;
pub mod ids;
pub mod money;
pub mod secrets;
pub mod stay;

pub mod account;
pub mod booking;
pub mod event;
pub mod geo;
pub mod ledger;
pub mod listing;
pub mod mail;
pub mod night;
pub mod payment;
pub mod photo;
pub mod planted;
pub mod pricing;
pub mod quote;
pub mod reconciliation;
pub mod search;

pub mod app;
pub mod bucket;
pub mod bus;
pub mod config;
pub mod connector;
pub mod deployment;
pub mod function;
pub mod http;
pub mod index;
pub mod metrics;
pub mod psp;
mod secrets_manager;
pub mod ses;
pub mod store;
