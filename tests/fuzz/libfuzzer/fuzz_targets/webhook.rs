//! The target `webhook` for cargo-fuzz.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop((roost_fuzz::target("webhook").read)(bytes)));
