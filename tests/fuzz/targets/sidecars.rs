//! The facts beside a jailed file, from a jail that somebody else had a hand in: refused, or a path that
//! stays below the share.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scanwatch::Sidecar;

const ID: &str = "0193a1b2-0000-7000-8000-000000000000";

fuzz_target!(|bytes: &[u8]| {
    let Ok(sidecar) = Sidecar::parse(bytes, ID) else { return };
    let below = sidecar.below().expect("a sidecar that was accepted has a path");
    assert!(!below.contains(&0), "a NUL in a path");
    for part in below.split(|byte| *byte == b'/') {
        assert!(!matches!(part, b"" | b"." | b".."), "the path leads elsewhere");
    }
});
