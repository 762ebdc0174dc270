//! DNS messages from whoever answers on port 53: read or passed over, in bounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(answer) = egress_check::dns_answer(bytes) {
        assert!(format!("{answer:?}").len() < 8192, "an answer grows without a bound");
    }
});
