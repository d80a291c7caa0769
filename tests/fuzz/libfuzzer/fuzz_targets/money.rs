//! The target `money` for cargo-fuzz.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop((roost_fuzz::target("money").read)(bytes)));
