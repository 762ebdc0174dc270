//! What of the checks is no pass: what is new since a time, what still stands, and what is mended.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Check, Verdict};
use super::checks::Checks;
use super::layer::Layer;

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    New,
    Open,
    Mended,
}

impl Standing {
    /// The word for it, for people and for the record.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Mended => "mended",
        }
    }
}

/// A check that is no pass, or was none until it was mended.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) standing: Standing,
    pub(super) layer: Option<Layer>,
    pub(super) check: Check,
}

/// New, open and mended; in each the worst first, and of equals the newest. Two checks of one fingerprint are one
/// finding, the worse of them.
pub(super) fn findings(checks: &Checks) -> Vec<Finding> {
    let now = worst(&checks.now);
    let before = worst(&checks.before);
    let was_bad = |print: &String| before.get(print).is_some_and(|check| check.verdict != Verdict::Ok);
    let mut found: Vec<Finding> = Vec::new();
    for (print, check) in &now {
        if check.verdict != Verdict::Ok {
            found.push(finding(if was_bad(print) { Standing::Open } else { Standing::New }, check));
        }
    }
    let stands: BTreeSet<&String> =
        now.iter().filter(|(_, check)| check.verdict != Verdict::Ok).map(|(print, _)| print).collect();
    let mut past = worst(&checks.bad);
    past.extend(before.into_iter().filter(|(_, check)| check.verdict != Verdict::Ok));
    found.extend(
        past.iter().filter(|(print, _)| !stands.contains(print)).map(|(_, check)| finding(Standing::Mended, check)),
    );
    found.sort_by_key(|finding| {
        let check = &finding.check;
        (finding.standing, std::cmp::Reverse((check.verdict, check.severity, check.time)))
    });
    found
}

fn finding(standing: Standing, check: &Check) -> Finding {
    Finding { standing, layer: Layer::of(check), check: check.clone() }
}

/// The worst check of each fingerprint.
fn worst(checks: &[Check]) -> BTreeMap<String, Check> {
    let mut by_print: BTreeMap<String, Check> = BTreeMap::new();
    for check in checks {
        let place = by_print.entry(check.fingerprint()).or_insert_with(|| check.clone());
        if check.verdict > place.verdict {
            *place = check.clone();
        }
    }
    by_print
}

/// What the last checks of a layer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standings {
    pub(super) layer: Layer,
    pub(super) ok: usize,
    pub(super) failed: usize,
    pub(super) unknown: usize,
    /// When the last of them was made, or a run of their tool ended.
    pub(super) last: Option<i64>,
}

impl Standings {
    /// The worst of them. Nothing checked is nothing known.
    pub(super) fn verdict(&self) -> Verdict {
        match (self.ok, self.failed, self.unknown) {
            (_, 1.., _) => Verdict::Failed,
            (1.., 0, 0) => Verdict::Ok,
            _ => Verdict::Unknown,
        }
    }
}

/// All layers, also those that nothing speaks for.
pub(super) fn layers(checks: &Checks) -> Vec<Standings> {
    let mut all = Layer::ALL.map(|layer| Standings { layer, ok: 0, failed: 0, unknown: 0, last: None });
    for check in &checks.now {
        let Some(layer) = Layer::of(check) else { continue };
        let Some(standing) = all.iter_mut().find(|standing| standing.layer == layer) else { continue };
        *match check.verdict {
            Verdict::Ok => &mut standing.ok,
            Verdict::Failed => &mut standing.failed,
            Verdict::Unknown => &mut standing.unknown,
        } += 1;
        // A round of refs says nothing of the record, and both are auditdb's.
        let repeated = checks.repeated.get(&check.provider).filter(|_| check.provider != "auditdb").copied();
        standing.last = standing.last.max(Some(check.time)).max(repeated);
    }
    all.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, verdict: Verdict, time: i64) -> Check {
        let (provider, family) = ("sandboxctl".to_owned(), "control-evaluated".to_owned());
        Check {
            provider,
            family,
            rule: Some(rule.to_owned()),
            verdict,
            time,
            container: Some("cell".to_owned()),
            ..Check::default()
        }
    }

    fn told(checks: &Checks) -> Vec<(Standing, String)> {
        findings(checks).into_iter().map(|finding| (finding.standing, finding.check.rule.unwrap())).collect()
    }

    #[test]
    fn a_finding_is_new_open_or_mended() {
        use Verdict::{Failed, Ok, Unknown};
        let checks = Checks {
            now: vec![
                check("a", Failed, 9),
                check("b", Unknown, 9),
                check("c", Ok, 9),
                check("d", Ok, 9),
                check("e", Failed, 9),
            ],
            before: vec![check("a", Ok, 1), check("b", Unknown, 1), check("c", Failed, 1)],
            bad: vec![check("a", Failed, 9), check("b", Unknown, 9), check("d", Failed, 5), check("e", Failed, 9)],
            ..Checks::default()
        };
        let expected = [
            (Standing::New, "a"),
            (Standing::New, "e"),
            (Standing::Open, "b"),
            (Standing::Mended, "d"),
            (Standing::Mended, "c"),
        ];
        assert_eq!(told(&checks), expected.map(|(standing, rule)| (standing, rule.to_owned())));
    }

    #[test]
    fn a_layer_that_nothing_speaks_for_is_unknown_and_one_failure_fails_it() {
        let now = vec![check("a", Verdict::Ok, 3), check("b", Verdict::Failed, 2)];
        let layers = layers(&Checks { now, ..Checks::default() });
        let of = |layer| layers.iter().find(|standing| standing.layer == layer).unwrap().clone();
        assert_eq!(of(Layer::Moat).verdict(), Verdict::Unknown);
        assert_eq!((of(Layer::Cell).verdict(), of(Layer::Cell).last), (Verdict::Failed, Some(3)));
    }
}
