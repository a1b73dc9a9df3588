//! The engine on [`radiograph_fuzz::sigv4`]; `tests/fuzz` runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| radiograph_fuzz::sigv4(bytes));
