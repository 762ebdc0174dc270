//! The kill switch at the end of a pipe: which record of the record's own lets it fire.

use clap::Args;
use record::{GATE, Outcome, Provider, Record};

/// When to freeze; at once, where the command line says nothing.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Trigger {
    /// Read records from standard input; freeze at the first that is as bad as this and of one of the rules
    #[arg(long, value_name = "0..99", requires = "rule", value_parser = clap::value_parser!(u8).range(0..=99))]
    if_severity: Option<u8>,
    /// A rule, control or probe by its id, or an action, such as cellblock-capabilities-in-effect or refs-moved
    #[arg(long, value_name = "ID", requires = "if_severity", num_args = 1..)]
    rule: Vec<String>,
}

impl Trigger {
    /// Does it wait for a record?
    pub(crate) fn waits(&self) -> bool {
        self.if_severity.is_some()
    }

    /// Does this record fire it? Only a failure does, and none that the prisoner wrote: such a line stands under the
    /// cell's name, or with the name that it claimed.
    pub(crate) fn fires(&self, record: &Record) -> bool {
        let event = &record.event;
        // The gate vouches for its lines as the tools do.
        let vouched = event.provider == GATE || Provider::ALL.iter().any(|tool| tool.name() == event.provider);
        let claimed = record.cellblock.as_ref().is_some_and(|own| own.claim.is_some());
        let bad = event.outcome == Some(Outcome::Failure)
            && self.if_severity.is_some_and(|least| u8::from(event.severity) >= least);
        let id = record.rule.as_ref().and_then(|rule| rule.id.as_deref());
        let named = self.rule.iter().any(|rule| Some(rule.as_str()) == id || *rule == event.action);
        vouched && !claimed && bad && named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Action, Severity};

    fn trigger() -> Trigger {
        Trigger { if_severity: Some(73), rule: vec!["cis-docker-5.4".into(), "refs-moved".into()] }
    }

    fn record(action: Action) -> Record {
        Record::new(Provider::Auditdb, action, "x").outcome(Outcome::Failure).severity(Severity::Critical)
    }

    #[test]
    fn it_fires_for_what_is_named_and_bad_enough_and_for_nothing_else() {
        assert!(trigger().fires(&record(Action::RefsMoved)));
        assert!(!trigger().fires(&record(Action::RefMoved)), "another action");
        assert!(!trigger().fires(&record(Action::RefsMoved).severity(Severity::Medium)), "not bad enough");
        assert!(!trigger().fires(&record(Action::RefsMoved).outcome(Outcome::Success)), "mended");
        let mut control = record(Action::ControlEvaluated);
        control.rule = serde_json::from_str(r#"{"id":"cis-docker-5.4"}"#).unwrap();
        assert!(trigger().fires(&control));
    }

    #[test]
    fn what_the_prisoner_wrote_does_not_fire() {
        let mut cell = record(Action::RefsMoved);
        cell.event.provider = "cell".into();
        assert!(!trigger().fires(&cell));
        let mut claimed = record(Action::RefsMoved);
        claimed.own().claim = Some(record::cellblock::Claim { provider: Some("auditdb".into()) });
        assert!(!trigger().fires(&claimed));
    }
}
