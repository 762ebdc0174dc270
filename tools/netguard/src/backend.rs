//! What speaks to the kernel's packet filter: nft, or iptables with ipset where there is no nft. What the rules are,
//! what they mean and how they are judged is the plan's business. It is the same for both. A third one is a [`Backend`]
//! and the [`dialect::Dialect`] of its listings, and a line in [`find`].

pub(crate) mod connections;
pub(crate) mod counters;
pub(crate) mod denied_flows;
pub(crate) mod dialect;
mod fitted;
pub(crate) mod iptables;
pub(crate) mod nft;
pub(crate) mod ruleset;

use std::fmt::Debug;

use anyhow::{Context, Result};
use clap::ValueEnum;

pub(crate) use crate::backend::fitted::Fitted;
use crate::backend::iptables::Iptables;
use crate::backend::nft::Nft;
use crate::backend::ruleset::Listing;
use crate::rules::plan::Plan;

/// A table of the packet filter's: the kernel's number of its family (`NFPROTO_*`), and its name.
pub(crate) type Table = (u8, &'static str);

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// nft where it is installed, else iptables.
    Auto,
    /// nft, or an error where it is not found.
    Nft,
    /// iptables-restore, ip6tables-restore and ipset.
    Iptables,
}

/// A backend: all that other rooms know of the programs behind it.
pub(crate) trait Backend: Debug {
    /// A plan as far as this backend can hold it.
    fn fit(&self, plan: Plan) -> Fitted;

    /// The moat as the kernel holds it, or `None` where there is none. Without `contents`, sets are listed as empty.
    ///
    /// # Errors
    /// If a program fails, for want of privilege for one, or prints what cannot be read.
    fn read(&self, contents: bool) -> Result<Option<Listing>>;

    /// Loads a plan in the place of what is there; returns what was not as it should be, if anything.
    ///
    /// # Errors
    /// What a program or the kernel says.
    fn apply(&self, plan: &Fitted) -> Result<Option<String>>;

    /// Takes the moat away.
    ///
    /// # Errors
    /// What a program or the kernel says.
    fn remove(&self) -> Result<()>;

    /// Gives sets of denied destinations their planned contents; what else is there is as planned, or was in a
    /// generation of the kernel's rules. Returns as [`Backend::apply`] does.
    ///
    /// # Errors
    /// What a program or the kernel says.
    fn refill(&self, plan: &Fitted, names: &[String], generation: Option<u32>) -> Result<Option<String>>;

    /// The bridges that a moat of this backend's guards, or `None` where there is none.
    ///
    /// # Errors
    /// As [`Backend::read`].
    fn guarded(&self) -> Result<Option<Vec<String>>>;

    /// The sets that count refused flows, with what they hold, or `None` where there is no moat.
    ///
    /// # Errors
    /// As [`Backend::read`].
    fn refused_flows(&self) -> Result<Option<Listing>>;

    /// How many new flows of one sender are recorded, in a sentence.
    fn budget(&self) -> String;

    /// The tables whose changes the kernel tells of, among them all that rules of ours stand in.
    fn tables(&self) -> &'static [Table];

    /// Whether there is no moat.
    ///
    /// # Errors
    /// As [`Backend::read`].
    fn absent(&self) -> Result<bool> {
        self.read(false).map(|listing| listing.is_none())
    }

    /// Whether there surely is no moat, where the backend can tell at once.
    fn gone(&self) -> bool {
        false
    }

    /// A number that is another one when more was denied, or forgotten; `None` where that takes as long as a listing.
    fn counted(&self) -> Option<u64> {
        None
    }

    /// Makes a plan that stands ready to be loaded again at once, as far as that can be.
    /// `stands` says whether the rules in the kernel are a plan's.
    fn prepare(&self, _plan: &Fitted, _stands: fn(&Fitted, &Listing) -> bool) {}

    /// Remembers in which generation of the kernel's rules all was found as planned; `None` when the plan is another
    /// one now.
    fn found(&self, _generation: Option<u32>) {}

    /// Whether nobody changed any rule since all were as planned.
    fn untouched(&self) -> bool {
        false
    }

    /// Lets in what comes from the bridges, where somebody who was killed while rules changed left it held.
    ///
    /// # Errors
    /// What the kernel says.
    fn resume(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the kernel tells of every change of the rules and the sets.
    fn reports_changes(&self) -> bool;

    /// Whether the sets of denied destinations hold as many as planned: a quick look, where the kernel does not tell of
    /// their changes.
    ///
    /// # Errors
    /// As [`Backend::read`].
    fn as_many(&self, plan: &Fitted) -> Result<bool>;
}

/// Finds the programs of a choice.
///
/// # Errors
/// If they are not there.
pub(crate) fn find(choice: Choice) -> Result<Box<dyn Backend>> {
    Ok(match choice {
        Choice::Nft => Box::new(Nft::find()?),
        Choice::Iptables => Box::new(Iptables::find()?),
        Choice::Auto => match Nft::find() {
            Ok(nft) => Box::new(nft),
            Err(error) => Box::new(Iptables::find().with_context(|| format!("{error:#}; and iptables will not do"))?),
        },
    })
}

/// Every backend that may have loaded a moat, of which a choice would speak to the first.
///
/// # Errors
/// As [`find`].
pub(crate) fn every(choice: Choice) -> Result<Vec<Box<dyn Backend>>> {
    let mut all = vec![find(choice)?];
    // Beside nft; where there is none, iptables is the first already.
    if choice == Choice::Auto && Nft::find().is_ok() {
        let also = Iptables::find().ok().filter(Iptables::answers);
        all.extend(also.map(|iptables| Box::new(iptables) as Box<dyn Backend>));
    }
    Ok(all)
}
