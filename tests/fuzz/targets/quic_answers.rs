//! Datagrams from whoever answers where QUIC was asked for: read or passed over, in bounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (answer, frames) = egress_check::quic_answer(bytes).expect("the TLS library has QUIC");
    assert!(answer.unwrap_or_default().len() + frames.len() < 256, "what is told grows without a bound");
});
