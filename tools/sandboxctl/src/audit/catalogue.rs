//! All controls, whatever they are about: for people who look them up, and for whoever asks for some of them only.

use anyhow::bail;
use clap::{Args, ValueEnum};
use record::Severity;
use tool::OutputArgs;

use super::control::{Control, reference};
use super::{container_controls, daemon, network};

/// What of a control does not depend on what it judges.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    title: &'static str,
    severity: Severity,
    mend: &'static str,
    /// What it judges: `container`, `network` or `engine`.
    target: &'static str,
}

impl Entry {
    fn of<T>(control: &Control<T>, target: &'static str) -> Self {
        let Control { id, title, severity, mend, .. } = *control;
        Self { id, title, severity, mend, target }
    }
}

/// Every control, in the order of the report.
pub(crate) fn all() -> Vec<Entry> {
    let containers = container_controls().map(|control| Entry::of(control, "container"));
    let networks = network::ALL.iter().map(|control| Entry::of(control, "network"));
    let engine = daemon::ALL.iter().map(|control| Entry::of(control, "engine"));
    containers.chain(networks).chain(engine).collect()
}

/// Prints every control: a line and its mend for a person, or one JSON object a line.
///
/// # Errors
/// If it cannot be printed.
pub(crate) fn list(output: OutputArgs) -> anyhow::Result<()> {
    let line = |entry: &Entry| {
        let Entry { id, title, severity, mend, target } = entry;
        if output.is_text() {
            return format!("{id:<34} {:<8} {target} {title}\n{:<44}{mend}\n", word(*severity), "");
        }
        let told = serde_json::json!({
            "rule": {"id": id, "name": title, "category": target, "reference": reference(id)},
            "event": {"severity": u8::from(*severity)}, "cellblock": {"mend": mend}
        });
        format!("{told}\n")
    };
    tool::print(all().iter().map(line).collect::<String>().as_bytes())
}

/// A severity for people.
pub(super) fn word(severity: Severity) -> String {
    format!("{severity:?}").to_lowercase()
}

/// Which controls an audit has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Pick {
    /// Only these controls, by id, with a comma between them
    #[arg(long, value_name = "ID", value_delimiter = ',', conflicts_with = "skip")]
    only: Vec<String>,
    /// All but these controls
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    skip: Vec<String>,
    /// Only controls whose failure is at least as bad
    #[arg(long, value_name = "LEVEL")]
    severity: Option<Level>,
}

/// The severities that a failure has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Low,
    Medium,
    High,
    Critical,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::Low,
            Level::Medium => Self::Medium,
            Level::High => Self::High,
            Level::Critical => Self::Critical,
        }
    }
}

impl Pick {
    /// Is this one of them?
    pub(crate) fn has<T>(&self, control: &Control<T>) -> bool {
        let named = |ids: &[String]| ids.iter().any(|id| id == control.id);
        (self.only.is_empty() || named(&self.only))
            && !named(&self.skip)
            && self.severity.is_none_or(|level| control.severity >= level.into())
    }

    /// Is this one asked for by its id?
    pub(super) fn names(&self, id: &str) -> bool {
        self.only.iter().any(|only| only == id)
    }

    /// Refuses an id that no control has: it would leave out nothing, or everything.
    ///
    /// # Errors
    /// With the id.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let all = all();
        match self.only.iter().chain(&self.skip).find(|id| !all.iter().any(|entry| entry.id == **id)) {
            Some(id) => bail!("there is no control {id}; sandboxctl controls lists those there are"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(pick: &Pick) -> Vec<&'static str> {
        container_controls().filter(|control| pick.has(control)).map(|control| control.id).collect()
    }

    #[test]
    fn some_controls_are_picked_by_id_or_by_how_bad_their_failure_is() {
        let ids = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let whole = picked(&Pick::default()).len();
        let one = Pick { only: ids(&["cis-docker-5.4"]), ..Pick::default() };
        assert_eq!(picked(&one), ["cis-docker-5.4"]);
        let others = Pick { skip: ids(&["cis-docker-5.4"]), ..Pick::default() };
        assert_eq!(picked(&others).len(), whole - 1);
        let worst = Pick { severity: Some(Level::Critical), ..Pick::default() };
        assert!((5..whole / 2).contains(&picked(&worst).len()) && picked(&worst).contains(&"cis-docker-5.5"));
        assert!(Pick { only: ids(&["cis-docker-5.99"]), ..Pick::default() }.check().is_err());
        assert!(others.check().is_ok());
    }

    #[test]
    fn the_manual_page_has_every_control_with_its_title() {
        let page = include_str!("../../../../man/sandboxctl.1");
        for Entry { id, title, severity, .. } in all() {
            let written = format!(".It Li {id} Pq {}\nIt {title}.\n", word(severity));
            assert!(page.contains(&written), "man/sandboxctl.1 lacks:\n{written}");
        }
    }
}
