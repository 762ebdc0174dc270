//! What gets around the moat although every rule of it stands: settings of the kernel, a bridge that leads elsewhere,
//! an engine that was told to look away. Two members that can pose as each other, too.
//!
//! `gather` asks the kernel, the engine and `/proc`, and writes down [`Facts`]; everything else here decides on those
//! alone. A fact that could not be had makes its finding unknown, never a pass. What a rule of the moat makes harmless
//! passes as long as that rule stands in the kernel. It says so.

mod catalogue;
mod engine;
mod facts;
mod firewalls;
mod forward;
mod gather;
mod kernel;
mod moats;
mod nat;
mod neighbours;
mod reachability;
mod refusal;
mod routes;
mod rules;

use policy::{Network, Policy};
use record::fields::{Container, Network as EcsNetwork, Rule as EcsRule};
use record::{Action, Category, Kind, Outcome, Provider, Record, Type};

pub(crate) use catalogue::Bypass;
pub(crate) use facts::Facts;
pub(crate) use gather::{Asker, gather};
pub(crate) use rules::Memory;

/// Whom a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The host: a setting of its kernel, or a program on it.
    Host,
    /// A network of the policy.
    Network(String),
    /// A container, by its name.
    Container(String),
}

/// What was looked for, and where.
pub(crate) type Key = (Bypass, About);

/// What came of looking for one bypass in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The bypass that was looked for.
    pub(crate) bypass: Bypass,
    /// The host, the network or the container that it is about.
    pub(crate) about: About,
    /// Success: it is not there, or harmless. Failure: it is there. Unknown: it could not be looked for.
    pub(crate) outcome: Outcome,
    /// What was seen there, or why nothing could be.
    pub(crate) reason: String,
}

/// Looks for everything there is to look for.
pub(crate) fn check(policy: &Policy, facts: &Facts) -> Vec<Finding> {
    let networks: Vec<&Network> = policy.active_networks().collect();
    let mut findings = kernel::host(facts, networks.iter().copied());
    for network in &networks {
        findings.extend(kernel::network(network, facts));
        findings.push(engine::bridge(network, facts));
        findings.push(engine::routing(network, facts));
        findings.extend(neighbours::check(network, facts));
        findings.extend(reachability::check(network, facts));
    }
    findings.extend(engine::containers(&policy.cell.container, &networks, facts));
    findings.extend(engine::daemon(facts));
    findings
}

impl Finding {
    fn new(bypass: Bypass, about: About, outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { bypass, about, outcome, reason: reason.into() }
    }

    /// From a fact that may be missing: whether it is there, and what was seen.
    fn from(bypass: Bypass, about: About, seen: Result<(bool, String), String>) -> Self {
        match seen {
            Ok((true, reason)) => Self::new(bypass, about, Outcome::Failure, reason),
            Ok((false, reason)) => Self::new(bypass, about, Outcome::Success, reason),
            Err(reason) => Self::new(bypass, about, Outcome::Unknown, reason),
        }
    }

    /// What tells it from other findings, whatever its outcome.
    pub(crate) fn key(&self) -> Key {
        (self.bypass, self.about.clone())
    }

    /// The finding as a record (`shadow-checked`).
    pub(crate) fn record(&self) -> Record {
        let entry = self.bypass.entry();
        let whose = match &self.about {
            About::Host => String::new(),
            About::Network(name) => format!(" (network {name})"),
            About::Container(name) => format!(" (container {name})"),
        };
        let said = match self.outcome {
            Outcome::Failure => "",
            Outcome::Success => "not found or harmless: ",
            Outcome::Unknown => "could not be looked for: ",
        };
        let message = format!("{}{whose}: {said}{}", entry.id, entry.meaning);
        let mut record = Record::new(Provider::Netguard, Action::ShadowChecked, message)
            .about(Category::Network, Type::Info)
            .kind(Kind::State)
            .outcome(self.outcome)
            .reason(self.reason.clone());
        record.rule = Some(EcsRule {
            id: Some(entry.id.to_owned()),
            description: Some(entry.meaning.to_owned()),
            ruleset: Some("netguard shadow".to_owned()),
            ..EcsRule::default()
        });
        match &self.about {
            About::Host => {}
            About::Network(name) => {
                record.network = Some(EcsNetwork { name: Some(name.clone()), ..EcsNetwork::default() });
            }
            About::Container(name) => record.container = Some(Container::named(name)),
        }
        if self.outcome != Outcome::Success {
            record.event.severity = entry.severity;
            record.own().mend = Some(entry.mend.to_owned());
        }
        record
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A finding about a container.
    pub(crate) fn finding(name: &str, outcome: Outcome) -> Finding {
        Finding::new(Bypass::ContainerUnguarded, About::Container(name.to_owned()), outcome, "for a test")
    }

    #[test]
    fn every_id_is_one_of_a_kind_and_stands_in_the_manual() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/netguard.1")).unwrap();
        let mut ids: Vec<&str> = Bypass::ALL.iter().map(|bypass| bypass.entry().id).collect();
        for id in &ids {
            assert!(page.contains(&format!("\n.It Cm {id}\n")), "{id} is not in man/netguard.1");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Bypass::ALL.len());
    }

    #[test]
    fn what_could_not_be_had_is_unknown_everywhere_and_never_a_pass() {
        let nothing = facts::tests::unknown("the test withholds it");
        for finding in check(&crate::rules::plan::tests::shipped(), &nothing) {
            assert_eq!(finding.outcome, Outcome::Unknown, "{finding:?}");
            assert!(finding.record().own().mend.is_some());
        }
    }

    #[test]
    fn a_clean_machine_passes_every_check() {
        let findings = check(&crate::rules::plan::tests::shipped(), &facts::tests::clean());
        assert!(findings.iter().all(|finding| finding.outcome == Outcome::Success), "{findings:#?}");
        assert!(findings.len() > 30);
    }
}
