//! What `nft -j` prints of a table that another program may have written into: it is read, or refused
//! with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| netguard::fuzz::nft_json(bytes));
