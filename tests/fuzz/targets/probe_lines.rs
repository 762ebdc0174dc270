//! Probe lines on standard input, which people and other programs write: refused with the field, or a
//! probe that reads back as itself.
#![no_main]

use egress_check::line;
use libfuzzer_sys::fuzz_target;
use record::Lines;

fuzz_target!(|bytes: &[u8]| {
    for read in Lines::new(bytes).flatten() {
        let Ok(probe) = line::read(read.record) else { continue };
        let again = line::read(line::planned(&probe)).expect("what was accepted is accepted again");
        assert_eq!(again, probe, "a probe reads back as another");
    }
});
