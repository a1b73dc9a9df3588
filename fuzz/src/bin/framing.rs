//! The engine on [`radiograph_fuzz::framing`]; `tests/fuzz` runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| radiograph_fuzz::framing(bytes));
