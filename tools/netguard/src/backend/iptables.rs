//! The backend for hosts without nft: iptables-restore, ip6tables-restore and ipset, whichever variant of them the host
//! has. `rulespec` says a rule to iptables, `restore` and `sets` write what is loaded, `saved` and `facts` read what is
//! there. This is the one file that runs programs.
//!
//! The rules stand in the table `mangle`, which both of iptables' variants call after connection tracking
//! and before any translation. iptables-save and ip6tables-save are run too, for reading: nothing else
//! tells what the kernel holds in the words that restore takes.

pub(crate) mod budgets;
mod dialect;
pub(crate) mod facts;
mod restore;
mod rulespec;
pub(crate) mod saved;
pub(crate) mod sets;
mod variants;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use record::cellblock::{MoatCondition as Condition, MoatVerdict as Verdict};

pub(crate) use variants::{NFT_VARIANT, is_own, legacy_is_used, moats};

use crate::backend::ruleset::Listing;
use crate::backend::{Backend, Fitted, Table};
use crate::host::numbers::{NFPROTO_IPV4, NFPROTO_IPV6};
use crate::host::program::Program;
use crate::rules::address_set::{Family, SetName};
use crate::rules::plan::Plan;
use crate::rules::rule::Rule;
use crate::rules::table::FlowSet;
use budgets::Sender;
use saved::Saved;
use sets::Header;

/// How long a set of a rule that is gone may still be in use: the kernel's nft variant lets go of it later.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// The seconds that the legacy variant waits for its lock.
const LOCK: &str = "10";

/// Which sets to read whole. What counts is held against the plan by its shape alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    None,
    Flows,
    Ranges,
}

/// The programs that load and list the rules and sets, for each family.
#[derive(Debug)]
pub(crate) struct Iptables {
    restore: [(Family, Program); 2],
    save: [(Family, Program); 2],
    ipset: Program,
}

/// The plan in the order that iptables needs, and without what it cannot hold.
///
/// iptables cannot ask whether a flow has a port. Flows with ports stand in a set, and absence from it means "no port".
/// So each set is filled right behind the rule that checks the sender. And ipset has no set that a load of rules
/// empties, so nothing spares packets a second judgement. Each meets every rule, where it comes in and where it goes
/// on. The table mangle answers nobody: what a rule would answer falls to the one behind it, and vanishes.
fn adapted(plan: &Plan) -> Plan {
    let fills = |rule: &Rule, set: &String| matches!(&rule.verdict, Verdict::Record(filled) if filled == set);
    let asked = |rule: &Rule| {
        let new = rule.when.iter().find_map(|condition| match condition {
            Condition::NewTo(set) => Some(set.clone()),
            _ => None,
        });
        new.filter(|_| rulespec::budget(rule).is_some())
    };
    let sets: Vec<String> = plan.rules.iter().filter_map(asked).collect();
    let mut rules = Vec::new();
    let unspeakable = |rule: &Rule| {
        matches!(rule.verdict, Verdict::Remember(_) | Verdict::Reject(_))
            || rule.when.iter().any(|condition| matches!(condition, Condition::Judged(_)))
    };
    let placed = |rule: &Rule| sets.iter().any(|set| fills(rule, set));
    for rule in plan.rules.iter().filter(|rule| !placed(rule) && !unspeakable(rule)) {
        rules.push(rule.clone());
        if let Some(set) = asked(rule) {
            rules.extend(plan.rules.iter().filter(|rule| fills(rule, &set)).cloned());
        }
    }
    Plan { rules, sets: plan.sets.clone() }
}

/// What iptables-save and ip6tables-save print of a table, for who wants to read but to change nothing.
///
/// # Errors
/// If one is not there, or fails.
pub(crate) fn printed(table: &str) -> Result<Vec<(Family, String)>> {
    let text = |(family, name)| {
        let printed = Program::find(name, "iptables")?.run(&["-t", table], b"")?;
        Ok((family, String::from_utf8_lossy(&printed).into_owned()))
    };
    [(Family::V4, "iptables-save"), (Family::V6, "ip6tables-save")].into_iter().map(text).collect()
}

/// Both families at the same time: what takes time is the start of a program, and the kernel's own locks.
fn at_once<T: Send>(v4: impl FnOnce() -> T + Send, v6: impl FnOnce() -> T) -> (T, T) {
    std::thread::scope(|scope| {
        let first = scope.spawn(v4);
        let second = v6();
        (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second)
    })
}

impl Iptables {
    /// Finds them on the path.
    ///
    /// # Errors
    /// If one is not there.
    pub(crate) fn find() -> Result<Self> {
        Self::of(variants::CHOSEN)
    }

    /// Whether it can be asked for a moat at all. A kernel that knows no sets holds none. Where another program has
    /// made the table its own, iptables could not take one away.
    pub(crate) fn answers(&self) -> bool {
        self.guarded().is_ok()
    }

    fn load(&self, plan: &Plan, before: &BTreeMap<String, Header>) -> Result<()> {
        let unchanged = "the rules were not loaded, and nothing was changed";
        let [v4, v6] = self.saved()?;
        let text =
            |(family, saved): (Family, Saved)| Ok::<_, anyhow::Error>((family, restore::apply(plan, family, &saved)?));
        let texts = [text(v4)?, text(v6)?];
        let steps = sets::steps(plan, before, self.sender(plan, before))?;
        self.ipset(&steps.fill).context(unchanged)?;
        let [v4, v6] = texts.each_ref().map(|(family, text)| move || self.restore(*family, &["--test"], text));
        let (v4, v6) = at_once(v4, v6);
        v4.and(v6).context(unchanged)?;
        self.ipset(&steps.swap).context("the sets could not be put into place; run netguard apply again")?;
        let mut done = false;
        for (family, text) in &texts {
            if let Err(error) = self.restore(*family, &[], text) {
                if done {
                    return Err(error.context("IPv4 has its new rules and IPv6 has not; run netguard apply again"));
                }
                self.ipset(&steps.swap).context("the rules were not loaded, but the denied addresses were")?;
                return Err(error.context(unchanged));
            }
            done = true;
        }
        Ok(())
    }

    fn facts(&self, contents: Contents) -> Result<Option<Listing>> {
        let tables = self.saved()?;
        let bridges = tables.iter().flat_map(|(_, saved)| facts::bridges(saved)).collect::<BTreeMap<_, _>>();
        let mut sets = BTreeMap::new();
        let headers = self.headers()?;
        for (name, header) in &headers {
            let flows = FlowSet::named(name);
            let wanted = match contents {
                Contents::None => false,
                Contents::Flows => flows.is_some(),
                Contents::Ranges => SetName::named(name).is_some(),
            };
            let bridge = flows.and_then(|set| bridges.get(&set.network)).map_or("", String::as_str);
            let elements = if wanted { self.elements(name, bridge)? } else { Vec::new() };
            sets.insert(name.clone(), header.set(name, elements));
        }
        budgets::paired(&headers, &mut sets);
        Ok(facts::listing(&tables, sets))
    }

    /// By what the sets tell senders apart: as in the sets that are there, else as the kernel has a type for.
    fn sender(&self, plan: &Plan, present: &BTreeMap<String, Header>) -> Sender {
        if let Some(sender) = budgets::present(plan, present) {
            return sender;
        }
        let tried = rulespec::set("+senders");
        match self.ipset.run(&["create", &tried, Sender::Hardware.kind()], b"") {
            Ok(_) => {
                let _ = self.ipset.run(&["destroy", &tried], b"");
                Sender::Hardware
            }
            Err(_) => Sender::Address,
        }
    }

    fn elements(&self, name: &str, bridge: &str) -> Result<Vec<serde_json::Value>> {
        let text = self
            .ipset
            .run(&["save", &rulespec::set(name)], b"")
            .with_context(|| format!("set {name} could not be listed"))?;
        sets::elements(name, bridge, std::str::from_utf8(&text)?)
    }

    fn headers(&self) -> Result<BTreeMap<String, Header>> {
        let text = self.ipset.run(&["list", "-terse"], b"").context("the moat's sets could not be listed")?;
        sets::headers(&String::from_utf8_lossy(&text))
    }

    fn saved(&self) -> Result<[(Family, Saved); 2]> {
        let [v4, v6] = self.save.each_ref().map(|(family, program)| {
            move || -> Result<(Family, Saved)> {
                let text =
                    program.run(&["-c", "-t", saved::TABLE], b"").context("the moat's rules could not be listed")?;
                Ok((*family, Saved::parse(&String::from_utf8_lossy(&text))?))
            }
        });
        let (v4, v6) = at_once(v4, v6);
        Ok([v4?, v6?])
    }

    fn restore(&self, family: Family, more: &[&str], text: &str) -> Result<()> {
        let arguments = [&["--noflush", "--wait", LOCK], more].concat();
        let program = self.restore.iter().find(|(of, _)| *of == family).map(|(_, program)| program);
        program.context("no program for this family")?.run(&arguments, text.as_bytes()).map(drop)
    }

    fn ipset(&self, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.ipset.run(&["restore"], text.as_bytes()).map(drop)
    }

    /// Destroys sets, by their names without the prefix. One that is still in use is left for the next try.
    fn destroy(&self, mut names: Vec<String>) -> Result<()> {
        let start = Instant::now();
        while !names.is_empty() {
            let lines: String = names.iter().map(|name| format!("destroy {}\n", rulespec::set(name))).collect();
            let Err(refused) = self.ipset(&lines) else { break };
            if start.elapsed() > TIMEOUT {
                return Err(refused).context(
                    "a set of the moat could not be destroyed: a rule asks it that is not of this iptables's making; \
                     look for it with iptables-legacy-save, iptables-nft-save and nft list ruleset",
                );
            }
            let there = self.headers()?;
            names.retain(|name| there.contains_key(name));
            let next = names.len().min(1);
            names.rotate_left(next);
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Backend for Iptables {
    fn fit(&self, plan: Plan) -> Fitted {
        Fitted::new(adapted(&plan))
    }

    fn read(&self, contents: bool) -> Result<Option<Listing>> {
        self.facts(if contents { Contents::Ranges } else { Contents::None })
    }

    // Sets aside, rules tried, then sets and rules of each family, each in one step. An error says what was changed
    // before it.
    fn apply(&self, plan: &Fitted) -> Result<Option<String>> {
        let before = self.headers()?;
        let loaded = self.load(plan, &before);
        // What was made for a load that failed is of no use; what rules ask cannot be destroyed.
        let made = |name: &String| loaded.is_err() && !before.contains_key(name);
        let planned = sets::names(plan);
        let stale =
            self.headers()?.into_keys().filter(|name| made(name) || (loaded.is_ok() && !planned.contains(name)));
        let destroyed = self.destroy(stale.collect());
        loaded.and(destroyed).map(|()| None)
    }

    // Every rule, chain and set of ours, whichever variant of iptables loaded them.
    fn remove(&self) -> Result<()> {
        for names in variants::all() {
            let variant = Self::of(names)?;
            for (family, saved) in variant.saved()? {
                if let Some(text) = restore::remove(&saved) {
                    variant.restore(family, &[], &text).context("the moat could not be removed")?;
                }
            }
        }
        self.destroy(self.headers()?.into_keys().collect())
    }

    fn refill(&self, plan: &Fitted, _: &[String], _: Option<u32>) -> Result<Option<String>> {
        // Every load fills the sets anew and swaps them: there is nothing to spare.
        self.apply(plan)
    }

    fn guarded(&self) -> Result<Option<Vec<String>>> {
        let (mut there, mut bridges) = (!self.headers()?.is_empty(), Vec::new());
        for names in variants::all() {
            for (_, saved) in Self::of(names)?.saved()? {
                there |= saved.own().next().is_some();
                bridges.extend(facts::bridges(&saved).into_values());
            }
        }
        Ok(there.then_some(bridges))
    }

    fn refused_flows(&self) -> Result<Option<Listing>> {
        self.facts(Contents::Flows)
    }

    fn budget(&self) -> String {
        format!("a sender may add {} flows in an hour", budgets::AN_HOUR)
    }

    fn tables(&self) -> &'static [Table] {
        // Of changes in iptables's legacy variant the kernel tells nobody.
        &[(NFPROTO_IPV4, saved::TABLE), (NFPROTO_IPV6, saved::TABLE)]
    }

    fn reports_changes(&self) -> bool {
        // Of those of ipset it tells nobody.
        false
    }

    fn as_many(&self, plan: &Fitted) -> Result<bool> {
        let headers = self.headers()?;
        let held = |name: &SetName| headers.get(&name.to_string()).and_then(|header| header.entries);
        Ok(plan.sets.iter().all(|(name, ranges)| held(name) == Some(sets::entries(ranges))))
    }
}
