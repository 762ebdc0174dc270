//! Who speaks to the kernel's packet filter: nft, or iptables with ipset where there is no nft. What the
//! rules are, what they mean and how they are judged is the plan's business, and the same for both.

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::events::Table;
use crate::iptables::{self, Iptables};
use crate::listing::Listing;
use crate::nft::Nft;
use crate::plan::Plan;
use crate::script;
use crate::table::{A_MINUTE, BURST, TABLE};

/// `NFPROTO_INET`, `NFPROTO_IPV4` and `NFPROTO_IPV6`.
const INET: u8 = 1;
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// nft where it is installed, else iptables.
    Auto,
    /// The program nft.
    Nft,
    /// iptables-restore, ip6tables-restore and ipset.
    Iptables,
}

/// The programs that were found.
#[derive(Debug)]
pub(crate) enum Backend {
    /// See [`Nft`].
    Nft(Nft),
    /// See [`Iptables`].
    Iptables(Iptables),
}

impl Backend {
    /// Finds the programs of a choice.
    ///
    /// # Errors
    /// If they are not there.
    pub(crate) fn find(choice: Choice) -> Result<Self> {
        match choice {
            Choice::Nft => Nft::find().map(Self::Nft),
            Choice::Iptables => Iptables::find().map(Self::Iptables),
            Choice::Auto => match Nft::find() {
                Ok(nft) => Ok(Self::Nft(nft)),
                Err(error) => {
                    Iptables::find().map(Self::Iptables).with_context(|| format!("{error:#}; and iptables will not do"))
                }
            },
        }
    }

    /// Every backend that may have loaded a moat, of which a choice would speak to the first.
    ///
    /// # Errors
    /// As [`Backend::find`].
    pub(crate) fn every(choice: Choice) -> Result<Vec<Self>> {
        let first = Self::find(choice)?;
        let also = matches!((choice, &first), (Choice::Auto, Self::Nft(_))).then(Iptables::find).and_then(Result::ok);
        let also = also.filter(Iptables::answers).map(Self::Iptables);
        Ok([first].into_iter().chain(also).collect())
    }

    /// The bridges that a moat of this backend's guards, or `None` where there is none.
    ///
    /// # Errors
    /// As [`Backend::listing`].
    pub(crate) fn guarded(&self) -> Result<Option<Vec<String>>> {
        match self {
            Self::Nft(nft) => Ok(nft.listing(false)?.map(|listing| listing.bridges())),
            Self::Iptables(iptables) => iptables.guarded(),
        }
    }

    /// A plan as far as this backend can hold it.
    pub(crate) fn holds(&self, plan: Plan) -> Plan {
        match self {
            Self::Nft(_) => plan,
            Self::Iptables(_) => iptables::spoken(&plan),
        }
    }

    /// The moat as the kernel holds it, or `None` where there is none. Without `contents`, sets are
    /// listed as empty.
    ///
    /// # Errors
    /// If a program fails, for want of privilege for one, or prints what cannot be read.
    pub(crate) fn listing(&self, contents: bool) -> Result<Option<Listing>> {
        match self {
            Self::Nft(nft) => nft.listing(contents),
            Self::Iptables(iptables) => iptables.listing(contents),
        }
    }

    /// Loads a plan in the place of what is there; returns what was not as it should be, if anything.
    ///
    /// # Errors
    /// What a program or the kernel says.
    pub(crate) fn apply(&self, plan: &Plan) -> Result<Option<String>> {
        match self {
            Self::Nft(nft) => nft.apply(plan),
            Self::Iptables(iptables) => iptables.apply(plan).map(|()| None),
        }
    }

    /// Takes the moat away.
    ///
    /// # Errors
    /// What a program or the kernel says.
    pub(crate) fn remove(&self) -> Result<()> {
        match self {
            Self::Nft(nft) => nft.load(&script::remove()),
            Self::Iptables(iptables) => iptables.remove(),
        }
    }

    /// A number that is another one when more was denied, or forgotten; `None` where that takes as long as a listing.
    pub(crate) fn counted(&self) -> Option<u64> {
        match self {
            Self::Nft(nft) => nft.counted(),
            Self::Iptables(_) => None,
        }
    }

    /// The sets that count denied flows, with what they hold, or `None` where there is no moat.
    ///
    /// # Errors
    /// As [`Backend::listing`].
    pub(crate) fn flow_sets(&self) -> Result<Option<Listing>> {
        match self {
            Self::Nft(nft) => nft.flow_sets(),
            Self::Iptables(iptables) => iptables.flow_sets(),
        }
    }

    /// Gives sets of denied destinations their planned contents; what else is there is as planned, or was in a
    /// generation of the kernel's rules. Returns as [`Backend::apply`] does.
    ///
    /// # Errors
    /// What a program or the kernel says.
    pub(crate) fn refill(&self, plan: &Plan, names: &[String], generation: Option<u32>) -> Result<Option<String>> {
        match self {
            Self::Nft(nft) => nft.refill(plan, names, generation),
            // Every load fills the sets anew and swaps them: there is nothing to spare.
            Self::Iptables(iptables) => iptables.apply(plan).map(|()| None),
        }
    }

    /// How many new flows of one sender are recorded, in a sentence.
    pub(crate) fn budget(&self) -> String {
        match self {
            Self::Nft(_) => format!("a sender may add {BURST} flows at once, and {A_MINUTE} a minute after that"),
            Self::Iptables(_) => format!("a sender may add {} flows in an hour", iptables::budgets::AN_HOUR),
        }
    }

    /// Makes a plan that stands ready to be loaded again at once, as far as that can be.
    pub(crate) fn prepare(&self, plan: &Plan) {
        if let Self::Nft(nft) = self {
            nft.prepare(plan);
        }
    }

    /// What was found to be as planned, rules and ranges, in a generation of the kernel's rules; or nothing, where
    /// the plan is another one now.
    pub(crate) fn found(&self, generation: Option<u32>) {
        if let Self::Nft(nft) = self {
            nft.found(generation);
        }
    }

    /// Lets in what comes from the bridges, where somebody who was killed while rules changed left it held.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn resume(&self) -> Result<()> {
        match self {
            Self::Nft(nft) => nft.resume(),
            Self::Iptables(_) => Ok(()),
        }
    }

    /// Whether there is no moat.
    ///
    /// # Errors
    /// As [`Backend::listing`].
    pub(crate) fn absent(&self) -> Result<bool> {
        match self {
            Self::Nft(nft) => nft.absent(),
            Self::Iptables(iptables) => iptables.listing(false).map(|listing| listing.is_none()),
        }
    }

    /// Whether there surely is no moat, where that can be told at once.
    pub(crate) fn gone(&self) -> bool {
        matches!(self, Self::Nft(nft) if nft.gone())
    }

    /// Whether nobody changed any rule since all were as planned.
    pub(crate) fn untouched(&self) -> bool {
        matches!(self, Self::Nft(nft) if nft.untouched())
    }

    /// The tables whose changes the kernel tells of: that of the moat, or those that its rules stand in
    /// where iptables is spoken to. Of those of iptables's legacy variant it tells nobody.
    pub(crate) fn tables(&self) -> &'static [Table] {
        match self {
            Self::Nft(_) => &[(INET, TABLE)],
            Self::Iptables(_) => &[(IPV4, iptables::saved::TABLE), (IPV6, iptables::saved::TABLE)],
        }
    }

    /// Whether the kernel tells of every change of the rules and the sets. Of those of ipset it tells nobody.
    pub(crate) fn tells(&self) -> bool {
        matches!(self, Self::Nft(_))
    }

    /// Whether the sets of denied destinations hold as many as planned, where the kernel does not tell of their
    /// changes: a quick look.
    ///
    /// # Errors
    /// As [`Backend::listing`].
    pub(crate) fn as_many(&self, plan: &Plan) -> Result<bool> {
        match self {
            Self::Nft(_) => Ok(true),
            Self::Iptables(iptables) => iptables.as_many(plan),
        }
    }
}
