//! The backend that speaks to the program `nft`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::listing::Listing;
use crate::program::{Program, Refused};
use crate::table::{FAMILY, FlowSet, TABLE};

/// nft, and nothing else.
#[derive(Debug)]
pub(crate) struct Nft(Program);

impl Nft {
    /// Finds it on the path.
    ///
    /// # Errors
    /// If it is not there.
    pub(crate) fn find() -> Result<Self> {
        Program::find("nft", "nftables").map(Self)
    }

    /// Loads a script as one transaction: all of it, or nothing.
    ///
    /// # Errors
    /// What nft or the kernel says; nothing was changed then.
    pub(crate) fn load(&self, script: &str) -> Result<()> {
        self.0
            .run(&["-f", "-"], script.as_bytes())
            .context("the rules were not loaded, and nothing was changed")
            .map(drop)
    }

    /// The moat as the kernel holds it, or `None` where there is none. Without `contents`, sets are
    /// listed as empty.
    ///
    /// # Errors
    /// If nft fails, for want of privilege for one, or prints what cannot be read.
    pub(crate) fn listing(&self, contents: bool) -> Result<Option<Listing>> {
        let mut arguments = vec!["-j"];
        if !contents {
            arguments.push("-t");
        }
        arguments.extend(["list", "table", FAMILY, TABLE]);
        match self.0.run(&arguments, b"") {
            Ok(table) => Listing::parse(&table).map(Some),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error.context("the moat's table could not be listed")),
        }
    }

    /// The sets that count denied flows, with what they hold, or `None` where there is no moat.
    ///
    /// # Errors
    /// As [`Nft::listing`].
    pub(crate) fn flow_sets(&self) -> Result<Option<Listing>> {
        let Some(table) = self.listing(false)? else { return Ok(None) };
        let mut all = Listing { sets: BTreeMap::new(), ..table.clone() };
        for name in table.sets.keys().filter(|name| FlowSet::named(name).is_some()) {
            let set = self
                .0
                .run(&["-j", "list", "set", FAMILY, TABLE, name], b"")
                .with_context(|| format!("set {name} could not be listed"))?;
            all.sets.extend(Listing::parse(&set)?.sets);
        }
        Ok(Some(all))
    }

    /// The chains of every table, with their hooks and policies and without their rules, as nft prints them.
    ///
    /// # Errors
    /// As [`Nft::listing`].
    pub(crate) fn chains(&self) -> Result<Vec<u8>> {
        self.0.run(&["-j", "list", "chains"], b"").context("the chains of other tables could not be listed")
    }
}

/// Whether the kernel has no table of that name (`ENOENT`).
fn is_absence(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.complaint.contains("No such file or directory"))
}
