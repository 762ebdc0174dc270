//! Who holds rules of a moat. nft itself tells what it holds and what iptables's nft variant holds. It does even where
//! iptables cannot read its own table any more; the legacy variant is asked.

use anyhow::Result;

use crate::backend::iptables;
use crate::backend::nft::Nft;
use crate::backend::nft::chains::{Chain, parsed};
use crate::rules::table::{FAMILY, TABLE};

/// Those that are installed and hold some.
///
/// # Errors
/// If one cannot be asked.
pub(super) fn holders() -> Result<Vec<&'static str>> {
    let Ok(nft) = Nft::find() else { return iptables::moats(false) };
    let mut found = holders_in(&parsed(&nft.chains()?)?);
    found.extend(iptables::moats(true)?);
    Ok(found)
}

fn holders_in(chains: &[Chain]) -> Vec<&'static str> {
    let own = chains.iter().any(|chain| (chain.family.as_str(), chain.table.as_str()) == (FAMILY, TABLE));
    let variant = chains.iter().any(iptables::is_own);
    own.then_some("nft").into_iter().chain(variant.then_some(iptables::NFT_VARIANT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moats_of_nft_and_of_iptables_are_told_by_their_chains() {
        let chain = |family: &str, table: &str, name: &str| {
            format!(r#"{{"chain": {{"family": "{family}", "table": "{table}", "name": "{name}"}}}}"#)
        };
        let held = |chains: &[String]| {
            holders_in(&parsed(format!(r#"{{"nftables": [{}]}}"#, chains.join(", ")).as_bytes()).unwrap())
        };
        let (ours, theirs) = (chain("inet", "netguard", "net-cell"), chain("ip6", "mangle", "netguard-net-cell"));
        assert_eq!(held(&[ours.clone(), theirs.clone()]), ["nft", "iptables (nft variant)"]);
        assert_eq!(held(std::slice::from_ref(&ours)), ["nft"]);
        assert_eq!(held(std::slice::from_ref(&theirs)), ["iptables (nft variant)"]);
        let others = [("inet", "mangle"), ("ip", "filter")].map(|(family, table)| chain(family, table, "netguard-x"));
        assert!(held(&others).is_empty() && held(&[chain("ip", "mangle", "PREROUTING")]).is_empty());
    }
}
