//! The parts of a cellblock that hold the prisoner, and which check speaks for which.

use super::check::Check;

/// A part of the cellblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Moat,
    Gate,
    Vault,
    Warden,
    Monitor,
    Cell,
    Host,
    Record,
}

impl Layer {
    /// In the order in which the report has them.
    pub(super) const ALL: [Self; 8] =
        [Self::Moat, Self::Gate, Self::Vault, Self::Warden, Self::Monitor, Self::Cell, Self::Host, Self::Record];

    /// Its name, for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Moat => "moat",
            Self::Gate => "gate",
            Self::Vault => "vault",
            Self::Warden => "warden",
            Self::Monitor => "monitor",
            Self::Cell => "cell",
            Self::Host => "host",
            Self::Record => "record",
        }
    }

    /// The command to ask where the record has nothing of it.
    pub(super) fn asked_by(self) -> &'static str {
        match self {
            Self::Moat => "netguard verify",
            Self::Gate | Self::Cell => "sandboxctl audit, egress-check run",
            Self::Vault => "sandboxctl audit, egress-check pin",
            Self::Warden => "scanwatch self-test",
            Self::Monitor => "auditdb refs",
            Self::Host => "sandboxctl audit, scripts/acceptance",
            Self::Record => "auditdb verify",
        }
    }

    /// The layer that a check is about. The acceptance table speaks of all of them, and so for none.
    pub(super) fn of(check: &Check) -> Option<Self> {
        let container = check.container.as_deref();
        Some(match (check.provider.as_str(), check.family.as_str()) {
            ("acceptance", "criterion-evaluated") => return None,
            ("acceptance" | "remote", _) | (_, "engine") => Self::Host,
            ("netguard", _) => Self::Moat,
            ("scanwatch", _) => Self::Warden,
            ("auditdb", "refs") => Self::Monitor,
            ("auditdb", _) => Self::Record,
            (_, "pin-evaluated") => Self::Vault,
            (_, "probe-evaluated") if asks_the_gate(check) => Self::Gate,
            (_, "storage-reported") if is_of_the_record(&check.message) => Self::Record,
            (_, "storage-reported") => Self::Warden,
            _ => container.map_or(Self::Host, Self::of_container),
        })
    }

    /// The layer that a container is, by the names of compose.yaml. Whatever else runs is taken for the prisoner's.
    fn of_container(name: &str) -> Self {
        match name {
            "proxy" => Self::Gate,
            "vault" => Self::Vault,
            "warden" | "clamd" => Self::Warden,
            "monitor" => Self::Monitor,
            _ => Self::Cell,
        }
    }
}

/// A storage has its name in its sentence: `spool` and `database` are the record's.
fn is_of_the_record(message: &str) -> bool {
    message.split(' ').any(|word| ["spool", "database"].contains(&word))
}

/// Probes of what only the gate lets through or stops are named so, whichever container they start from.
fn asks_the_gate(check: &Check) -> bool {
    check.rule.as_deref().is_some_and(|rule| rule.split('.').nth(1) == Some("gate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(provider: &str, family: &str, container: Option<&str>, rule: &str) -> Option<Layer> {
        Layer::of(&Check {
            provider: provider.to_owned(),
            family: family.to_owned(),
            container: container.map(str::to_owned),
            rule: Some(rule.to_owned()),
            ..Check::default()
        })
    }

    #[test]
    fn a_check_speaks_for_the_layer_it_is_about() {
        assert_eq!(layer("netguard", "rule-verified", None, "cell/peers"), Some(Layer::Moat));
        assert_eq!(layer("sandboxctl", "control-evaluated", Some("proxy"), "x"), Some(Layer::Gate));
        assert_eq!(layer("egress-check", "probe-evaluated", Some("monitor"), "monitor.gate.x"), Some(Layer::Gate));
        assert_eq!(layer("egress-check", "probe-evaluated", Some("cell"), "cell.lan.x"), Some(Layer::Cell));
        assert_eq!(layer("auditdb", "refs", None, ""), Some(Layer::Monitor));
        assert_eq!(layer("auditdb", "segment-verified", None, ""), Some(Layer::Record));
        assert_eq!(layer("sandboxctl", "control-evaluated", None, "x"), Some(Layer::Host));
        assert_eq!(layer("acceptance", "criterion-evaluated", None, "x"), None);
        let storage = |message: &str| {
            let (provider, family) = ("sandboxctl".to_owned(), "storage-reported".to_owned());
            Layer::of(&Check { provider, family, message: message.to_owned(), ..Check::default() })
        };
        for name in ["spool", "database"] {
            assert_eq!(storage(&format!("The {name} holds 9 bytes, more than its 8.")), Some(Layer::Record));
            assert_eq!(storage(&format!("How full the {name} is could not be told.")), Some(Layer::Record));
        }
        assert_eq!(storage("The jail holds 9 of 10 bytes."), Some(Layer::Warden));
    }
}
