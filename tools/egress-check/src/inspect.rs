//! Makes all probes of a run, inside and outside at once. The results come in the order of the plan, each as soon as
//! all before it are there.

mod enter;

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use record::cellblock::{Evidence, Expect, ProbeKind};

use crate::inspect::enter::{From, Numbered, Retry, Seen, ask_from};
use crate::namespace::vantage::Vantage;
use crate::probe::observation::Observation;
use crate::probe::question::Ask;
use crate::probe::{Probe, label};
use crate::wire::{Part, meeting};

/// How a run goes about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How long a probe waits that does not say so itself.
    pub(crate) timeout: Duration,
    /// How many probes wait at once, at each vantage.
    pub(crate) parallel: usize,
}

/// What came of one probe, inside and at its control.
#[derive(Debug)]
pub(crate) struct Observations {
    /// What the probe saw from the place that is inspected.
    pub(crate) inside: Observation,
    /// What its control saw, where there is one.
    pub(crate) outside: Option<Observation>,
    /// The DNS name that the probe asked for inside, with its unique label.
    pub(crate) name: Option<String>,
    /// The DNS name that the control asked for.
    pub(crate) control_name: Option<String>,
}

/// Makes the probes, and calls `each` for every result, in the order of the plan.
///
/// # Errors
/// If a vantage cannot be entered, or what `each` says.
pub(crate) fn inspect<'a>(
    probes: &'a [Probe],
    vantage: Vantage,
    control: Option<Vantage>,
    manner: Manner,
    mut each: impl FnMut(&'a Probe, Observations) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    let has_control = control.is_some();
    let mut asks = numbered(probes, manner, |probe| (probe.ask.clone(), retry(probe)))?;
    let mut control_asks = numbered(probes, manner, |probe| (probe.control_ask(), Retry::Lost))?;
    if has_control {
        introduce(&mut asks, &mut control_asks);
    }
    let names = asks.iter().zip(&control_asks).map(|(asked, control)| (name(asked), name(control))).collect();
    let inside = ask_from(vantage, From::Inside, asks, manner.parallel, sender.clone());
    let outside =
        control.map(|vantage| ask_from(vantage, From::Outside, control_asks, manner.parallel, sender.clone()));
    drop(sender);
    let told = in_order(&receiver, probes, names, has_control, &mut each);
    drop(receiver);
    for thread in std::iter::once(inside).chain(outside) {
        thread.join().ok().context("a thread of probes died")??;
    }
    told
}

/// Where silence is what the policy wants, it is an answer, and nobody waits for it twice.
fn retry(probe: &Probe) -> Retry {
    match (probe.expect, probe.evidence) {
        (Expect::Pass, _) => Retry::Lost,
        (Expect::Blocked, Evidence::BeyondGate) => Retry::Mute,
        (Expect::Blocked, _) => Retry::Unfinished,
    }
}

/// What is asked of each probe, its name made unique, and after what it is asked again.
fn numbered(probes: &[Probe], manner: Manner, ask: impl Fn(&Probe) -> (Ask, Retry)) -> Result<Vec<Numbered>> {
    let numbered = probes.iter().enumerate().map(|(number, probe)| {
        let (mut ask, retry) = ask(probe);
        label::put_on(&mut ask)?;
        Ok(Numbered { number, ask, timeout: probe.timeout.unwrap_or(manner.timeout), retry, part: None })
    });
    numbered.collect()
}

/// Gives both vantages their part in what takes both.
fn introduce(asks: &mut [Numbered], control_asks: &mut [Numbered]) {
    let pairs = asks.iter_mut().zip(control_asks);
    for (inside, outside) in pairs.filter(|(inside, _)| inside.ask.kind == ProbeKind::Forged) {
        let (inner, outer) = meeting();
        (inside.part, outside.part) = (Some(Part::Inner(inner)), Some(Part::Outer(outer)));
    }
}

/// The unique name that the probe asks for, where it does.
fn name(asked: &Numbered) -> Option<String> {
    let question = asked.ask.question.as_ref().filter(|question| question.unique)?;
    Some(question.name.clone())
}

fn in_order<'a>(
    seen: &Receiver<Seen>,
    probes: &'a [Probe],
    names: Vec<(Option<String>, Option<String>)>,
    has_control: bool,
    each: &mut impl FnMut(&'a Probe, Observations) -> Result<()>,
) -> Result<()> {
    let (mut inside, mut outside) = (BTreeMap::new(), BTreeMap::new());
    let mut next = probes.iter().enumerate().zip(names);
    let mut turn = next.next();
    for (number, from, observation) in seen {
        match from {
            From::Inside => inside.insert(number, observation),
            From::Outside => outside.insert(number, observation),
        };
        while let Some(((number, probe), (name, control_name))) = turn.take() {
            if !inside.contains_key(&number) || (has_control && !outside.contains_key(&number)) {
                turn = Some(((number, probe), (name, control_name)));
                break;
            }
            if let Some(inside) = inside.remove(&number) {
                each(probe, Observations { inside, outside: outside.remove(&number), name, control_name })?;
            }
            turn = next.next();
        }
    }
    let unanswered = usize::from(turn.is_some()) + next.count();
    ensure!(unanswered == 0, "of {} probes {unanswered} were not made: this is no result", probes.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::question::ProbeTarget;

    #[test]
    fn fewer_answers_than_probes_are_an_error_and_no_result() {
        let ask = |port| Ask::new(ProbeKind::Tcp, ProbeTarget::Ip([192, 168, 1, 1].into()), port);
        let probes = [22, 80].map(|port| Probe::new("lan", Expect::Blocked, ask(port), "Asks."));
        for (made, expected) in [(2, true), (1, false), (0, false)] {
            let (sender, seen) = mpsc::channel();
            (0..made).for_each(|number| sender.send((number, From::Inside, Observation::Silent)).unwrap());
            drop(sender);
            let mut told = 0;
            let result = in_order(&seen, &probes, vec![(None, None); 2], false, &mut |_, _| {
                told += 1;
                Ok(())
            });
            assert_eq!((result.is_ok(), told), (expected, made), "{made} of 2 were made");
        }
    }
}
