//! A proof from another machine (`auditdb verify --proof`): nothing is proved by a key that signed nothing, and each path ends.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| auditdb::fuzz::proof(bytes));
