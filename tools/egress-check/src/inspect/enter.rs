//! Asks from a vantage: a thread of its own enters the vantage's network namespace, makes every socket
//! there, and ends there. The rest of the process never leaves home, and no process is started.

use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use record::cellblock::ProbeKind;

use crate::namespace::vantage::{Vantage, enter_network};
use crate::probe::observation::Observation;
use crate::probe::question::Ask;
use crate::wire::{Origin, Part, RawAs, meet, observe};

/// A question to make, with its number in the plan.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// Its place in the plan, from 0, by which the answer finds it again.
    pub(crate) number: usize,
    /// What is sent, and to whom.
    pub(crate) ask: Ask,
    /// How long to wait for an answer.
    pub(crate) timeout: Duration,
    /// After what it is asked again.
    pub(crate) retry: Retry,
    /// What it does together with the other vantage, where the probe takes both.
    pub(crate) part: Option<Part>,
}

/// After which observations a question is asked again: a busy machine must not look like a moat, nor like a dead
/// control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After those that say nothing of the network.
    Unfinished,
    /// Also where somebody took the connection and then said nothing: from the gate, which speaks for itself, that
    /// settles nothing.
    Mute,
    /// Also where nothing came at all.
    Lost,
}

impl Numbered {
    /// May an answer have got lost, so that it is asked again? Whoever met the other vantage cannot repeat that alone.
    fn is_lost(&self, observation: &Observation) -> bool {
        let unsettled = match self.retry {
            Retry::Unfinished => false,
            Retry::Mute => *observation == Observation::Connected,
            Retry::Lost => observation.may_be_lost(),
        };
        (unsettled || *observation == Observation::Unfinished) && self.ask.kind != ProbeKind::Forged
    }
}

/// Which of the two vantages an observation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The place that is inspected.
    Inside,
    /// The control: the same question from outside.
    Outside,
}

/// An observation, with the number of its question and the vantage it was made from.
pub(crate) type Seen = (usize, From, Observation);

/// Asks all of these from a vantage, `parallel` at a time, and sends each observation as it comes.
pub(crate) fn ask_from(
    vantage: Vantage,
    from: From,
    asks: Vec<Numbered>,
    parallel: usize,
    seen: Sender<Seen>,
) -> JoinHandle<Result<()>> {
    std::thread::spawn(move || {
        enter_network(vantage.netns.as_ref())?;
        let whose = match (from, &vantage.netns, vantage.bounding) {
            (From::Inside, Some(_), Some(bounding)) => RawAs::Sitter(bounding),
            (From::Inside, Some(_), None) => RawAs::Nobody,
            _ => RawAs::Own,
        };
        let origin = Origin::new(vantage, whose)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("no runtime for the probes")?.block_on(all(&origin, from, asks, parallel, &seen));
        Ok(())
    })
}

/// Probes that wait at once in the last round: few, so that a server that drowned in the first one answers now.
const QUIET: usize = 64;

/// All at once; then, in a quiet round of longer time-outs, those of whom nobody can say whether an answer got lost.
async fn all(origin: &Origin, from: From, asks: Vec<Numbered>, parallel: usize, seen: &Sender<Seen>) {
    // Those that wait for the other vantage are begun at once: they never wait for a place in the queue.
    let (meetings, others): (Vec<_>, Vec<_>) = asks.into_iter().partition(|asked| asked.part.is_some());
    let met: FuturesUnordered<_> = meetings.into_iter().map(|asked| first(origin, asked)).collect();
    let queue = futures_util::stream::iter(others).map(|asked| first(origin, asked)).buffer_unordered(parallel);
    let mut observations = futures_util::stream::select(met, queue);
    let mut lost = Vec::new();
    while let Some((asked, observation)) = observations.next().await {
        if asked.is_lost(&observation) {
            lost.push(asked);
        // Nobody listens any more when the run was ended: stop asking.
        } else if seen.send((asked.number, from, observation)).is_err() {
            return;
        }
    }
    let mut observations =
        futures_util::stream::iter(lost).map(|asked| last(origin, asked)).buffer_unordered(parallel.min(QUIET));
    while let Some((number, observation)) = observations.next().await {
        if seen.send((number, from, observation)).is_err() {
            return;
        }
    }
}

/// Asks, and at once again where an answer may have got lost.
async fn first(origin: &Origin, mut asked: Numbered) -> (Numbered, Observation) {
    if let Some(part) = asked.part.take() {
        let observation = meet(&asked.ask, part, asked.timeout).await;
        return (asked, origin.attest(observation));
    }
    let mut observation = observe(origin, &asked.ask, asked.timeout).await;
    if asked.is_lost(&observation) {
        observation = observe(origin, &asked.ask, asked.timeout).await;
    }
    (asked, origin.attest(observation))
}

async fn last(origin: &Origin, asked: Numbered) -> (usize, Observation) {
    let observation = observe(origin, &asked.ask, asked.timeout * 2).await;
    (asked.number, origin.attest(observation))
}
