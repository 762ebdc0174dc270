//! Any text ends in a policy or in an error, soon and without a panic.

use proptest::prelude::*;

use crate::sample::{DESIGN, parse};

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// A piece of the sample is lost, doubled or replaced by other bytes.
    #[test]
    fn no_damage_to_the_sample_makes_the_parser_panic(
        at in 0..DESIGN.len(), length in 0..80usize, insert in "[\\PC\n\t\"'\\[\\]{}=]{0,12}",
    ) {
        let boundary = |at: usize| (0..=at.min(DESIGN.len())).rev().find(|at| DESIGN.is_char_boundary(*at)).unwrap();
        let (from, to) = (boundary(at), boundary(at + length));
        let text = format!("{}{insert}{}", &DESIGN[..from], &DESIGN[to..]);
        if let Err(error) = parse(&text) {
            let lines = text.split('\n').count();
            prop_assert!(!error.faults().is_empty());
            for fault in error.faults() {
                prop_assert!((1..=lines).contains(&fault.line) && fault.column >= 1);
            }
        }
    }
}

#[test]
fn a_mebibyte_of_rules_or_of_nesting_is_answered() {
    let rule = "[[egress]]\nhost = \"a.example\"\nclients = [\"cell\"]\n";
    let texts = [
        format!("{DESIGN}\n{}", rule.repeat((1 << 20) / rule.len() - 100)),
        "[".repeat(1 << 20),
        format!("x = {}", "[".repeat((1 << 20) - 10)),
        format!("x = {}", "{a=".repeat((1 << 18) - 10)),
        "a.".repeat(1 << 19),
        (0..100_000).map(|n| format!("k{n}=1\n")).collect(),
    ];
    for text in &texts {
        assert!(parse(text).is_err());
    }
}

#[test]
fn a_text_over_a_mebibyte_is_refused_unread() {
    let error = parse(&format!("{DESIGN}#{}", "x".repeat(1 << 20))).expect_err("too large");
    assert!(error.to_string().contains("larger than 1MiB"), "{error}");
}
