//! `netguard watch`: keeps the moat as planned. It hears of every change in the kernel's rules and of
//! every network that this machine joins, and loads again what is not as planned.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ipnet::IpNet;
use policy::Policy;
use record::{Outcome, Writer};

use crate::events::{Events, Seen};
use crate::group::SetName;
use crate::machine::Machine;
use crate::nft::Nft;
use crate::plan::Plan;
use crate::report::{self, Gap};
use crate::stop::Stop;
use crate::verify::{Finding, Subject};
use crate::{connections, ready, script, verify};

/// How long the kernel is listened to before a look at what else is to be done.
const NAP: Duration = Duration::from_millis(200);
/// How often everything is looked at although nothing was heard.
const ROUND: Duration = Duration::from_secs(30);
/// How often a refused load is tried again at once: another program may be in the middle of its own.
const TRIES: u32 = 5;
/// The pause between these tries.
const PAUSE: Duration = Duration::from_millis(10);

/// The highest priority there is (setpriority(2)).
const FIRST: i32 = -20;

/// What is kept, and with what.
struct Watch<'a> {
    policy: &'a Policy,
    listed: Vec<IpNet>,
    nft: Nft,
    plan: Plan,
    received: u64,
    lost: bool,
}

/// Loads the rules, and keeps them until told to stop.
///
/// # Errors
/// If they could not be loaded in the first place, or the kernel's news cannot be had.
pub(crate) fn run<W: std::io::Write>(
    policy: &Policy,
    listed: Vec<IpNet>,
    stop: &Stop,
    writer: &mut Writer<W>,
) -> Result<()> {
    // Where the machine is busy, the guard goes first; where that is not allowed, it waits with the others.
    let _ = rustix::process::setpriority_process(None, FIRST);
    // Listening begins before the first look, so that no change falls between them.
    let mut events = Events::open()?;
    let (plan, machine) = plan(policy, &listed)?;
    let received = machine.received(&plan.bridges());
    let mut watch = Watch { policy, listed, nft: Nft::find()?, plan, received, lost: false };
    watch.begin(&machine, writer)?;
    ready::tell()?;
    let mut looked = Instant::now();
    let mut pending = Seen::default();
    while !stop.asked() {
        let mut seen = if pending == Seen::default() { events.wait(NAP)? } else { std::mem::take(&mut pending) };
        if looked.elapsed() >= ROUND || watch.lost {
            seen = Seen { table: true, networks: true, gone: false };
        }
        if seen != Seen::default() {
            looked = Instant::now();
            if watch.look(seen, writer)? {
                // Its own load is news too. It is looked at, but a table that it deleted itself is no loss.
                pending = Seen { gone: false, ..events.wait(Duration::ZERO)? };
            }
        } else {
            watch.received = Machine::read()?.received(&watch.plan.bridges());
        }
    }
    Ok(())
}

fn plan(policy: &Policy, listed: &[IpNet]) -> Result<(Plan, Machine)> {
    let guarded: Vec<&str> = policy.active_networks().map(|network| network.bridge.as_str()).collect();
    let machine = Machine::read()?;
    Ok((Plan::new(policy, listed, &machine.on_link(&guarded)), machine))
}

impl Watch<'_> {
    fn begin<W: std::io::Write>(&mut self, machine: &Machine, writer: &mut Writer<W>) -> Result<()> {
        let present = self.nft.listing(true)?;
        if verify::compare(&self.plan, present.as_ref()).iter().any(|finding| finding.outcome != Outcome::Success) {
            let start = Instant::now();
            self.nft.load(&script::apply(&self.plan, present.as_ref()))?;
            writer.check(&report::applied(&self.plan, start.elapsed()))?;
            writer.check(&report::flushed(&connections::flush(&self.plan, machine, present.is_none())))?;
        }
        writer.tell(&report::watched(&self.plan))
    }

    /// Looks at the kernel, and mends what is not as planned; says whether anything had to be.
    fn look<W: std::io::Write>(&mut self, seen: Seen, writer: &mut Writer<W>) -> Result<bool> {
        let noticed = Instant::now();
        let (plan, machine) =
            if seen.networks { plan(self.policy, &self.listed)? } else { (self.plan.clone(), Machine::default()) };
        if !seen.table && plan == self.plan {
            return Ok(false);
        }
        self.plan = plan;
        match self.mend(seen.gone) {
            Ok(None) => {
                self.lost = false;
                return Ok(false);
            }
            Ok(Some(mended)) => {
                let machine = if machine == Machine::default() { Machine::read()? } else { machine };
                let received = machine.received(&self.plan.bridges());
                let gap = Gap { lasted: noticed.elapsed(), packets: received.saturating_sub(self.received) };
                (self.received, self.lost) = (received, false);
                writer.tell(&report::restored(&mended.reasons, gap, mended.whole))?;
                if mended.whole {
                    writer.check(&report::flushed(&connections::flush(&self.plan, &machine, mended.fresh)))?;
                }
            }
            Err(error) => {
                if !self.lost {
                    writer.check(&report::lost(&error))?;
                }
                self.lost = true;
            }
        }
        Ok(true)
    }

    fn mend(&self, gone: bool) -> Result<Option<Mended>> {
        let mut tried = if gone { self.again() } else { self.mend_once() };
        for _ in 1..TRIES {
            if tried.is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
            tried = self.mend_once();
        }
        tried.context("the moat could not be loaded again")
    }

    /// A table that was deleted is loaded again unseen. If that was one change too many, the news of it comes
    /// next, and then everything is looked at.
    fn again(&self) -> Result<Option<Mended>> {
        self.nft.load(&script::apply(&self.plan, None))?;
        Ok(Some(Mended { reasons: vec!["the table was deleted".to_owned()], whole: true, fresh: true }))
    }

    /// What is missing is looked for without the sets' contents first: a table that is gone must not wait
    /// for a hundred thousand ranges to be listed.
    fn mend_once(&self) -> Result<Option<Mended>> {
        let bones = self.nft.listing(false)?;
        let findings = verify::compare_bones(&self.plan, bones.as_ref());
        let mut reasons = reasons(&findings);
        if !reasons.is_empty() {
            self.nft.load(&script::apply(&self.plan, bones.as_ref()))?;
            return Ok(Some(Mended { reasons, whole: true, fresh: bones.is_none() }));
        }
        let whole = self.nft.listing(true)?;
        let findings = verify::compare(&self.plan, whole.as_ref());
        reasons = self::reasons(&findings);
        if reasons.is_empty() {
            return Ok(None);
        }
        let sets: Vec<String> = findings.iter().filter_map(refillable).collect();
        if sets.len() == reasons.len() {
            self.nft.load(&script::refill(&self.plan, &sets))?;
            return Ok(Some(Mended { reasons, whole: false, fresh: false }));
        }
        self.nft.load(&script::apply(&self.plan, whole.as_ref()))?;
        Ok(Some(Mended { reasons, whole: true, fresh: whole.is_none() }))
    }
}

/// What was wrong, and how much had to be loaded again.
struct Mended {
    reasons: Vec<String>,
    whole: bool,
    fresh: bool,
}

fn reasons(findings: &[Finding<'_>]) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.outcome != Outcome::Success)
        .map(|finding| format!("{}: {}", finding.subject.name(), finding.reason.as_deref().unwrap_or("not as planned")))
        .collect()
}

/// The name of a set whose contents alone are wrong.
fn refillable(finding: &Finding<'_>) -> Option<String> {
    match &finding.subject {
        Subject::Set(name) if finding.outcome == Outcome::Failure && SetName::named(name).is_some() => {
            Some(name.clone())
        }
        _ => None,
    }
}
