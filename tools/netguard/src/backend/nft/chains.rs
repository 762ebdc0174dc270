//! The chains of every program's tables, as nft lists them.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Chains {
    nftables: Vec<HashMap<String, serde_json::Value>>,
}

/// A chain, as nft lists it.
#[derive(Debug, Deserialize)]
pub(crate) struct Chain {
    /// `ip`, `ip6`, `inet`, …
    pub(crate) family: String,
    /// The table it stands in.
    pub(crate) table: String,
    /// The name that nft lists it by.
    pub(crate) name: String,
    /// Where the kernel calls it, if it does: `forward`, `input`, …
    pub(crate) hook: Option<String>,
    /// What becomes of what no rule of it lets by: `accept` or `drop`.
    pub(crate) policy: Option<String>,
}

impl Chain {
    /// Does the kernel call it there?
    pub(crate) fn hooks(&self, hook: &str) -> bool {
        self.hook.as_deref() == Some(hook)
    }
}

/// What `nft -j list chains` printed.
///
/// # Errors
/// If it is not that.
pub(crate) fn parsed(text: &[u8]) -> Result<Vec<Chain>> {
    let chains: Chains = serde_json::from_slice(text).context("nft printed no list of chains")?;
    let chains = chains.nftables.into_iter().filter_map(|mut item| item.remove("chain"));
    chains.map(|value| Ok(serde_json::from_value(value)?)).collect()
}
