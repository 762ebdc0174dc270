//! What iptables-save and ipset print of rules and sets that another program may have written: read, or
//! refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| netguard::fuzz::iptables_listings(text));
