//! The two variants of iptables, by the names that they have where both are installed. Each keeps tables of its own, so
//! a moat that one of them loaded is not seen through the other. Whoever changed from one to the other, or to nft, has
//! rules that nobody looks after.

use std::fs;

use anyhow::{Context, Result};

use super::Iptables;
use super::rulespec::PREFIX;
use super::saved::{Saved, TABLE};
use crate::backend::nft::chains::Chain;
use crate::host::program::Program;
use crate::rules::address_set::Family;

/// What the programs of a variant are called: restore, then save, for IPv4 and IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) restore: [&'static str; 2],
    pub(super) save: [&'static str; 2],
    variant: &'static str,
}

/// What the variant is called whose rules nft knows too.
pub(crate) const NFT_VARIANT: &str = "iptables (nft variant)";

/// Whichever variant this host has chosen.
pub(super) const CHOSEN: Names = Names {
    restore: ["iptables-restore", "ip6tables-restore"],
    save: ["iptables-save", "ip6tables-save"],
    variant: "iptables",
};
const NFT: Names = Names {
    restore: ["iptables-nft-restore", "ip6tables-nft-restore"],
    save: ["iptables-nft-save", "ip6tables-nft-save"],
    variant: NFT_VARIANT,
};
const LEGACY: Names = Names {
    restore: ["iptables-legacy-restore", "ip6tables-legacy-restore"],
    save: ["iptables-legacy-save", "ip6tables-legacy-save"],
    variant: "iptables (legacy variant)",
};
/// Which tables of the legacy variant there are, for IPv4 and IPv6. To ask the variant itself would make them.
const MADE: [&str; 2] = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"];

/// The variants that may have rules here, the chosen one last: with it the sets go.
pub(super) fn all() -> Vec<Names> {
    [NFT, LEGACY, CHOSEN].into_iter().filter(there).collect()
}

/// Whether the legacy variant has any table here.
pub(crate) fn legacy_is_used() -> bool {
    MADE.iter().any(|path| fs::read_to_string(path).is_ok_and(|tables| !tables.is_empty()))
}

fn there(names: &Names) -> bool {
    let made = |path| fs::read_to_string(path).is_ok_and(|tables| tables.lines().any(|table| table == TABLE));
    let installed = names.save.iter().chain(&names.restore).all(|name| Program::find(name, "iptables").is_ok());
    installed && (*names != LEGACY || MADE.iter().any(made))
}

/// Whether a chain that nft lists is one of ours that iptables's nft variant loaded.
pub(crate) fn is_own(chain: &Chain) -> bool {
    ["ip", "ip6"].contains(&chain.family.as_str()) && chain.table == TABLE && chain.name.starts_with(PREFIX)
}

/// Where rules of the moat stand, in words; each variant is told once. Where `legacy`, only that one is asked.
///
/// # Errors
/// If one that is installed cannot be asked.
pub(crate) fn moats(legacy: bool) -> Result<Vec<&'static str>> {
    let all = all();
    let told = all.iter().filter(|names| if legacy { **names == LEGACY } else { **names != CHOSEN || all.len() == 1 });
    let mut found = Vec::new();
    for names in told {
        let has = |name: &'static str| -> Result<bool> {
            let text = Program::find(name, "iptables")?.run(&["-t", TABLE], b"")?;
            let saved = Saved::parse(&String::from_utf8_lossy(&text)).with_context(|| format!("{name} -t {TABLE}"))?;
            Ok(saved.own().next().is_some())
        };
        if has(names.save[0])? || has(names.save[1])? {
            found.push(names.variant);
        }
    }
    Ok(found)
}

impl Iptables {
    /// The programs of a variant.
    ///
    /// # Errors
    /// If one is not there.
    pub(super) fn of(names: Names) -> Result<Self> {
        let find = |name| Program::find(name, "iptables");
        let [restore4, restore6] = names.restore;
        let [save4, save6] = names.save;
        Ok(Self {
            restore: [(Family::V4, find(restore4)?), (Family::V6, find(restore6)?)],
            save: [(Family::V4, find(save4)?), (Family::V6, find(save6)?)],
            ipset: Program::find("ipset", "ipset")?,
        })
    }
}
