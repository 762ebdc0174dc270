//! Asks from a seat: a thread of its own enters the seat's network namespace, makes every socket
//! there, and ends there. The rest of the process never leaves home, and no process is started.

use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use record::cellblock::ProbeKind;

use crate::ask::Ask;
use crate::seat::{Seat, enter_network};
use crate::sight::Sight;
use crate::wire::{Part, Place, Whose, meet, observe};

/// A question to make, with its number in the plan.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// Its number.
    pub(crate) number: usize,
    /// What is asked.
    pub(crate) ask: Ask,
    /// How long to wait for an answer.
    pub(crate) patience: Duration,
    /// After what it is asked again.
    pub(crate) again: Again,
    /// What it does together with the other seat, where the probe takes both.
    pub(crate) part: Option<Part>,
}

/// After which sights a question is asked again: a busy machine must not look like a moat, nor like a dead control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// After those that say nothing of the network.
    Unfinished,
    /// Also where somebody took the connection and then said nothing: from the gate, which speaks for itself, that
    /// settles nothing.
    Mute,
    /// Also where nothing came at all.
    Lost,
}

impl Numbered {
    /// May an answer have got lost, so that it is asked again? Whoever met the other seat cannot repeat that alone.
    fn is_lost(&self, sight: &Sight) -> bool {
        let unsettled = match self.again {
            Again::Unfinished => false,
            Again::Mute => *sight == Sight::Connected,
            Again::Lost => sight.may_be_lost(),
        };
        (unsettled || *sight == Sight::Unfinished) && self.ask.kind != ProbeKind::Forged
    }
}

/// Which of the two seats a sight comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The place that is inspected.
    Inside,
    /// The control.
    Outside,
}

/// A sight, with the number of its question and the seat it was made from.
pub(crate) type Seen = (usize, From, Sight);

/// Asks all of these from a seat, `parallel` at a time, and sends each sight as it comes.
pub(crate) fn ask_from(
    seat: Seat,
    from: From,
    asks: Vec<Numbered>,
    parallel: usize,
    seen: Sender<Seen>,
) -> JoinHandle<Result<()>> {
    std::thread::spawn(move || {
        enter_network(seat.netns.as_ref())?;
        let whose = match (from, &seat.netns, seat.powers) {
            (From::Inside, Some(_), Some(powers)) => Whose::Sitter(powers),
            (From::Inside, Some(_), None) => Whose::Nobody,
            _ => Whose::Own,
        };
        let place = Place::new(seat, whose)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("no runtime for the probes")?.block_on(all(&place, from, asks, parallel, &seen));
        Ok(())
    })
}

/// Probes that wait at once in the last round: few, so that a server that drowned in the first one answers now.
const QUIET: usize = 64;

/// All at once; then, in a quiet round of longer patience, those of whom nobody can say whether an answer got lost.
async fn all(place: &Place, from: From, asks: Vec<Numbered>, parallel: usize, seen: &Sender<Seen>) {
    // Those that wait for the other seat are begun at once, so that they never wait for a place in the queue.
    let (meetings, others): (Vec<_>, Vec<_>) = asks.into_iter().partition(|asked| asked.part.is_some());
    let met: FuturesUnordered<_> = meetings.into_iter().map(|asked| first(place, asked)).collect();
    let queue = futures_util::stream::iter(others).map(|asked| first(place, asked)).buffer_unordered(parallel);
    let mut sights = futures_util::stream::select(met, queue);
    let mut lost = Vec::new();
    while let Some((asked, sight)) = sights.next().await {
        if asked.is_lost(&sight) {
            lost.push(asked);
        // Nobody listens any more when the run was ended: stop asking.
        } else if seen.send((asked.number, from, sight)).is_err() {
            return;
        }
    }
    let mut sights =
        futures_util::stream::iter(lost).map(|asked| last(place, asked)).buffer_unordered(parallel.min(QUIET));
    while let Some((number, sight)) = sights.next().await {
        if seen.send((number, from, sight)).is_err() {
            return;
        }
    }
}

/// Asks, and at once again where an answer may have got lost.
async fn first(place: &Place, mut asked: Numbered) -> (Numbered, Sight) {
    if let Some(part) = asked.part.take() {
        let sight = meet(&asked.ask, part, asked.patience).await;
        return (asked, place.attest(sight));
    }
    let mut sight = observe(place, &asked.ask, asked.patience).await;
    if asked.is_lost(&sight) {
        sight = observe(place, &asked.ask, asked.patience).await;
    }
    (asked, place.attest(sight))
}

async fn last(place: &Place, asked: Numbered) -> (usize, Sight) {
    let sight = observe(place, &asked.ask, asked.patience * 2).await;
    (asked.number, place.attest(sight))
}
