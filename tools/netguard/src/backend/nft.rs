//! The backend that speaks to the program `nft`.

pub(crate) mod chains;
mod dialect;
pub(crate) mod json;
mod listing;
mod pause;
mod replace;
pub(crate) mod script;
pub(crate) mod transaction;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::backend::dialect::bridges;
pub(crate) use crate::backend::nft::dialect::NftJson;
use crate::backend::nft::pause::Pause;
use crate::backend::nft::transaction::{Compiled, Sent};
use crate::backend::ruleset::Listing;
use crate::backend::{Backend, Fitted, Table};
use crate::host::netlink::Netlink;
use crate::host::numbers::NFPROTO_INET;
use crate::host::program::{Program, Refused};
use crate::rules::plan::Plan;
use crate::rules::table::{A_MINUTE, BURST, FAMILY, FlowSet, TABLE};

/// How often a load is begun anew because others change rules at the same time.
const TRIES: u32 = 20;

/// What an error means that leaves the bridges held.
const HELD: &str = "nothing comes in from the bridges: nft delete table inet netguard-pause lets it";

/// The program nft, and the forms of the rules that it compiled.
#[derive(Debug)]
pub(crate) struct Nft {
    program: Program,
    /// Kept open: the kernel clears away all that was deleted before such a socket is closed.
    netlink: RefCell<Option<Netlink>>,
    compiled: RefCell<Option<Compiled>>,
    /// The generation of the kernel's rules in which all was as planned, rules and ranges.
    good: Cell<Option<u32>>,
    pause: Pause,
}

impl Nft {
    /// Finds it on the path.
    ///
    /// # Errors
    /// If it is not there.
    pub(crate) fn find() -> Result<Self> {
        let program = Program::find("nft", "nftables")?;
        let (netlink, compiled, good) = (RefCell::new(None), RefCell::new(None), Cell::new(None));
        Ok(Self { program, netlink, compiled, good, pause: Pause::default() })
    }

    /// Speaks to the kernel; after an error, over another socket the next time.
    fn speak<T>(&self, say: impl FnOnce(&mut Netlink) -> Result<T>) -> Result<T> {
        let mut netlink = self.netlink.take().map_or_else(Netlink::netfilter, Ok)?;
        let said = say(&mut netlink)?;
        self.netlink.replace(Some(netlink));
        Ok(said)
    }

    /// Is it the missing table that nft complains of? The kernel is asked; nft's own words count where it cannot be.
    fn lacks_table(&self, complaint: &anyhow::Error) -> bool {
        self.speak(transaction::stands).map_or_else(|_| is_absence(complaint), |stands| !stands)
    }

    fn generation(&self) -> Result<u32> {
        self.speak(transaction::generation)
    }

    fn compile(&self, plan: &Plan) -> Result<()> {
        let mut compiled = self.compiled.borrow_mut();
        if !compiled.as_ref().is_some_and(|compiled| compiled.is_of(plan)) {
            *compiled = None;
            *compiled = Some(Compiled::of(&self.program, plan)?);
        }
        Ok(())
    }

    fn loaded(&self, plan: &Plan, stands: impl Fn(&Listing) -> bool) -> Result<Compiled> {
        let listing = self.read(false)?.context("there is no moat")?;
        ensure!(stands(&listing), "the rules that stand are not as planned");
        let compiled = self.speak(|netlink| Compiled::loaded(plan, netlink))?;
        ensure!(Some(self.generation()?) == listing.generation, "the rules were changed meanwhile");
        Ok(compiled)
    }

    /// Changes rules or ranges of a generation while nothing comes in from the bridges ([`Pause`]). Remembers the
    /// generation that this became. A change says that itself, where it knows, and what was not as it should be.
    fn paused(
        &self,
        plan: &Plan,
        generation: Option<u32>,
        change: impl FnOnce(Option<u32>) -> Result<(Option<u32>, Option<String>)>,
    ) -> Result<Option<String>> {
        let begun = self.pause.begin(&plan.bridges(), generation);
        let changed = change(begun.as_ref().map_or(generation, |generation| *generation));
        let after = changed.as_ref().map_or(None, |(generation, _)| *generation);
        let after = if begun.is_ok() { self.pause.end(after).context(HELD)? } else { after };
        let (_, why) = changed?;
        self.good.set(after);
        let open =
            begun.err().map(|error| format!("what came from the bridges meanwhile was not held back: {error:#}"));
        Ok(why.into_iter().chain(open).reduce(|why, open| format!("{why}; {open}")))
    }

    /// Sends what was compiled; returns the generation that it became.
    fn send(&self, plan: &Plan) -> Result<u32> {
        let compiled = self.compiled.borrow();
        let compiled = compiled.as_ref().context("nothing was compiled")?;
        for _ in 0..TRIES {
            let (deletion, generation) = self.speak(|netlink| compiled.deletion(plan, netlink))?;
            let batch = compiled.load(plan, &deletion, generation);
            if self.speak(|netlink| batch.send(netlink))? == Sent::Done {
                return Ok(generation.wrapping_add(1));
            }
        }
        bail!("others changed rules all the time")
    }

    /// Loads a script as one transaction: all of it, or nothing.
    ///
    /// # Errors
    /// What nft or the kernel says; nothing was changed then.
    fn load(&self, script: &str) -> Result<()> {
        self.program
            .run(&["-f", "-"], script.as_bytes())
            .context("the rules were not loaded, and nothing was changed")
            .map(drop)
    }

    /// A table of any program's, as nft prints it for people.
    ///
    /// # Errors
    /// If it is not there, or nft fails.
    pub(crate) fn table(&self, family: &str, table: &str) -> Result<String> {
        self.printed(&["list", "table", family, table])
    }

    /// A table of any program's, as nft prints it for programs; sets are empty.
    ///
    /// # Errors
    /// As [`Nft::table`].
    pub(crate) fn table_as_json(&self, family: &str, table: &str) -> Result<String> {
        self.printed(&["-j", "-t", "list", "table", family, table])
    }

    fn printed(&self, arguments: &[&str]) -> Result<String> {
        let text = self.program.run(arguments, b"");
        let text = text.with_context(|| format!("nft {} printed nothing", arguments.join(" ")))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The chains of every table, with their hooks and policies and without their rules, as nft prints them.
    ///
    /// # Errors
    /// As [`Backend::read`].
    pub(crate) fn chains(&self) -> Result<Vec<u8>> {
        self.program.run(&["-j", "list", "chains"], b"").context("the chains of other tables could not be listed")
    }
}

impl Backend for Nft {
    fn fit(&self, plan: Plan) -> Fitted {
        // nft holds all that a plan may say.
        Fitted::new(plan)
    }

    fn read(&self, contents: bool) -> Result<Option<Listing>> {
        if self.gone() {
            return Ok(None);
        }
        let generation = self.generation().ok();
        // Of one table nft reads all elements even if it is to print none; of all tables it does not.
        let arguments: &[&str] =
            if contents { &["-j", "list", "table", FAMILY, TABLE] } else { &["-j", "-t", "list", "ruleset", FAMILY] };
        match self.program.run(arguments, b"") {
            Ok(tables) => {
                let listing = Listing { generation, ..Listing::parse(&tables)? };
                Ok(listing.flags.is_some().then_some(listing))
            }
            Err(error) if self.lacks_table(&error) => Ok(None),
            Err(error) => Err(error.context("the moat's table could not be listed")),
        }
    }

    // One transaction: messages of our own, or nft where those cannot be made or are refused. After an error nothing is
    // changed.
    fn apply(&self, plan: &Fitted) -> Result<Option<String>> {
        self.good.set(None);
        let written = || Ok::<_, anyhow::Error>(script::apply(plan, self.read(false)?.as_ref()));
        let compiled = self.compile(plan);
        // Before anything is held up: a long script takes its time to write.
        let script = compiled.is_err().then(written).transpose()?;
        self.paused(plan, None, |_| match compiled.and_then(|()| self.send(plan)) {
            Ok(generation) => Ok((Some(generation), None)),
            Err(why) => {
                self.load(&script.map_or_else(written, Ok)?)?;
                Ok((None, Some(format!("loaded by the program nft, which is slower: {why:#}"))))
            }
        })
    }

    fn remove(&self) -> Result<()> {
        self.load(&script::remove())
    }

    fn refill(&self, plan: &Fitted, names: &[String], generation: Option<u32>) -> Result<Option<String>> {
        let generation = generation.or(self.good.take());
        self.paused(plan, generation, |generation| {
            let send = |generation| self.speak(|netlink| transaction::refill(plan, names, generation).send(netlink));
            match send(generation) {
                Ok(Sent::Done) => Ok((generation.map(|generation| generation.wrapping_add(1)), None)),
                // What others did is none of these sets' business, and will be looked at.
                Ok(Sent::Overtaken) if send(None).is_ok() => Ok((None, None)),
                _ => self.load(&script::refill(plan, names)).map(|()| (None, None)),
            }
        })
    }

    fn guarded(&self) -> Result<Option<Vec<String>>> {
        Ok(self.read(false)?.map(|listing| bridges(&listing)))
    }

    fn refused_flows(&self) -> Result<Option<Listing>> {
        let Some(table) = self.read(false)? else { return Ok(None) };
        let mut all = Listing { sets: BTreeMap::new(), ..table.clone() };
        for name in table.sets.keys().filter(|name| FlowSet::named(name).is_some()) {
            let set = self
                .program
                .run(&["-j", "list", "set", FAMILY, TABLE, name], b"")
                .with_context(|| format!("set {name} could not be listed"))?;
            all.sets.extend(Listing::parse(&set)?.sets);
        }
        Ok(Some(all))
    }

    fn budget(&self) -> String {
        format!("a sender may add {BURST} flows at once, and {A_MINUTE} a minute after that")
    }

    fn tables(&self) -> &'static [Table] {
        &[(NFPROTO_INET, TABLE)]
    }

    fn absent(&self) -> Result<bool> {
        match self.speak(transaction::stands) {
            Ok(stands) => Ok(!stands),
            Err(_) => self.read(false).map(|listing| listing.is_none()),
        }
    }

    fn gone(&self) -> bool {
        self.speak(transaction::stands).is_ok_and(|stands| !stands)
    }

    fn counted(&self) -> Option<u64> {
        self.speak(transaction::counted).ok()
    }

    // Compiled ahead, a plan is one message to the kernel. Without a namespace to compile it in, the rules that stand
    // are taken, if they are as planned.
    fn prepare(&self, plan: &Fitted, stands: fn(&Fitted, &Listing) -> bool) {
        if self.compile(plan).is_err()
            && let Ok(standing) = self.loaded(plan, |standing| stands(plan, standing))
        {
            self.compiled.replace(Some(standing));
        }
    }

    fn found(&self, generation: Option<u32>) {
        self.good.set(generation);
    }

    fn untouched(&self) -> bool {
        self.good.get().is_some_and(|good| self.generation().is_ok_and(|now| now == good))
    }

    fn resume(&self) -> Result<()> {
        self.pause.end(None).map(drop).context(HELD)
    }

    fn reports_changes(&self) -> bool {
        true
    }

    fn as_many(&self, _: &Fitted) -> Result<bool> {
        // The kernel tells of every change of a set.
        Ok(true)
    }
}

/// Does nft say in so many words that the kernel has no such table (`ENOENT`)?
fn is_absence(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.complaint.contains("No such file or directory"))
}
