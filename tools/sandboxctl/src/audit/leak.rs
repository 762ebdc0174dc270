//! Does a container hold a secret where everybody who may ask the engine reads it? That is its environment, command
//! line, labels, health check and host name. The value's form counts first ([`Rules`]), and its name only then. What is
//! handed on is where it is and which rule knew it, never the value.

mod file;
mod found;
mod mark;
mod name;
mod name_value;
mod pairs;
mod rules;
mod value;
mod words;

use std::collections::HashMap;

use super::control::Verdict;
pub(super) use file::{half_read, in_file};
use found::Hit;
pub(super) use found::{Leak, Owners};
pub(crate) use rules::Rules;

/// Says of a secret that its name told it.
const NAMED: &str = "named so";

/// What a container was given, as far as it is text of its own.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a> {
    /// The variables, each as `NAME=value`.
    pub(crate) variables: &'a [String],
    /// The program and its arguments.
    pub(crate) words: &'a [String],
    /// As the engine has it: `CMD` or `CMD-SHELL`, and words.
    pub(crate) health_check: &'a [String],
    pub(crate) labels: Option<&'a HashMap<String, String>>,
    pub(crate) hostname: &'a str,
    pub(crate) domain: &'a str,
}

/// Where secrets are, and how each was known.
pub(crate) fn places(texts: &Texts<'_>, rules: &Rules) -> Vec<Leak> {
    let variables = texts.variables.iter().filter_map(|variable| variable.split_once('='));
    let one = |place: &str, name: &str, held: &str| {
        from_pair(place, name, held, rules).or_else(|| beside(place, held, rules))
    };
    let mut found: Vec<Leak> = variables.filter_map(|(name, held)| one(name, name, held)).collect();
    found.extend(in_line("the command line", texts.words, rules));
    found.extend(in_line("the health check", texts.health_check, rules));
    let mut labels: Vec<(&String, &String)> = texts.labels.into_iter().flatten().collect();
    labels.sort();
    found.extend(labels.iter().filter_map(|(name, held)| one(&format!("label {name}"), name, held)));
    for (place, text) in [("the host name", texts.hostname), ("the domain name", texts.domain)] {
        found.extend(by_form(text, rules).map(|hit| Leak::of(place, hit, rules)));
    }
    found
}

/// Where secrets are in one step of an image's, which may name them before its command (`|1 NPM_TOKEN=… /bin/sh -c …`).
pub(super) fn in_step(number: usize, step: &str, rules: &Rules) -> Vec<Leak> {
    let (place, words) = (format!("step {number}"), step.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let found = in_line(&place, &words, rules);
    // A form with blanks in it, such as a PEM key's first line, is in no word; nor is a name beside its value.
    let by_form = || by_form(step, rules).map(|hit| Leak::of(&place, hit, rules));
    let whole = if found.is_empty() { by_form().or_else(|| beside(&place, step, rules)) } else { None };
    found.into_iter().chain(whole).collect()
}

/// Passes when there is no leak, and fails with all of them.
pub(super) fn verdict(leaks: &[Leak]) -> Verdict {
    Verdict::none_of("none", &leaks.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn from_pair(place: &str, name: &str, held: &str, rules: &Rules) -> Option<Leak> {
    let named = || name::keeps_secret(name, held).then(|| Hit { how: NAMED, secret: held.trim().to_owned() });
    known(held, rules).or_else(named).map(|hit| Leak::of(place, hit, rules))
}

/// In a text such as JSON: a name, and the secret beside it.
fn beside(place: &str, text: &str, rules: &Rules) -> Option<Leak> {
    name_value::telling(text).into_iter().find_map(|(_, name, held)| from_pair(place, name, held, rules))
}

fn in_line(place: &str, line: &[String], rules: &Rules) -> Vec<Leak> {
    let named = words::with_secrets(line);
    let one = |(at, word): (usize, &String)| {
        let next = line.get(at + 1).map_or("", String::as_str);
        let by_name = || named.contains(&(at + 1)).then(|| Hit { how: NAMED, secret: words::held(word, next) });
        let place = format!("word {} of {place}", at + 1);
        let hit = known(word, rules).or_else(by_name).map(|hit| Leak::of(&place, hit, rules));
        hit.or_else(|| beside(&place, word, rules))
    };
    line.iter().enumerate().filter_map(one).collect()
}

/// The rule that knows a value, or what the value is base64 of.
fn known<'a>(held: &str, rules: &'a Rules) -> Option<Hit<'a>> {
    let inner = || value::decoded(held).and_then(|text| by_form(&text, rules));
    let basic =
        || value::has_basic_credentials(held).then(|| Hit { how: "basic-credentials", secret: held.to_owned() });
    by_form(held, rules).or_else(inner).or_else(basic)
}

fn by_form<'a>(text: &str, rules: &'a Rules) -> Option<Hit<'a>> {
    rules.find(text).map(|(how, secret)| Hit { how, secret: secret.to_owned() })
}

#[cfg(test)]
mod tests;
