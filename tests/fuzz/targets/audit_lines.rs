//! A line on its way into the record: accepted, or refused by a record that is itself accepted.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| auditdb::fuzz::line(bytes));
