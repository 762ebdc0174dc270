//! Does a container hold a secret where everybody who may ask the engine reads it? That is its environment, command line,
//! labels, health check and host name. The value's form counts first ([`Rules`]), and its name only then. What is handed
//! on is where it is and which rule knew it, never the value.

mod name;
mod rules;
mod value;
mod words;

use std::collections::HashMap;

pub(crate) use rules::Rules;

/// Says of a secret that its name told it.
const NAMED: &str = "named so";

/// What a container was given, as far as it is text of its own.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a> {
    /// `NAME=value`.
    pub(crate) variables: &'a [String],
    /// Program and arguments.
    pub(crate) words: &'a [String],
    /// As the engine has it: `CMD` or `CMD-SHELL`, and words.
    pub(crate) health_check: &'a [String],
    pub(crate) labels: Option<&'a HashMap<String, String>>,
    pub(crate) hostname: &'a str,
    pub(crate) domain: &'a str,
}

/// Where secrets are, and how each was known.
pub(crate) fn places(texts: &Texts<'_>, rules: &Rules) -> Vec<String> {
    let variables = texts.variables.iter().filter_map(|variable| variable.split_once('='));
    let mut found: Vec<String> = variables.filter_map(|(name, held)| in_pair(name, name, held, rules)).collect();
    found.extend(in_line("the command line", texts.words, rules));
    found.extend(in_line("the health check", texts.health_check, rules));
    let mut labels: Vec<(&String, &String)> = texts.labels.into_iter().flatten().collect();
    labels.sort();
    found.extend(labels.iter().filter_map(|(name, held)| in_pair(&format!("label {name}"), name, held, rules)));
    for (place, text) in [("the host name", texts.hostname), ("the domain name", texts.domain)] {
        found.extend(rules.known(text).map(|rule| told(place, rule)));
    }
    found
}

fn told(place: &str, how: &str) -> String {
    format!("{place} ({how})")
}

fn in_pair(place: &str, name: &str, held: &str, rules: &Rules) -> Option<String> {
    known(held, rules).or_else(|| name::keeps_secret(name, held).then_some(NAMED)).map(|how| told(place, how))
}

fn in_line(place: &str, line: &[String], rules: &Rules) -> Vec<String> {
    let named = words::with_secrets(line);
    let one = |(at, word): (usize, &String)| {
        let how = known(word, rules).or_else(|| named.contains(&(at + 1)).then_some(NAMED))?;
        Some(told(&format!("word {} of {place}", at + 1), how))
    };
    line.iter().enumerate().filter_map(one).collect()
}

/// The rule that knows a value, or what the value is base64 of.
fn known<'a>(held: &str, rules: &'a Rules) -> Option<&'a str> {
    let basic = || value::has_basic_credentials(held).then_some("basic-credentials");
    rules.known(held).or_else(|| value::decoded(held).and_then(|text| rules.known(&text))).or_else(basic)
}

#[cfg(test)]
mod tests;
