//! What the kernel tells of a table that another program may have written into: it is copied whole, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| netguard::fuzz::nft_messages(bytes));
