//! What a rule is for, as a type. Who makes a rule and who asks for it share these words: a rule that is renamed is
//! renamed for both, and none goes quiet.

use crate::rules::address_set::{Group, SetName};

/// The last word of the rule that lets a member of an open network reach what nothing denies.
pub(crate) const INTERNET: &str = "internet";

/// What a rule is for, as far as anybody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What is left is the internet.
    Internet,
    /// Destinations of a group are refused.
    Denied(Group),
    /// Something that only its own meaning tells.
    Other,
}

impl Role {
    /// By the last word of a rule's id.
    pub(crate) fn of(id: &str) -> Self {
        let word = id.rsplit('/').next().unwrap_or_default();
        match SetName::named(word) {
            _ if word == INTERNET => Self::Internet,
            Some(set) => Self::Denied(set.0),
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;

    #[test]
    fn every_role_that_somebody_asks_for_is_one_of_the_plan_s() {
        let roles: Vec<Role> = plan().rules.iter().map(|rule| Role::of(&rule.id)).collect();
        for role in [
            Role::Internet,
            Role::Denied(Group::Special),
            Role::Denied(Group::OnLink),
            Role::Denied(Group::Listed),
            Role::Other,
        ] {
            assert!(roles.contains(&role), "{role:?}");
        }
    }
}
