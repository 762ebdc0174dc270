//! What other programs' rules do with what is forwarded, once the moat is gone. These are the chains of their tables
//! that drop whatever they do not let through. nft knows all of them but those of iptables's legacy variant, and is not
//! on every machine; iptables knows its own.

use anyhow::{Context, Result};

use super::facts::ForwardChain;
use crate::backend::iptables;
use crate::backend::nft::Nft;
use crate::backend::nft::chains::{Chain, parsed};
use crate::rules::table::{FAMILY, TABLE};

/// iptables's table of the chains that decide on what is forwarded.
const FILTER: &str = "filter";

/// The chains of other tables that forwarded packets pass, as whoever is there tells of them.
///
/// # Errors
/// If nobody is.
pub(super) fn chains() -> Result<Vec<ForwardChain>> {
    let by_nft = Nft::find().and_then(|nft| listed(&nft.chains()?));
    let by_iptables = iptables::printed(FILTER)
        .and_then(|texts| texts.iter().map(|(family, text)| saved(family.header(), text)).collect::<Result<Vec<_>>>());
    match (by_nft, by_iptables) {
        (Ok(nft), Ok(iptables)) => Ok(nft.into_iter().chain(iptables.into_iter().flatten()).collect()),
        (Ok(nft), Err(_)) => Ok(nft),
        (Err(_), Ok(iptables)) => Ok(iptables.into_iter().flatten().collect()),
        (Err(nft), Err(iptables)) => Err(nft.context(format!("{iptables:#}"))),
    }
}

fn listed(text: &[u8]) -> Result<Vec<ForwardChain>> {
    let mut forward = Vec::new();
    for Chain { family, table, hook, policy, .. } in parsed(text)? {
        let concerns = ["ip", "ip6", "inet"].contains(&family.as_str()) && hook.as_deref() == Some("forward");
        if concerns && (family.as_str(), table.as_str()) != (FAMILY, TABLE) {
            forward.push(ForwardChain { family, table, drops: policy.as_deref() == Some("drop") });
        }
    }
    Ok(forward)
}

/// From what `iptables-save -t filter` printed: the chain drops by its policy, or by a last rule that asks for
/// nothing, as firewalld's does. `None` where the table was never made.
fn saved(family: &str, text: &str) -> Result<Option<ForwardChain>> {
    let Some((_, rest)) = text.split_once("*filter\n") else { return Ok(None) };
    let (table, _) = rest.split_once("COMMIT").context("iptables-save did not come to an end")?;
    let policy = table.lines().find_map(|line| line.strip_prefix(":FORWARD ")).context("no chain FORWARD")?;
    let last = table.lines().filter_map(|line| line.strip_prefix("-A FORWARD ")).next_back().unwrap_or_default();
    let unconditional = ["-j DROP", "-j REJECT"].iter().any(|target| last.starts_with(target));
    let drops = policy.starts_with("DROP ") || unconditional;
    Ok(Some(ForwardChain { family: family.to_owned(), table: FILTER.to_owned(), drops }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drops(policy: &str, rules: &str) -> bool {
        let text = format!("# Generated\n*filter\n:INPUT DROP [0:0]\n:FORWARD {policy} [0:0]\n{rules}COMMIT\n# Done\n");
        saved("ip", &text).unwrap().unwrap().drops
    }

    #[test]
    fn a_chain_of_iptables_drops_by_its_policy_or_by_a_last_rule_that_asks_for_nothing() {
        assert!(drops("DROP", ""));
        assert!(drops("DROP", "-A FORWARD -i br0 -j ACCEPT\n"));
        assert!(drops(
            "ACCEPT",
            "-A FORWARD -i br0 -j ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n"
        ));
        assert!(!drops("ACCEPT", ""));
        assert!(!drops("ACCEPT", "-A FORWARD -j DROP\n-A FORWARD -i br0 -j ACCEPT\n"));
        assert!(!drops("ACCEPT", "-A FORWARD -i br0 -j DROP\n-A INPUT -j DROP\n"));
    }

    #[test]
    fn a_table_that_was_never_made_is_no_chain_and_half_a_table_is_an_error() {
        assert_eq!(saved("ip", "").unwrap(), None);
        assert!(saved("ip", "*filter\n:FORWARD DROP [0:0]\n").is_err());
        assert!(saved("ip", "*filter\nCOMMIT\n").is_err());
    }

    #[test]
    fn of_what_nft_lists_the_chains_of_others_count_and_the_moats_own_does_not() {
        let text = br#"{"nftables": [{"metainfo": {"version": "1"}},
            {"chain": {"family": "inet", "table": "netguard", "name": "forward", "hook": "forward", "policy": "drop"}},
            {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "drop"}},
            {"chain": {"family": "ip6", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "accept"}},
            {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "hook": "input", "policy": "drop"}}]}"#;
        let found: Vec<_> = listed(text).unwrap().into_iter().map(|chain| (chain.family, chain.drops)).collect();
        assert_eq!(found, [("ip".to_owned(), true), ("ip6".to_owned(), false)]);
        assert!(listed(b"no json").is_err());
    }
}
