//! What `git ls-remote` prints of a server nobody has to trust: refused as a whole, or refs that are the same when read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| auditdb::fuzz::ls_remote(bytes));
