//! What was known before: the findings of an earlier audit, from a file of its lines or from the record. A finding is
//! known by its fingerprint, its verdict and what was found. One that could not be told before and fails now is new,
//! and so is one that got worse.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use policy::Policy;
use record::{Action, Lines, Outcome, Provider, Record};
use serde::Deserialize;
use tool::input;

/// The findings of an earlier audit, which are no news.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    known: BTreeSet<(String, &'static str, Option<String>)>,
}

/// The newest verdict of every control and target.
const NEWEST: &str = "SELECT raw FROM records WHERE provider = 'sandboxctl' AND action = 'control-evaluated' \
    QUALIFY row_number() OVER (PARTITION BY rule_id, container, network ORDER BY seq DESC) = 1";

impl Baseline {
    /// From what was asked for: `record`, `-` for standard input, or a file.
    ///
    /// # Errors
    /// If it cannot be read, or has no line of an audit.
    pub(crate) fn load(from: &str, policy: &Policy) -> anyhow::Result<Self> {
        let told = || format!("--baseline {from}");
        let records = match from {
            "record" => recorded(policy),
            path => input::open(path.as_ref()).map_err(Into::into).and_then(all),
        };
        let records = records.with_context(told)?;
        ensure!(!records.is_empty(), "{}: no line of an audit; sandboxctl audit --format jsonl makes one", told());
        Ok(Self::of(&records))
    }

    pub(super) fn of(records: &[Record]) -> Self {
        let all = records.iter().filter_map(|record| Some((record.fingerprint(), finding(record)?, found(record))));
        Self { known: all.collect() }
    }

    /// Is this a finding, and was it one before?
    pub(super) fn knows(&self, record: &Record) -> bool {
        finding(record).is_some_and(|word| self.known.contains(&(record.fingerprint(), word, found(record))))
    }
}

/// Its verdict, where that is none of a pass.
pub(super) fn finding(record: &Record) -> Option<&'static str> {
    match record.event.outcome {
        Some(Outcome::Success) => None,
        Some(Outcome::Failure) => Some("failure"),
        Some(Outcome::Unknown) | None => Some("unknown"),
    }
}

/// What was found, where that makes it another finding: why something could not be told is no part of it; nor are
/// processes, whose numbers change with each start.
pub(super) fn found(record: &Record) -> Option<String> {
    let rule = record.rule.as_ref().and_then(|rule| rule.id.as_deref());
    let of_processes = super::process::ALL.iter().any(|control| Some(control.id) == rule);
    let found = || record.cellblock.as_ref()?.cell.as_ref()?.control.as_ref()?.found.clone();
    found().filter(|_| !of_processes && record.event.outcome == Some(Outcome::Failure))
}

/// The lines of an audit among these. Lines of other tools may stand between them.
fn all(input: impl BufRead) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    for line in Lines::new(input) {
        records.extend(Some(line?.record).filter(is_audit));
    }
    Ok(records)
}

fn is_audit(record: &Record) -> bool {
    record.event.provider == Provider::Sandboxctl.name() && record.event.action == Action::ControlEvaluated.name()
}

/// A row of [`NEWEST`].
#[derive(Debug, Deserialize)]
struct Row {
    raw: String,
}

/// Asks `auditdb`, which alone reads the record.
fn recorded(policy: &Policy) -> anyhow::Result<Vec<Record>> {
    let mut asked = Command::new(program());
    asked.args(["query", "--output", "jsonl", NEWEST, "--policy"]).arg(&policy.origin).arg("--root").arg(&policy.root);
    let answer = asked.stdin(Stdio::null()).output().context("auditdb could not be run")?;
    if !answer.status.success() {
        bail!("auditdb: {}", String::from_utf8_lossy(&answer.stderr).trim());
    }
    let rows = answer.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let records = rows.map(|line| {
        let row: Row = serde_json::from_slice(line).context("the answer of auditdb could not be read")?;
        Record::from_json(row.raw.as_bytes()).context("a line of the record could not be read")
    });
    records.collect()
}

/// The one beside this program, else the one on the path.
fn program() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("auditdb"));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| Path::new("auditdb").to_owned())
}

#[cfg(test)]
mod tests {
    use record::cellblock::{Cell, Control};
    use record::fields::{Container, Rule};

    use super::*;

    fn told(id: &str, name: &str, outcome: Outcome) -> Record {
        let mut record = Record::new(Provider::Sandboxctl, Action::ControlEvaluated, "m").outcome(outcome);
        record.rule = Some(Rule { id: Some(id.to_owned()), ..Rule::default() });
        record.container = Some(Container::named(name));
        record
    }

    #[test]
    fn a_finding_is_known_by_rule_target_and_verdict() {
        let before =
            [told("a", "x", Outcome::Failure), told("b", "x", Outcome::Unknown), told("c", "x", Outcome::Success)];
        let baseline = Baseline::of(&before);
        let knows = |id: &str, name: &str, outcome| baseline.knows(&told(id, name, outcome));
        assert!(knows("a", "x", Outcome::Failure) && knows("b", "x", Outcome::Unknown));
        assert!(!knows("a", "y", Outcome::Failure), "another container");
        assert!(!knows("b", "x", Outcome::Failure), "it could not be told before, and fails now");
        assert!(!knows("c", "x", Outcome::Failure), "it passed");
        assert!(!knows("a", "x", Outcome::Success), "a pass is no finding");
        let mut worse = told("a", "x", Outcome::Failure);
        let control = Control { found: Some("it is privileged".to_owned()), ..Control::default() };
        worse.own().cell = Some(Cell { control: Some(control), ..Cell::default() });
        assert!(!baseline.knows(&worse), "it got worse");
    }

    #[test]
    fn lines_of_others_are_passed_over_and_a_bad_line_is_named() {
        let audit = told("a", "x", Outcome::Failure).to_json().unwrap();
        let other = Record::new(Provider::Netguard, Action::RulePlanned, "m").to_json().unwrap();
        assert_eq!(all(format!("{other}\n{audit}\n").as_bytes()).unwrap().len(), 1);
        let error = all(format!("{audit}\nno line\n").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
