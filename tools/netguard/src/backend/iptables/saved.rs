//! The kernel's side, as iptables-save prints it (iptables-save(8)), one family at a time. Both of its
//! variants, legacy and nft, print the same.
//!
//! Everything of the table `mangle` is read, not our chains alone. A rule of somebody else's that stands before the
//! call of ours can let packets by.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::rulespec::{PREFIX, protocol};

/// The table that all our rules stand in: after connection tracking and before any translation.
pub(crate) const TABLE: &str = "mangle";

/// Chains of the table by name, with their rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Saved(pub(crate) BTreeMap<String, Vec<SavedRule>>);

/// A rule as `iptables-save` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedRule {
    /// As printed, behind `-A CHAIN `.
    pub(crate) raw: String,
    /// Its comment: our id, if it is ours.
    pub(crate) id: Option<String>,
    /// Its words without the comment, in the one form that [`super::rulespec`] writes.
    pub(crate) words: String,
    /// The chain that it sends packets to.
    pub(crate) target: Option<String>,
    /// What it counted: packets and bytes.
    pub(crate) counted: Option<(u64, u64)>,
}

impl Saved {
    /// Reads what iptables-save printed.
    ///
    /// # Errors
    /// The first line that is not as iptables-save(8) prints it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut saved = Self::default();
        let mut table = None;
        for (number, line) in (1..).zip(text.lines()) {
            saved.take(line, &mut table).with_context(|| format!("line {number} of what was saved: {line:?}"))?;
        }
        Ok(saved)
    }

    fn take<'a>(&mut self, line: &'a str, table: &mut Option<&'a str>) -> Result<()> {
        // Said in a comment, in the place of the table, and with a success.
        ensure!(
            !(line.starts_with("# Table ") && line.contains(" is incompatible")),
            "another program put rules there that iptables cannot say; see nft list table ip {TABLE}, and ip6, \
             or let nft keep the moat (--backend nft)"
        );
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(name) = line.strip_prefix('*') {
            *table = Some(name);
        } else if line == "COMMIT" {
            *table = None;
        } else if *table == Some(TABLE) {
            if let Some(chain) = line.strip_prefix(':') {
                let name = chain.split(' ').next().unwrap_or(chain);
                self.0.entry(name.to_owned()).or_default();
            } else {
                let (counted, rule) = counters(line);
                let rule = rule.strip_prefix("-A ").context("no rule")?;
                let (chain, raw) = rule.split_once(' ').unwrap_or((rule, ""));
                let rule = SavedRule { counted, ..rule_of(raw)? };
                self.0.get_mut(chain).context("a rule of a chain that was not named")?.push(rule);
            }
        } else {
            ensure!(table.is_some(), "outside of a table");
        }
        Ok(())
    }

    /// The chains that are ours by their names, with their rules.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&str, &[SavedRule])> {
        self.0
            .iter()
            .filter(|(name, _)| name.starts_with(PREFIX))
            .map(|(name, rules)| (name.as_str(), rules.as_slice()))
    }

    /// The rules of other chains that send packets into ours: chain, place from 1, rule.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&str, usize, &SavedRule)> {
        self.0.iter().filter(|(name, _)| !name.starts_with(PREFIX)).flat_map(|(name, rules)| {
            (1..)
                .zip(rules)
                .filter(|(_, rule)| rule.target.as_ref().is_some_and(|target| target.starts_with(PREFIX)))
                .map(move |(place, rule)| (name.as_str(), place, rule))
        })
    }
}

/// `[PACKETS:BYTES]`, where iptables-save was asked for counters.
fn counters(line: &str) -> (Option<(u64, u64)>, &str) {
    let read = || {
        let (counters, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let (packets, bytes) = counters.split_once(':')?;
        Some(((packets.parse().ok()?, bytes.parse().ok()?), rest))
    };
    read().map_or((None, line), |(counted, rest)| (Some(counted), rest))
}

fn rule_of(raw: &str) -> Result<SavedRule> {
    let mut rule = SavedRule { raw: raw.to_owned(), id: None, words: String::new(), target: None, counted: None };
    let mut kept: Vec<String> = Vec::new();
    let mut words = split(raw)?.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} stands without its value"));
        match word.as_str() {
            "--comment" => {
                rule.id = Some(value()?);
                // What loads the comment's match says nothing else.
                ensure!(
                    kept.pop().as_deref() == Some("comment") && kept.pop().as_deref() == Some("-m"),
                    "a comment alone"
                );
            }
            "-p" => {
                let value = value()?;
                kept.extend([word, protocol(&value).to_owned()]);
            }
            "-j" | "-g" => {
                let value = value()?;
                rule.target = Some(value.clone());
                kept.extend([word, value]);
            }
            _ => kept.push(word),
        }
    }
    rule.words = kept.join(" ");
    Ok(rule)
}

/// Words as iptables-save(8) quotes them: in double quotes where need be, with backslashes within.
///
/// # Errors
/// If a quotation does not end.
pub(crate) fn split(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let (mut quoted, mut escaped) = (false, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                word.get_or_insert_default().push(letter);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    if quoted || escaped {
        bail!("a quotation that does not end");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Generated by iptables-nft-save v1.8.9 (nf_tables) on Sun Nov 22 10:04:57 2026
*filter
:INPUT ACCEPT [0:0]
-A INPUT -j DROP
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:netguard-prerouting - [0:0]
-A PREROUTING -i lan0 -m comment --comment \"say \\\"hello\\\" -j twice\" -j MARK --set-xmark 0x1/0xffffffff
-A PREROUTING -m comment --comment netguard -j netguard-prerouting
[3:180] -A netguard-prerouting -i br-cell -p icmpv6 -m comment --comment \"cell/out\" -g netguard-net-cell
COMMIT
# Completed on Sun Nov 22 10:04:57 2026
";

    #[test]
    fn our_chains_are_told_from_others_and_the_calls_of_them_are_found() {
        let saved = Saved::parse(TEXT).unwrap();
        let (name, rules) = saved.own().next().unwrap();
        assert_eq!((name, rules.len()), ("netguard-prerouting", 1));
        assert_eq!((rules[0].id.as_deref(), rules[0].counted), (Some("cell/out"), Some((3, 180))));
        assert_eq!(rules[0].words, "-i br-cell -p ipv6-icmp -g netguard-net-cell");
        let calls: Vec<_> = saved.calls().map(|(chain, place, _)| (chain, place)).collect();
        assert_eq!(calls, [("PREROUTING", 2)]);
        assert_eq!(saved.0["PREROUTING"][0].id.as_deref(), Some("say \"hello\" -j twice"));
    }

    #[test]
    fn a_line_that_is_none_is_an_error_and_no_empty_table() {
        for odd in [
            "*mangle\nnonsense\n",
            "-A PREROUTING -j DROP\n",
            "*mangle\n-A nowhere -j DROP\n",
            "*mangle\n:x -\n-A x -m comment --comment \"no end\n",
            "*mangle\n:x -\n-A x -j\n",
            "# Table `mangle' is incompatible, use 'nft' tool.\n",
        ] {
            assert!(Saved::parse(odd).is_err(), "{odd:?}");
        }
    }
}
