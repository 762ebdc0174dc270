//! Lines on a tool's standard input: each is a record or an error with its line number, and the reader
//! comes to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use record::Lines;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(Lines::new(bytes).count() <= lines, "more records than lines");
});
