//! What other programs' tables say of packets on their way out: the text of those that translate sources, and of
//! firewalld's own. At the edge; `reachability` decides on it.

use anyhow::Result;

use crate::backend::iptables;
use crate::backend::nft::Nft;
use crate::backend::nft::chains::parsed;
use crate::rules::table::{FAMILY, TABLE};

/// The table of a firewall that forwards only between zones it was told of.
const FIREWALLD: (&str, &str) = ("inet", "firewalld");

/// A table as its program prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Printed {
    /// `inet firewalld`, or the table alone where iptables printed it.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Those tables.
///
/// # Errors
/// If neither nft nor iptables can tell.
pub(super) fn tables() -> Result<Vec<Printed>> {
    let by_nft = Nft::find().and_then(|nft| listed(&nft));
    let by_iptables = || -> Result<Vec<Printed>> {
        let named = |(_, text)| Printed { name: "nat".to_owned(), text };
        Ok(iptables::printed("nat")?.into_iter().map(named).collect())
    };
    match by_nft {
        // iptables's legacy variant has tables that nft does not see.
        Ok(mut tables) => {
            tables.extend(by_iptables().unwrap_or_default());
            Ok(tables)
        }
        Err(nft) => by_iptables().map_err(|error| nft.context(format!("{error:#}"))),
    }
}

fn listed(nft: &Nft) -> Result<Vec<Printed>> {
    let mut names: Vec<(String, String)> = parsed(&nft.chains()?)?
        .into_iter()
        .filter(|chain| chain.hooks("postrouting") || (chain.family.as_str(), chain.table.as_str()) == FIREWALLD)
        .map(|chain| (chain.family, chain.table))
        .filter(|(family, table)| (family.as_str(), table.as_str()) != (FAMILY, TABLE))
        .collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|(family, table)| Ok(Printed { text: nft.table(&family, &table)?, name: format!("{family} {table}") }))
        .collect()
}
