//! What a finding is known by again tomorrow: tool, action, rule and target. `auditdb report`, `sandboxctl audit
//! --baseline` and `scripts/audit` know their findings by the same words.

use crate::record::Record;

/// In words, with blanks between. `family` is the action, or what stands for several of them. A check without a rule is
/// known by its message, whose numbers do not count.
#[must_use]
pub fn fingerprint(provider: &str, family: &str, rule: Option<&str>, message: &str, target: &str) -> String {
    let what = rule.map_or_else(|| without_numbers(message), str::to_owned);
    [provider, family, &what, target].join(" ")
}

impl Record {
    /// The [`fingerprint`] of this record.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let rule = self.rule.as_ref().and_then(|rule| rule.id.as_deref());
        fingerprint(&self.event.provider, &self.event.action, rule, &self.message, self.target())
    }

    /// What it is about, in a word: a container, else a network, a file; nothing for what is there once.
    fn target(&self) -> &str {
        let container = self.container.as_ref().and_then(|container| container.name.as_deref());
        let network = || self.network.as_ref().and_then(|network| network.name.as_deref());
        let file = || self.file.as_ref().and_then(|file| file.path.as_deref());
        container.or_else(network).or_else(file).unwrap_or_default()
    }
}

/// Each run of digits becomes N.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_number = false;
    for letter in text.chars() {
        let is_digit = letter.is_ascii_digit();
        match (is_digit, in_number) {
            (true, true) => {}
            (true, false) => out.push('N'),
            (false, _) => out.push(letter),
        }
        in_number = is_digit;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Container, Rule};
    use crate::{Action, Provider};

    #[test]
    fn a_finding_is_the_same_tomorrow_whatever_it_counts() {
        let mut record = Record::new(Provider::Sandboxctl, Action::ControlEvaluated, "holds 40 of 1N2");
        assert_eq!(record.fingerprint(), "sandboxctl control-evaluated holds N of NNN ");
        record.rule = Some(Rule { id: Some("cis-docker-5.4".to_owned()), ..Rule::default() });
        record.container = Some(Container::named("cell"));
        assert_eq!(record.fingerprint(), "sandboxctl control-evaluated cis-docker-5.4 cell");
    }
}
