//! What a rule is for, as a type, and the ids of the rules that somebody asks for.
//!
//! One table says how such an id is written. Three places use it: what makes the rule, what asks whether it stands, and
//! what reads its id off the kernel. So a rule that is renamed is renamed for all, and none goes quiet.

use crate::rules::address_set::{Family, SetName};
use crate::rules::table::{FlowSet, INWARD};

/// Where the ids of rules begin that are no network's, as those of a network begin with its name.
pub(crate) const OUTSIDE: &str = "outside";

/// What a rule is for, as far as anybody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What is left is the internet.
    Internet,
    /// Destinations of a set are refused.
    Denied(SetName),
    /// What a member sends to the host is refused.
    Host,
    /// Sources of a family are refused that are not of the network.
    Source(Family),
    /// A route that the sender chose is refused: each hop of it may be reached over others.
    LooseRoute,
    /// A route that the sender chose is refused: each hop of it is named.
    StrictRoute,
    /// A route that the sender chose is refused, of IPv6.
    RoutingHeader,
    /// A sender that has spent its budget is refused without a record of it.
    Spent {
        /// Whether it is about flows with ports.
        ported: bool,
        /// The family of the addresses.
        family: Family,
    },
    /// Whatever comes to a member and is no answer is dropped, in the chain that all networks share.
    InwardRest,
    /// Something that only its own meaning tells.
    Other,
}

impl Role {
    /// The id of the rule of a network that has this role. One rule serves all networks, and has one id.
    pub(crate) fn id(self, network: &str) -> String {
        let place = if self == Self::InwardRest { INWARD } else { network };
        format!("{place}/{}", self.word())
    }

    /// The role of a rule of which only its id is at hand: the inverse of [`Role::id`].
    pub(crate) fn of(id: &str) -> Self {
        let place = id.split('/').next().unwrap_or_default();
        let named = |role: &Self| place != OUTSIDE && role.id(place) == id;
        Self::asked_for().find(named).unwrap_or(Self::Other)
    }

    /// Every role but the last.
    fn asked_for() -> impl Iterator<Item = Self> {
        let routes = [Self::LooseRoute, Self::StrictRoute, Self::RoutingHeader];
        let spent = FlowSet::KINDS.map(|(ported, family)| Self::Spent { ported, family });
        [Self::Internet, Self::Host, Self::InwardRest]
            .into_iter()
            .chain(SetName::all().map(Self::Denied))
            .chain(Family::BOTH.map(Self::Source))
            .chain(routes)
            .chain(spent)
    }

    /// What its id says behind the network.
    pub(crate) fn word(self) -> String {
        match self {
            Self::Internet => "internet".to_owned(),
            Self::Denied(set) => set.to_string(),
            Self::Host => "host".to_owned(),
            Self::Source(family) => format!("source{}", family.digit()),
            Self::LooseRoute => "loose-route".to_owned(),
            Self::StrictRoute => "strict-route".to_owned(),
            Self::RoutingHeader => "routing-header".to_owned(),
            Self::Spent { ported, family } => format!("refuse/spent-{}", FlowSet::kind(ported, family)),
            Self::InwardRest => "rest".to_owned(),
            Self::Other => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;

    #[test]
    fn the_role_of_every_rule_is_read_off_its_id_as_it_was_given() {
        for rule in plan().rules.into_iter().chain(plan().closed().rules) {
            assert_eq!(Role::of(&rule.id), rule.role, "{}", rule.id);
            let network = rule.id.split('/').next().unwrap();
            assert!(rule.role == Role::Other || rule.role.id(network) == rule.id, "{}", rule.id);
        }
    }

    #[test]
    fn every_role_that_somebody_asks_for_is_one_of_the_plan_s() {
        let plan = plan();
        for role in Role::asked_for() {
            assert!(plan.rules.iter().any(|rule| rule.role == role), "{role:?}");
        }
    }

    #[test]
    fn what_only_ends_like_an_id_has_no_role() {
        for id in ["internet", "/", "", "cell/host/source4", "cell/internet/x", "outside/source4", "cell/rest"] {
            assert_eq!(Role::of(id), Role::Other, "{id}");
        }
    }
}
