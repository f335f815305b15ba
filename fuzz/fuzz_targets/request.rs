//! Any bytes: see `lb::proxy::h1::probe::request` for what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lb::proxy::h1::probe::request(bytes));
