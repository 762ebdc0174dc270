//! What happened, as records.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use policy::Policy;
use record::cellblock::{Moat, MoatTally};
use record::fields::{File, Hash, Network};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use crate::host::owner;
use crate::rules::plan::Plan;
use crate::rules::records::ecs;
use crate::rules::syntax;
use crate::verify::{Finding, Subject};

fn record(action: Action, message: impl Into<String>, kind: Type) -> Record {
    Record::new(Provider::Netguard, action, message).about(Category::Network, kind)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The rules were loaded.
pub(crate) fn applied(plan: &Plan, took: Duration, slower: Option<String>) -> Record {
    let bridges = plan.bridges().join(", ");
    let message = format!("{} rules and {} ranges guard {bridges}.", plan.rules.len(), plan.ranges());
    let mut record = record(Action::MoatApplied, message, Type::Change).outcome(Outcome::Success);
    record.event.duration = u64::try_from(took.as_nanos()).ok();
    record.event.reason = slower;
    let tally = MoatTally {
        rules: Some(number(plan.rules.len())),
        ranges: Some(number(plan.ranges())),
        ..MoatTally::default()
    };
    record.own().moat = Some(Moat { tally: Some(tally), ..Moat::default() });
    record
}

/// Connections from before were forgotten, or could not be.
pub(crate) fn flushed(result: &Result<u64>) -> Record {
    match result {
        Ok(count) => {
            let message = format!("{count} connections from before, which the rules refuse, were forgotten.");
            let mut record = record(Action::ConnectionsFlushed, message, Type::Deletion).outcome(Outcome::Success);
            let tally = MoatTally { flushed: Some(*count), ..MoatTally::default() };
            record.own().moat = Some(Moat { tally: Some(tally), ..Moat::default() });
            record
        }
        Err(error) => {
            let message = "Connections from before could not be looked through; some may still pass.";
            let mut record = record(Action::ConnectionsFlushed, message, Type::Error)
                .outcome(Outcome::Unknown)
                .severity(Severity::Medium)
                .reason(format!("{error:#}"));
            record.own().mend =
                Some("stop and start the containers behind the moat, then run netguard apply again".to_owned());
            record
        }
    }
}

/// What `verify` found about one thing.
pub(crate) fn finding(finding: &Finding<'_>) -> Record {
    let (action, message) = match &finding.subject {
        Subject::Rule(rule) => (Action::RuleVerified, format!("Rule {}: {}", rule.id, rule.meaning)),
        Subject::Set(name) => (Action::SetVerified, format!("Set {name}.")),
        Subject::Chain(name) => (Action::ChainVerified, format!("Chain {name}.")),
        Subject::Stranger(what) => (Action::StrangerFound, format!("The moat's table holds a stranger: {what}.")),
    };
    let mut record = record(action, message, Type::Info).kind(Kind::State).outcome(finding.outcome);
    record.event.reason.clone_from(&finding.reason);
    let mut moat = Moat::default();
    if let Subject::Rule(rule) = &finding.subject {
        record.rule = Some(ecs(rule));
        moat.shown = Some(syntax::rule(rule));
    }
    moat.found.clone_from(&finding.found);
    if moat != Moat::default() {
        record.own().moat = Some(moat);
    }
    if finding.outcome != Outcome::Success {
        record.event.severity = Severity::High;
        record.own().mend = Some("netguard apply".to_owned());
    }
    record
}

/// The rules are gone, or were never there.
pub(crate) fn removed(behind: &[(&str, Vec<&str>)], was_there: bool) -> Record {
    let message =
        if was_there { "The moat is gone: not one rule is left." } else { "There was no moat, nothing was removed." };
    let removed = record(Action::MoatRemoved, message, Type::Deletion);
    if behind.is_empty() {
        return removed;
    }
    let exposed: Vec<String> =
        behind.iter().map(|(bridge, ports)| format!("{bridge} ({})", ports.join(", "))).collect();
    removed.severity(Severity::High).reason(format!("forced, while still in use: {}", exposed.join(", ")))
}

/// The rules stay, because of what is behind them.
pub(crate) fn removal_refused(bridge: &str, ports: &[&str]) -> Record {
    let message = format!("The moat stays: {} is still connected to {bridge}.", ports.join(", "));
    let mut record =
        record(Action::MoatKept, message, Type::Denied).outcome(Outcome::Failure).severity(Severity::Medium);
    record.event.reason = Some("without the rules it would reach the LAN and the host at once".to_owned());
    record.own().mend =
        Some("stop the containers on it first (scripts/down), or insist with netguard remove --force".to_owned());
    record
}

/// How long the moat was not as planned after it was noticed. What came in from the guarded bridges since the last look
/// before: so much may have passed, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The time from the kernel's news to the load.
    pub(crate) lasted: Duration,
    /// How long before that news all was last seen in order.
    pub(crate) unseen: Duration,
    /// Packets; `None` where nobody can know.
    pub(crate) packets: Option<u64>,
}

/// The moat stands, and is watched.
pub(crate) fn watched(plan: &Plan) -> Record {
    let message = format!("The moat stands around {}, and is watched.", plan.bridges().join(", "));
    record(Action::MoatWatched, message, Type::Start)
}

/// The moat was not as planned, and is again. When only sets changed, the machine's own networks did.
pub(crate) fn restored(reasons: &[String], gap: Gap, whole: bool) -> Record {
    let took = format!("{:.1} ms", gap.lasted.as_secs_f64() * 1000.0);
    let message = if whole {
        let passed = gap.packets.map_or_else(
            || "how many packets passed meanwhile nobody knows, for a bridge is gone or was made again".to_owned(),
            |packets| format!("{packets} packets at most passed meanwhile"),
        );
        let unseen = gap.unseen.as_millis();
        format!(
            "The moat was not as planned, {unseen} ms at most before it was noticed, and is back after {took}; {passed}."
        )
    } else {
        format!("The denied networks were brought up to date in {took}.")
    };
    let more = reasons.len().saturating_sub(3);
    let mut reason = reasons.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 {
        reason = format!("{reason}; and {more} more");
    }
    let severity = if whole { Severity::High } else { Severity::Informational };
    let mut record = record(Action::MoatRestored, message, Type::Change).severity(severity).reason(reason);
    record.event.duration = u64::try_from(gap.lasted.as_nanos()).ok();
    record.network = whole.then(|| Network { packets: gap.packets, ..Network::default() });
    record
}

/// Whether Docker may start what is behind the moat, for who asked.
pub(crate) fn permitted(verdict: Outcome) -> Record {
    let (message, reason) = match verdict {
        Outcome::Success => ("Docker may start what is behind the moat.", None),
        Outcome::Failure => {
            ("Docker may start nothing behind the moat.", Some("it does not hold; the lines before say where"))
        }
        Outcome::Unknown => (
            "Whether Docker may start what is behind the moat stays as it was.",
            Some("not all of it could be checked"),
        ),
    };
    let mut record = record(Action::PermitSettled, message.to_owned(), Type::Info).outcome(verdict);
    if let Some(reason) = reason {
        record = record.severity(Severity::High).reason(reason);
    }
    record
}

/// The policy was changed, and is kept as it is now.
pub(crate) fn policy_taken(plan: &Plan) -> Record {
    let message = format!("The policy was changed; what it asks for now is kept: {} rules.", plan.rules.len());
    record(Action::PolicyTaken, message, Type::Change)
}

/// The policy was changed, and is broken.
pub(crate) fn policy_refused(error: &anyhow::Error) -> Record {
    let message =
        "The policy was changed and cannot be read; the last good one is kept, and nothing new of ours may start.";
    let mut record = record(Action::PolicyRefused, message, Type::Error)
        .outcome(Outcome::Unknown)
        .severity(Severity::High)
        .reason(format!("{error:#}"));
    record.own().mend = Some("mend the policy; netguard plan says what is wrong with it".to_owned());
    record
}

/// What was loaded for a policy is kept, from now on.
pub(crate) fn saved(policy: &Policy, path: &Path) -> Record {
    let message = format!("The rules are kept in {}, for a time when the policy cannot be read.", path.display());
    let mut record = record(Action::RulesSaved, message, Type::Creation).outcome(Outcome::Success);
    let hash = Hash { sha256: Some(policy.sha256.clone()) };
    record.file = Some(File { hash: Some(hash), ..File::at(&owner::origin(&policy.origin)) });
    record
}

/// What was loaded could not be kept.
pub(crate) fn unsaved(error: &anyhow::Error) -> Record {
    let message = "The rules stand, and could not be kept for a time when the policy cannot be read.";
    let mut record = record(Action::RulesSaved, message, Type::Error)
        .outcome(Outcome::Failure)
        .severity(Severity::Medium)
        .reason(format!("{error:#}"));
    record.own().mend =
        Some("make room on that disk, or make its folder writable; then netguard apply again".to_owned());
    record
}

/// The policy cannot be read, and the last good rules take its place: those that `saved` told of when they were kept.
pub(crate) fn saved_used(broken: &anyhow::Error, saved: &Record, bridges: &[&str], closed: bool) -> Record {
    let bridges = bridges.join(", ");
    let message = if closed {
        format!("The policy cannot be read: nothing passes {bridges} until it can, and nothing of ours may start.")
    } else {
        format!(
            "The policy cannot be read: the last good rules stay around {bridges}, and nothing new of ours may start."
        )
    };
    let file = saved.file.clone().unwrap_or_default();
    let whose = file.path.as_deref().unwrap_or("a policy that is not named");
    let mut record = record(Action::SavedRulesUsed, message, Type::Error)
        .outcome(Outcome::Failure)
        .severity(Severity::High)
        .reason(format!("{broken:#}; the last good rules are those of {whose}, saved at {:.0}", saved.timestamp));
    record.event.kind = Kind::Alert;
    record.file = Some(file);
    record.own().mend = Some("mend the policy; a netguard watch takes it at once, else run netguard apply".to_owned());
    record
}

/// Docker's events are heard.
pub(crate) fn engine_heard() -> Record {
    record(Action::EngineHeard, "Docker answers, and its events are followed.", Type::Start)
}

/// Docker's events are not heard.
pub(crate) fn engine_silent(why: &str) -> Record {
    let message = "Docker does not answer: the rules are kept all the same, and what only Docker knows is not known.";
    let mut record = record(Action::EngineSilent, message, Type::Error)
        .outcome(Outcome::Unknown)
        .severity(Severity::Low)
        .reason(why);
    record.own().mend = Some("start Docker, or name its socket with DOCKER_HOST".to_owned());
    record
}

/// The moat is not as planned, and stays so for now.
pub(crate) fn lost(error: &anyhow::Error) -> Record {
    let message = "The moat is not as planned and could not be loaded again; every round tries anew.";
    let mut record =
        record(Action::MoatLost, message, Type::Error).outcome(Outcome::Failure).severity(Severity::Critical);
    record.event.kind = Kind::Alert;
    record.event.reason = Some(format!("{error:#}"));
    record.own().mend =
        Some("stop the containers behind it (scripts/down), then look at what changes the kernel's rules".to_owned());
    record
}
