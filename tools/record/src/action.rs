//! Who writes records, and every action there is.
//!
//! One table, so that `man/cellblock-record.5` can be held against it by a test: an action that a
//! tool can emit and the page does not explain is a failure, and so is the reverse.

/// The tool that wrote a record: `event.provider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// The moat.
    Netguard,
    /// The inspector.
    EgressCheck,
    /// The warden.
    Scanwatch,
    /// The record, and the monitor's `refs`.
    Auditdb,
    /// The cell.
    Sandboxctl,
}

impl Provider {
    /// The tool's name, as in `event.provider` and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Netguard => "netguard",
            Self::EgressCheck => "egress-check",
            Self::Scanwatch => "scanwatch",
            Self::Auditdb => "auditdb",
            Self::Sandboxctl => "sandboxctl",
        }
    }
}

macro_rules! actions {
    ($($(#[$group:meta])* $provider:literal { $($variant:ident = $name:literal : $meaning:literal,)* })*) => {
        /// What happened, in the past tense: `event.action`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[doc = $meaning] $variant,)*)*
        }

        impl Action {
            /// Every action with the tool that emits it (`every tool` for what they share) and its meaning.
            pub const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$($((Self::$variant, $provider, $meaning),)*)*];

            /// The action as it stands in `event.action`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)*)* }
            }
        }
    };
}

actions! {
    "every tool" {
        RunFinished = "run-finished": "A run ended; cellblock.counts tells what was checked.",
    }
    "netguard" {
        RulePlanned = "rule-planned": "A rule that the policy asks for.",
    }
    "egress-check" {
        ProbePlanned = "probe-planned": "A probe that the policy asks for.",
    }
    "scanwatch" {
        FileQuarantined = "file-quarantined": "An infected file was moved to the jail.",
    }
    "auditdb" {
        RefMoved = "ref-moved": "A ref of a watched repository points elsewhere than before.",
    }
    "sandboxctl" {
        ControlEvaluated = "control-evaluated": "A control was held against a container, an image, a network or the engine.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_kebab_case_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (action, provider, meaning) in Action::ALL {
            let name = action.name();
            assert!(name.split('-').count() >= 2, "{name} of {provider} is not an object and a verb");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
            assert!(seen.insert(name), "{name} stands twice");
            assert!(meaning.ends_with('.'), "{name}: a meaning is a sentence");
        }
    }
}
