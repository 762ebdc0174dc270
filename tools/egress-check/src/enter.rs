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
    /// Ask once more where nothing came: a busy machine must not look like a moat, nor like a dead control.
    pub(crate) insist: bool,
    /// What it does together with the other seat, where the probe takes both.
    pub(crate) part: Option<Part>,
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

async fn all(place: &Place, from: From, asks: Vec<Numbered>, parallel: usize, seen: &Sender<Seen>) {
    // Those that wait for the other seat are begun at once, so that they never wait for a place in the queue.
    let (meetings, others): (Vec<_>, Vec<_>) = asks.into_iter().partition(|asked| asked.part.is_some());
    let met: FuturesUnordered<_> = meetings.into_iter().map(|asked| one(place, asked)).collect();
    let queue = futures_util::stream::iter(others).map(|asked| one(place, asked)).buffer_unordered(parallel);
    let mut sights = futures_util::stream::select(met, queue);
    while let Some((number, sight)) = sights.next().await {
        // Nobody listens any more when the run was ended: stop asking.
        if seen.send((number, from, sight)).is_err() {
            break;
        }
    }
}

async fn one(place: &Place, asked: Numbered) -> (usize, Sight) {
    let Numbered { number, ask, patience, insist, part } = asked;
    let mut sight = match part {
        Some(part) => meet(&ask, part, patience).await,
        None => observe(place, &ask, patience).await,
    };
    if insist && sight.may_be_lost() && ask.kind != ProbeKind::Forged {
        sight = observe(place, &ask, patience).await;
    }
    (number, place.attest(sight))
}
