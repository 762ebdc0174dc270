//! The rules of other programs that a forwarded packet passes, as nft and iptables print them. At the edge; `refusal`
//! follows them.

use anyhow::Result;

use super::refusal::{Firewall, HOOKS};
use crate::backend::iptables;
use crate::backend::nft::Nft;
use crate::backend::nft::chains::{Chain, parsed};
use crate::rules::address_set::Family;
use crate::rules::table::{FAMILY, TABLE};

/// Tables that iptables makes and that are no filter. A moat of the backend iptables stands in one.
const ASIDE: [&str; 2] = ["mangle", "nat"];

/// iptables's own filter: taken from iptables where it can print it, for nft shows its matches as unknown.
const FILTER: &str = "filter";

/// All of them, for IPv4. nft knows every table but those of iptables's legacy variant.
///
/// # Errors
/// If neither nft nor iptables can tell.
pub(super) fn all() -> Result<Vec<Firewall>> {
    let by_iptables = by_iptables();
    let told = by_iptables.as_ref().is_ok_and(|found| !found.is_empty());
    let by_nft = Nft::find().and_then(|nft| by_nft(&nft, told));
    match (by_nft, by_iptables) {
        (Ok(nft), iptables) => Ok(nft.into_iter().chain(iptables.into_iter().flatten()).collect()),
        (Err(_), Ok(iptables)) => Ok(iptables),
        (Err(nft), Err(iptables)) => Err(nft.context(format!("{iptables:#}"))),
    }
}

/// What iptables prints of its filter; nothing where there is none, or where it was changed by nft so that iptables
/// cannot print it.
fn by_iptables() -> Result<Vec<Firewall>> {
    let texts = iptables::printed(FILTER)?.into_iter();
    let whole = texts.filter(|(family, text)| *family == Family::V4 && text.contains("*filter\n"));
    Ok(whole.map(|(_, text)| Firewall::Iptables(text)).collect())
}

fn by_nft(nft: &Nft, told: bool) -> Result<Vec<Firewall>> {
    let concerns = |chain: &&Chain| {
        let (family, table) = (chain.family.as_str(), chain.table.as_str());
        let aside = family == "ip" && (ASIDE.contains(&table) || (told && table == FILTER));
        HOOKS.iter().any(|hook| chain.hooks(hook))
            && ["ip", "inet"].contains(&family)
            && (family, table) != (FAMILY, TABLE)
            && !aside
    };
    let chains = parsed(&nft.chains()?)?;
    let mut tables: Vec<(&str, &str)> =
        chains.iter().filter(concerns).map(|chain| (chain.family.as_str(), chain.table.as_str())).collect();
    tables.sort_unstable();
    tables.dedup();
    tables.into_iter().map(|(family, table)| Ok(Firewall::Nft(nft.table_as_json(family, table)?))).collect()
}
