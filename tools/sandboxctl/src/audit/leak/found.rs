//! A secret that was found, told without it: where, which rule knew it, how long it is, and a mark by which the same
//! one is known elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Rules;

/// A value that a rule took for a secret. It lives only until it is a [`Leak`].
#[derive(Debug)]
pub(super) struct Hit<'a> {
    /// The id of the rule that knows it.
    pub(super) how: &'a str,
    pub(super) secret: String,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Leak {
    place: String,
    how: String,
    /// Its length in characters, and its mark; nothing where there is no key to make one with.
    known: Option<(usize, String)>,
    /// Where else the same secret is.
    twins: BTreeSet<String>,
}

impl Leak {
    pub(super) fn of(place: &str, hit: Hit<'_>, rules: &Rules) -> Self {
        let Hit { how, secret } = hit;
        let known = rules.mark(&secret).map(|mark| (secret.chars().count(), mark));
        Self { place: place.to_owned(), how: how.to_owned(), known, twins: BTreeSet::new() }
    }

    /// Does it stand in this place?
    pub(super) fn is_at(&self, place: &str) -> bool {
        self.place == place
    }

    /// Puts somebody's name before the leak's place.
    pub(in super::super) fn within(self, whole: &str) -> Self {
        Self { place: format!("{whole}{}", self.place), ..self }
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.place, self.how)?;
        if let Some((length, mark)) = &self.known {
            write!(f, ", {length} characters, mark {mark}")?;
        }
        let twins: Vec<&str> = self.twins.iter().map(String::as_str).collect();
        if !twins.is_empty() {
            write!(f, ", same as in {}", twins.join(" and "))?;
        }
        f.write_str(")")
    }
}

/// Who has which secret, by its mark.
#[derive(Debug, Default)]
pub(in super::super) struct Owners(BTreeMap<String, BTreeSet<String>>);

impl Owners {
    /// Notes that `owner` has these secrets.
    pub(in super::super) fn add<'a>(&mut self, owner: &str, leaks: impl IntoIterator<Item = &'a Leak>) {
        for (_, mark) in leaks.into_iter().filter_map(|leak| leak.known.as_ref()) {
            self.0.entry(mark.clone()).or_default().insert(owner.to_owned());
        }
    }

    /// Tells each who else has it.
    pub(in super::super) fn name<'a>(&self, owner: &str, leaks: impl IntoIterator<Item = &'a mut Leak>) {
        for leak in leaks {
            let all = leak.known.as_ref().and_then(|(_, mark)| self.0.get(mark));
            leak.twins = all.into_iter().flatten().filter(|other| *other != owner).cloned().collect();
        }
    }
}
