//! A control and its verdict.

use std::fmt::Display;

use record::Severity;

/// What a control found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as it should be.
    Pass {
        /// What was found, in a few words.
        found: String,
    },
    /// Not as it should be.
    Fail {
        /// What there should be.
        expected: String,
        /// What was found instead, in a few words.
        found: String,
    },
    /// The audit could not tell. Never a pass.
    Unknown {
        /// Why the audit could not tell.
        reason: String,
    },
    /// The container has nothing that the control is about. It makes no record.
    NotApplicable,
}

impl Verdict {
    /// A pass, with the value that was found.
    pub(crate) fn holds(found: impl Display) -> Self {
        Self::Pass { found: found.to_string() }
    }

    /// A failure, with the value that the policy asks for and the one that was found.
    pub(crate) fn differs(expected: impl Display, found: impl Display) -> Self {
        Self::Fail { expected: expected.to_string(), found: found.to_string() }
    }

    /// The audit could not tell, because of this.
    pub(crate) fn untold(reason: impl Display) -> Self {
        Self::Unknown { reason: reason.to_string() }
    }

    /// Two things that should be the same.
    pub(crate) fn same<T: PartialEq + Display>(expected: &T, found: &T) -> Self {
        Self::when(expected == found, expected, found)
    }

    /// A condition, with what it is about.
    pub(crate) fn when(condition: bool, expected: impl Display, found: impl Display) -> Self {
        if condition { Self::holds(found) } else { Self::differs(expected, found) }
    }

    /// A list of offenders that should be empty.
    pub(crate) fn none_of(expected: &str, offenders: &[String]) -> Self {
        Self::when(offenders.is_empty(), expected, listed(offenders))
    }
}

/// A list for people.
pub(crate) fn listed<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.as_ref().to_owned()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// One thing to check of a `T`.
#[derive(Debug)]
pub(crate) struct Control<T> {
    /// Stable: `cis-docker-` and the number in the CIS Docker Benchmark 1.6.0, or `cellblock-` and a word.
    pub(crate) id: &'static str,
    /// What holds if it passes, to be read after the target's name.
    pub(crate) title: &'static str,
    /// How bad it is if not.
    pub(crate) severity: Severity,
    /// What to do then.
    pub(crate) mend: &'static str,
    /// The known weakness that a failure means.
    pub(crate) weakness: Option<&'static str>,
    /// Decides from the facts alone, with no I/O.
    pub(crate) judge: fn(&T) -> Verdict,
}

impl<T> Control<T> {
    /// A control with no CVE to its name.
    pub(crate) const fn new(
        id: &'static str,
        title: &'static str,
        severity: Severity,
        mend: &'static str,
        judge: fn(&T) -> Verdict,
    ) -> Self {
        Self { id, title, severity, mend, weakness: None, judge }
    }
}

/// Which benchmark the numbers of `cis-docker-…` are from.
pub(crate) const BENCHMARK: &str = "CIS Docker Benchmark 1.6.0";

/// Where the benchmark has a control of this id.
pub(crate) fn reference(id: &str) -> Option<String> {
    id.strip_prefix("cis-docker-").map(|number| format!("{BENCHMARK}, {number}"))
}

/// Where a service of ours is defined.
pub(crate) const RECREATE: &str = "let compose/compose.yaml say so again, then scripts/up";
