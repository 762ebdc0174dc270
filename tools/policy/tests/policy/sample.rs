//! The policy of DESIGN, section 5, and the smallest one, with one thing changed. Every refusal is tested
//! beside the unchanged text, which loads: so it is the change that is refused.

use std::path::Path;

use policy::{Policy, PolicyError};

/// As DESIGN prints it.
pub(crate) const DESIGN: &str = include_str!("../fixtures/design.toml");

/// Nothing but what must be there.
pub(crate) const SMALLEST: &str = r#"
[cell]
network = "open"
[networks]
cell    = { bridge = "br-cell",    subnets = ["172.30.1.0/24", "fd6c:6c62:1::/64"] }
monitor = { bridge = "br-monitor", subnets = ["172.30.2.0/24", "fd6c:6c62:2::/64"] }
warden  = { bridge = "br-warden",  subnets = ["172.30.3.0/24", "fd6c:6c62:3::/64"] }
egress  = { bridge = "br-egress",  subnets = ["172.30.4.0/24", "fd6c:6c62:4::/64"] }
"#;

pub(crate) fn parse(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, Path::new("policy.toml"), Path::new("/srv/cellblock"))
}

pub(crate) fn design() -> Policy {
    parse(DESIGN).expect("the sample loads")
}

fn changed(from: &str, to: &str) -> String {
    assert_eq!(DESIGN.matches(from).count(), 1, "the sample holds {from:?} once");
    DESIGN.replace(from, to)
}

/// The sample with one text replaced must load.
#[track_caller]
pub(crate) fn takes(from: &str, to: &str) -> Policy {
    parse(&changed(from, to)).unwrap_or_else(|error| panic!("{error}"))
}

/// The sample with one text replaced must be refused for one reason, told at this key in these words.
#[track_caller]
pub(crate) fn refuses(from: &str, to: &str, key: &str, words: &str) {
    let error = parse(&changed(from, to)).expect_err("must be refused");
    let [fault] = error.faults() else { panic!("one fault expected:\n{error}") };
    assert_eq!(fault.key, key, "{error}");
    let told = format!("{}; {}", fault.problem, fault.mend);
    assert!(told.contains(words), "{words:?} is not in: {told}");
    assert!(!fault.mend.is_empty(), "{error}");
}

/// More tables at the end of the sample must be refused for one reason: at this key, in these words.
#[track_caller]
pub(crate) fn refuses_more(tables: &str, key: &str, words: &str) {
    let last = "reason = \"…\"";
    refuses(last, &format!("{last}\n{tables}\n"), key, words);
}

/// The sample with more tables at its end must load.
#[track_caller]
pub(crate) fn takes_more(tables: &str) -> Policy {
    let last = "reason = \"…\"";
    takes(last, &format!("{last}\n{tables}\n"))
}
