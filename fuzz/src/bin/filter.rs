//! The engine on [`radiograph_fuzz::filter`]; `tests/fuzz` runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| radiograph_fuzz::filter(bytes));
