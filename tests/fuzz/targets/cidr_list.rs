//! Lists of CIDRs (`moat.deny`): a file is refused with its line, or becomes ranges. They are sorted,
//! do not overlap, and read back as the same.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use policy::blocklist;

fuzz_target!(|text: &str| {
    let Ok(ranges) = blocklist::parse(text, Path::new("fuzz.list")) else { return };
    for (position, one) in ranges.iter().enumerate() {
        assert_eq!(*one, one.trunc(), "a range begins at its network address");
        assert!(
            ranges[position + 1..].iter().take(64).all(|other| !one.contains(other) && !other.contains(one)),
            "two overlap"
        );
    }
    let again: String = ranges.iter().map(|range| format!("{range}\n")).collect();
    assert_eq!(blocklist::parse(&again, Path::new("again.list")).expect("what was accepted is accepted again"), ranges);
});
