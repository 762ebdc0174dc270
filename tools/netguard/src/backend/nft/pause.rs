//! Nothing comes in from the guarded bridges while their rules change.
//!
//! The kernel takes new rules at one moment, and their sets a moment later (Linux 6.18: `nf_tables_commit` turns the
//! generation, and `nft_set_commit_update` comes last). Between the two a set of denied ranges is empty, and a flood
//! from a member finds that moment. What passes is known for seconds after it. So a table of our own drops what comes
//! in from the bridges until the change is complete. TCP sends again what is lost in it.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Result;
use rustix::thread::MembarrierCommand;

use crate::backend::nft::transaction::{self, Batch, Sent};
use crate::host::netlink::Netlink;

/// How long is waited where the kernel does not tell that all packets under way have arrived.
const UNDER_WAY: Duration = Duration::from_millis(50);

/// Who is killed in the middle leaves the table: the bridges stay held until the next load, watch or removal, for each
/// takes it away. (A table with an owner would go with its socket, but nft 1.0.6 prints no JSON while there is one.)
#[derive(Debug, Default)]
pub(crate) struct Pause(RefCell<Option<Netlink>>);

impl Pause {
    /// Begins, for those of these bridges that are there. `generation` is that of the rules as they were looked at.
    /// Returns the one that they are of now, or `None` where somebody else changed rules meanwhile.
    ///
    /// # Errors
    /// What the kernel says; then the bridges are as they were.
    pub(crate) fn begin(&self, bridges: &[&str], generation: Option<u32>) -> Result<Option<u32>> {
        let generation = self.send(generation, |netlink, generation| {
            let there: Vec<&str> = bridges.iter().copied().filter(|name| netlink.has(name)).collect();
            transaction::pause(&there, generation)
        })?;
        arrived();
        Ok(generation)
    }

    /// Ends, or takes away what somebody left. `generation` is that of the rules after the change; returns as
    /// [`Pause::begin`] does.
    ///
    /// # Errors
    /// What the kernel says; then nothing comes in from the bridges.
    pub(crate) fn end(&self, generation: Option<u32>) -> Result<Option<u32>> {
        self.send(generation, |_, generation| transaction::resume(generation))
    }

    fn send(&self, generation: Option<u32>, batch: impl Fn(&Netlink, Option<u32>) -> Batch) -> Result<Option<u32>> {
        let mut netlink = self.0.take().map_or_else(Netlink::netfilter, Ok)?;
        let first = batch(&netlink, generation).send(&mut netlink)?;
        let generation = generation.filter(|_| first == Sent::Done).map(|generation| generation.wrapping_add(1));
        if first == Sent::Overtaken {
            batch(&netlink, None).send(&mut netlink)?;
        }
        self.0.replace(Some(netlink));
        Ok(generation)
    }
}

/// Waits until whatever came in before has gone on, or was dropped. The kernel handles a packet in one piece. This
/// barrier waits for the end of all such pieces (membarrier(2), `MEMBARRIER_CMD_GLOBAL`). A kernel under `nohz_full`
/// has none, and a filter may keep the call from us: then time must do.
fn arrived() {
    if rustix::thread::membarrier(MembarrierCommand::Global).is_err() {
        std::thread::sleep(UNDER_WAY);
    }
}
