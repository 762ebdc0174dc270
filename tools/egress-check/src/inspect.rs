//! Makes all probes of a run, inside and outside at once, and hands out the results in the order of
//! the plan, each as soon as it and all before it are there.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, Result};
use record::cellblock::Expect;

use crate::ask::Ask;
use crate::enter::{From, Numbered, Seen, ask_from};
use crate::probe::Probe;
use crate::seat::Seat;
use crate::sight::Sight;

/// How a run goes about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How long a probe waits that does not say so itself.
    pub(crate) patience: Duration,
    /// How many probes wait at once, at each seat.
    pub(crate) parallel: usize,
}

/// What one probe saw.
#[derive(Debug)]
pub(crate) struct Sights {
    /// From the place that is inspected.
    pub(crate) inside: Sight,
    /// From the control, where there is one.
    pub(crate) outside: Option<Sight>,
}

/// Makes the probes, and calls `each` for every result, in the order of the plan.
///
/// # Errors
/// If a seat cannot be entered, or what `each` says.
pub(crate) fn inspect(
    probes: &[Probe],
    seat: Seat,
    control: Option<Seat>,
    manner: Manner,
    mut each: impl FnMut(&Probe, &Sights) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    let has_control = control.is_some();
    let asks = numbered(probes, manner, |probe| (probe.ask.clone(), probe.expect == Expect::Pass));
    let inside = ask_from(seat, From::Inside, asks, manner.parallel, sender.clone());
    let outside = control.map(|seat| {
        let asks = numbered(probes, manner, |probe| (probe.control_ask(), true));
        ask_from(seat, From::Outside, asks, manner.parallel, sender.clone())
    });
    drop(sender);
    let told = in_order(&receiver, probes, has_control, &mut each);
    drop(receiver);
    for thread in std::iter::once(inside).chain(outside) {
        thread.join().ok().context("a thread of probes died")??;
    }
    told
}

/// What is asked of each probe, and whether it is asked again where nothing comes.
fn numbered(probes: &[Probe], manner: Manner, ask: impl Fn(&Probe) -> (Ask, bool)) -> Vec<Numbered> {
    let numbered = probes.iter().enumerate().map(|(number, probe)| {
        let (ask, insist) = ask(probe);
        Numbered { number, ask, patience: probe.timeout.unwrap_or(manner.patience), insist }
    });
    numbered.collect()
}

fn in_order(
    seen: &Receiver<Seen>,
    probes: &[Probe],
    has_control: bool,
    each: &mut impl FnMut(&Probe, &Sights) -> Result<()>,
) -> Result<()> {
    let (mut inside, mut outside) = (BTreeMap::new(), BTreeMap::new());
    let mut next = probes.iter().enumerate();
    let mut turn = next.next();
    for (number, from, sight) in seen {
        match from {
            From::Inside => inside.insert(number, sight),
            From::Outside => outside.insert(number, sight),
        };
        while let Some((number, probe)) = turn {
            if !inside.contains_key(&number) || (has_control && !outside.contains_key(&number)) {
                break;
            }
            if let Some(inside) = inside.remove(&number) {
                each(probe, &Sights { inside, outside: outside.remove(&number) })?;
            }
            turn = next.next();
        }
    }
    Ok(())
}
