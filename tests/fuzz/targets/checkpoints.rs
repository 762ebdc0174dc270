//! The log of checkpoints, and what an anchor holds: what no key has signed is a fault, and is no checkpoint.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| auditdb::fuzz::checkpoints(bytes));
