//! The engine on [`radiograph_fuzz::bundle`]; `tests/fuzz` runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| radiograph_fuzz::bundle(bytes));
