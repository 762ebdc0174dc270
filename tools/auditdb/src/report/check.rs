//! A check as the record has it, and which of the checks still speak.

use std::collections::BTreeMap;

use record::Outcome;

/// One check's verdict at some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) provider: String,
    /// The action; what tells of one and the same state shares a name, such as `scanner`.
    pub(super) family: String,
    pub(super) container: Option<String>,
    /// What else it was about: a network, a file, a repository.
    pub(super) subject: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) message: String,
    pub(super) reason: Option<String>,
    /// How to mend it, and what it would let an attacker do, where its line says so.
    pub(super) mend: Option<String>,
    pub(super) gain: Option<String>,
    pub(super) verdict: Verdict,
    pub(super) severity: u8,
    /// When the check was made, in microseconds since 1970.
    pub(super) time: i64,
    pub(super) run: Run,
    /// Its row in the database.
    pub(super) place: i64,
}

/// The run of a tool that made a check: its segment, and how many runs ended in there before it.
pub(super) type Run = (u32, usize);

/// Three-valued, the worst last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Ok,
    #[default]
    Unknown,
    Failed,
}

impl Verdict {
    /// From the record's word. No word is no pass.
    pub(super) fn of(outcome: &str) -> Self {
        match outcome {
            "success" => Self::Ok,
            "failure" => Self::Failed,
            _ => Self::Unknown,
        }
    }

    /// The verdict as people read it; a failure stands out in capitals.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Failed => "FAILED",
        }
    }

    /// The verdict as ECS `event.outcome` has it.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Ok => Outcome::Success,
            Self::Unknown => Outcome::Unknown,
            Self::Failed => Outcome::Failure,
        }
    }
}

impl Check {
    /// Known again by this tomorrow. `scripts/audit` knows its findings by the same words.
    pub(super) fn fingerprint(&self) -> String {
        record::fingerprint(&self.provider, &self.family, self.rule.as_deref(), &self.message, self.target())
    }

    /// What it is about, in a word.
    pub(super) fn target(&self) -> &str {
        self.container.as_deref().or(self.subject.as_deref()).unwrap_or_default()
    }

    /// Can nobody ask this tool for a part of its checks only? Then what it no longer says is no longer so.
    fn is_whole(&self) -> bool {
        matches!(self.provider.as_str(), "netguard" | "auditdb" | "scanwatch")
    }

    /// The checks that one run makes together.
    fn kin(&self) -> (String, String, Option<String>) {
        let family = match self.family.as_str() {
            // A run of netguard that finds no stranger says so with its rules alone,
            "stranger-found" => "rule-verified",
            // and of a record that is as it was written the verdict on the whole is kept.
            "segment-verified" => "record-verified",
            family => family,
        };
        (self.provider.clone(), family.to_owned(), self.container.clone())
    }
}

/// Those that still speak. A check without a rule has no name that stays. A finding of a whole run is only said while
/// there is one: what the newest run of its kind did not say again is past. Any other check stands until it is made
/// again.
pub(super) fn living(checks: Vec<Check>) -> Vec<Check> {
    let mut newest: BTreeMap<_, (i64, Run)> = BTreeMap::new();
    for check in &checks {
        let known = newest.entry(check.kin()).or_insert((check.time, check.run));
        *known = (*known).max((check.time, check.run));
    }
    let is_said = |check: &Check| newest.get(&check.kin()).is_none_or(|(_, run)| *run == check.run);
    let stays = |check: &Check| is_state(&check.family) || (check.rule.is_some() && !check.is_whole());
    checks.into_iter().filter(|check| stays(check) || is_said(check)).collect()
}

/// Of these the newest line is all there is to know.
pub(super) fn is_state(family: &str) -> bool {
    STATES.contains(&family)
}

/// Families of which one line takes the place of another, whatever it says.
pub(super) const STATES: [&str; 9] = [
    "moat",
    "scanner",
    "engine",
    "refs",
    "service-reported",
    "storage-reported",
    "permit-settled",
    "record-verified",
    "part-tested",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(provider: &str, rule: Option<&str>, time: i64, run: Run) -> Check {
        let (provider, rule) = (provider.to_owned(), rule.map(str::to_owned));
        Check { provider, rule, time, run, family: "control-evaluated".to_owned(), ..Check::default() }
    }

    #[test]
    fn a_run_for_one_control_makes_no_other_finding_past() {
        let old = check("sandboxctl", Some("a"), 1, (1, 0));
        let new = check("sandboxctl", Some("b"), 2, (2, 0));
        assert_eq!(living(vec![old.clone(), new.clone()]), [old, new]);
    }

    #[test]
    fn what_a_whole_run_does_not_say_again_is_past() {
        let old = check("netguard", None, 1, (1, 0));
        let new = check("netguard", Some("b"), 2, (2, 0));
        assert_eq!(living(vec![old, new.clone()]), [new]);
    }

    #[test]
    fn a_segment_that_was_mended_is_past_once_the_whole_record_is_as_it_was_written() {
        let of = |family: &str, time, run| Check { family: family.to_owned(), ..check("auditdb", None, time, run) };
        let (bad, first) = (of("segment-verified", 1, (1, 0)), of("record-verified", 1, (1, 0)));
        assert_eq!(living(vec![bad.clone(), first.clone()]), [bad.clone(), first]);
        let mended = of("record-verified", 2, (2, 0));
        assert_eq!(living(vec![bad, mended.clone()]), [mended]);
    }

    #[test]
    fn no_verdict_is_no_pass() {
        assert_eq!(Verdict::of(""), Verdict::Unknown);
        assert!(Verdict::Failed > Verdict::Unknown && Verdict::Unknown > Verdict::Ok);
    }
}
