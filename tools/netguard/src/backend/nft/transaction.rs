//! The rules as the kernel's own messages (`nf_tables`, over netlink), sent as one batch: all of it, or nothing.
//!
//! The program nft is the compiler, and a network namespace that nobody is in holds what it made. nft loads the plan
//! there without its long lists, and the kernel tells what it holds (`objects`). That is what it takes again anywhere
//! else. The ranges of the lists are written straight into messages (`elements`), for most of nft's time goes into
//! those. What is compiled is kept: the same rules are back with one send.

mod batch;
mod counted;
mod elements;
mod kinds;
mod objects;
mod pause;
mod scratch;

use anyhow::{Context, Result};

use crate::backend::counters::counting;
use crate::backend::nft::replace::Deletion;
use crate::backend::nft::script;
use crate::host::netlink::{Netlink, attribute, field};
use crate::host::program::Program;
use crate::rules::plan::Plan;

use objects::Objects;

pub(crate) use objects::copies;

pub(crate) use batch::{Batch, Sent};
pub(crate) use counted::counted;
pub(crate) use pause::{pause, resume};

/// The rules of a plan, compiled: everything but the ranges.
#[derive(Debug)]
pub(crate) struct Compiled {
    skeleton: String,
    objects: Objects,
}

impl Compiled {
    /// Compiles the rules of a plan.
    ///
    /// # Errors
    /// If there can be no namespace to do it in (that takes `CAP_SYS_ADMIN`). If nft or the kernel refuses the rules.
    /// If the kernel tells of something that nobody here knows how to copy.
    pub(crate) fn of(nft: &Program, plan: &Plan) -> Result<Self> {
        let skeleton = script::skeleton(plan);
        let objects = scratch::compile(nft, &skeleton)?;
        Ok(Self { skeleton, objects })
    }

    /// Takes the rules that are loaded for those of a plan. The caller must know that they are.
    ///
    /// # Errors
    /// What the kernel says, or if it tells of something that is not known how to copy.
    pub(crate) fn loaded(plan: &Plan, netlink: &mut Netlink) -> Result<Self> {
        Ok(Self { skeleton: script::skeleton(plan), objects: Objects::read(netlink)? })
    }

    /// Whether these are the rules of a plan.
    pub(crate) fn is_of(&self, plan: &Plan) -> bool {
        self.skeleton == script::skeleton(plan)
    }

    /// What must go before they are loaded, and in which generation of the kernel's rules it was looked for.
    ///
    /// # Errors
    /// What the kernel says, or if it tells of something that is not known here.
    pub(crate) fn deletion(&self, plan: &Plan, netlink: &mut Netlink) -> Result<(Deletion, u32)> {
        let generation = generation(netlink)?;
        if !stands(netlink)? {
            return Ok((Deletion::Nothing, generation));
        }
        let counts: Vec<String> = counting(plan).into_iter().map(|(name, _)| name).collect();
        Ok((self.objects.deletion(&Objects::structure(netlink)?, &counts), generation))
    }

    /// The batch that loads them, with a plan's ranges, in the place of a generation of the kernel's rules.
    pub(crate) fn load(&self, plan: &Plan, deletion: &Deletion, generation: u32) -> Batch {
        let mut batch = Batch::begin(Some(generation));
        self.objects.clear(deletion, &mut batch);
        self.objects.add(deletion, &mut batch);
        // Last, for each rule is held against all that came before it in the batch.
        for (name, ranges) in &plan.sets {
            elements::fill(&name.to_string(), ranges, &mut batch);
        }
        batch
    }
}

/// The batch that gives sets their planned ranges, and forgets which pairs were judged by the ranges before; it
/// leaves all else. With a generation, it is for that one only.
pub(crate) fn refill(plan: &Plan, names: &[String], generation: Option<u32>) -> Batch {
    let mut batch = Batch::begin(generation);
    for pairs in plan.pairs() {
        elements::empty(&pairs.name(), &mut batch);
    }
    for (name, ranges) in &plan.sets {
        let name = name.to_string();
        if names.contains(&name) {
            elements::empty(&name, &mut batch);
            elements::fill(&name, ranges, &mut batch);
        }
    }
    batch
}

/// Whether there is a moat.
///
/// # Errors
/// What the kernel says.
pub(crate) fn stands(netlink: &mut Netlink) -> Result<bool> {
    netlink.ask(kinds::GET_TABLE, &kinds::in_table())
}

/// The generation of the rules in the kernel: another number after each change of any of them.
///
/// # Errors
/// What the kernel says.
pub(crate) fn generation(netlink: &mut Netlink) -> Result<u32> {
    let mut generation = None;
    netlink.get(kinds::GET_GENERATION, &[0; 4], |message| {
        let id = message.body.get(4..).and_then(|rest| attribute(rest, kinds::GENERATION));
        generation = id.and_then(|id| field(id, 0)).map(u32::from_be_bytes);
    })?;
    generation.context("the kernel does not tell the generation of its rules")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;

    #[test]
    fn with_other_ranges_every_judgement_is_forgotten_in_the_same_transaction() {
        let emptied = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let bodies = refill(&plan(), &names, None).bodies(kinds::DELETE_ELEMENT);
            let set = |body: &Vec<u8>| {
                let name = attribute(&body[4..], kinds::SET_NAME).unwrap();
                assert_eq!(attribute(&body[4..], kinds::ELEMENTS), None, "all of it goes");
                String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()
            };
            bodies.iter().map(set).collect::<Vec<_>>()
        };
        let pairs: Vec<String> = plan().pairs().iter().map(crate::rules::table::Pairs::name).collect();
        assert!(!pairs.is_empty());
        assert_eq!(emptied(&[&pairs[0]]), pairs);
        assert_eq!(emptied(&["onlink4"]), [pairs, vec!["onlink4".to_owned()]].concat());
        assert_eq!(refill(&plan(), &["onlink4".to_owned()], None).bodies(kinds::NEW_ELEMENT).len(), 1);
    }
}
