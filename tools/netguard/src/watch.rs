//! `netguard watch`: keeps the moat as planned. It hears of every change in the kernel's rules, of every
//! network that this machine joins and of what Docker does, and loads again what is not as planned; the
//! plan is that of the policy as it is now. What defeats rules that stand is told when it appears.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use policy::PolicyArgs;
use record::{Outcome, Writer};

use crate::backend::{Backend, Choice};
use crate::events::{Events, Seen};
use crate::group::{Group, SetName};
use crate::herald::{Herald, Word};
use crate::kept::{Kept, News};
use crate::lookout::Lookout;
use crate::machine::{Machine, Received};
use crate::owner::Owner;
use crate::permit::Permit;
use crate::plan::Plan;
use crate::ready::{self, Heart};
use crate::report::{self, Gap};
use crate::saved::Saved;
use crate::stop::Stop;
use crate::table::Pairs;
use crate::verify::{Finding, Subject};
use crate::{connections, permit, verify};

/// How long the kernel is listened to before a look at what else is to be done.
const NAP: Duration = Duration::from_millis(200);
/// How often everything is looked at although nothing was heard.
const ROUND: Duration = Duration::from_secs(30);
/// How often rules and sets are looked at where the kernel does not tell of every change of them.
const GLANCE: Duration = Duration::from_secs(2);
/// How often a refused load is tried again at once: another program may be in the middle of its own.
const TRIES: u32 = 5;
/// The pause between these tries.
const PAUSE: Duration = Duration::from_millis(10);
/// From how many listed ranges on the rules do not wait for them when everything is gone.
const MANY: usize = 2000;

/// The highest priority there is (setpriority(2)).
const FIRST: i32 = -20;

/// What is kept, and with what.
struct Watch<'a> {
    events: Events,
    kept: Kept<'a>,
    backend: Backend,
    plan: Plan,
    received: Received,
    good: Instant,
    lost: bool,
    lookout: Lookout,
    permitted: Option<Permitted>,
    /// Where the last good rules are kept, and whether those in force are to be put there.
    keep: Option<PathBuf>,
    unsaved: bool,
    _owner: Owner,
}

/// What is behind the moat may be started as long as somebody keeps it: not after the watch's end, however that comes.
struct Permitted(Permit);

impl Drop for Permitted {
    fn drop(&mut self) {
        if let Err(error) = self.0.withdraw() {
            eprintln!("netguard: {error:#}");
        }
    }
}

/// Loads the rules, and keeps them until told to stop.
///
/// # Errors
/// If they could not be loaded in the first place, or the kernel's news cannot be had.
pub(crate) fn run<W: std::io::Write>(
    choice: Choice,
    policy: &PolicyArgs,
    keep: Option<&Path>,
    stop: &Stop,
    writer: &mut Writer<W>,
) -> Result<()> {
    // Where the machine is busy, the guard goes first; where that is not allowed, it waits with the others.
    let _ = rustix::process::setpriority_process(None, FIRST);
    let mut watch = start(Backend::find(choice)?, policy, keep, writer)?;
    ready::tell()?;
    let herald = Herald::start(watch.events.ringer()?)?;
    let (mut looked, mut glanced) = (Instant::now(), Instant::now());
    let mut pending = Seen::default();
    let mut heart = Heart::new();
    while !stop.asked() {
        heart.beat();
        let mut seen = if pending == Seen::default() { watch.events.wait(NAP)? } else { std::mem::take(&mut pending) };
        if looked.elapsed() >= ROUND || watch.lost {
            seen = Seen { table: true, networks: true, gone: false, rung: true };
            watch.look_out();
        }
        if watch.refresh(writer)? {
            (seen.table, seen.networks) = (true, true);
        }
        seen.table |= seen.rung && watch.hear(&herald, writer)?;
        let whole = seen.table || seen.networks;
        if whole {
            looked = Instant::now();
        }
        if whole || (!watch.backend.tells() && glanced.elapsed() >= GLANCE) {
            if watch.look(Seen { table: seen.table || !whole, ..seen }, whole, writer)? {
                // Nothing was heard during the load. What stands now is looked at, but a table that was deleted
                // meanwhile is no loss if it is there.
                let heard = watch.events.wait(Duration::ZERO)?;
                pending = Seen { gone: false, table: heard.table || !watch.lost, ..heard };
            }
            glanced = Instant::now();
        } else if watch.backend.tells() {
            watch.settle()?;
        }
    }
    Ok(())
}

/// Has the rules in the kernel, those of the policy or the last good ones.
fn start<'a, W: std::io::Write>(
    backend: Backend,
    policy: &'a PolicyArgs,
    keep: Option<&Path>,
    writer: &mut Writer<W>,
) -> Result<Watch<'a>> {
    // Listening begins before the first look, so that no change falls between them.
    let events = Events::open(backend.tables(), backend.tells())?;
    let (kept, saved) = Kept::open(policy, keep, &backend)?;
    let owner = Owner::become_it(kept.file())?;
    let (plan, machine) = kept.plan().map(|(plan, machine)| (backend.holds(plan), machine))?;
    if let Some(saved) = saved {
        permit::withdraw_all()?;
        writer.tell(&saved)?;
    }
    let mut watch = Watch {
        received: machine.received(&plan.bridges()),
        lookout: Lookout::start(events.ringer()?)?,
        events,
        kept,
        backend,
        plan,
        good: Instant::now(),
        lost: false,
        permitted: None,
        keep: keep.map(Path::to_owned),
        unsaved: keep.is_some(),
        _owner: owner,
    };
    watch.begin(&machine, writer)?;
    Ok(watch)
}

impl Watch<'_> {
    /// Reads the policy again if it changed; says whether there is another plan to keep.
    fn refresh<W: std::io::Write>(&mut self, writer: &mut Writer<W>) -> Result<bool> {
        match self.kept.refresh() {
            News::Same => Ok(false),
            News::Changed => {
                writer.tell(&report::policy_taken(&self.kept.plan()?.0))?;
                self.unsaved = self.keep.is_some();
                self.look_out();
                Ok(true)
            }
            // What runs goes on behind the rules that it began with. What is new would not know what it is promised.
            News::Broken(error) => {
                self.permit(!self.lost)?;
                writer.tell(&report::policy_refused(&error)).map(|()| false)
            }
        }
    }

    /// Hears what Docker said and what the lookout found; says whether Docker changed anything.
    fn hear<W: std::io::Write>(&mut self, herald: &Herald, writer: &mut Writer<W>) -> Result<bool> {
        let words = herald.words();
        for word in &words {
            match word {
                Word::Heard => writer.tell(&report::engine_heard())?,
                Word::Silent(why) => writer.tell(&report::engine_silent(why))?,
                Word::Changed(_) => {}
            }
        }
        // News, and no checks of this run's own: one that is stopped in good order has not failed by them.
        for finding in self.lookout.news() {
            writer.tell(&finding.record())?;
        }
        if !words.is_empty() || self.lookout.owes() {
            self.look_out();
        }
        Ok(!words.is_empty())
    }

    /// Asks for a look at what could defeat the rules, which are taken to stand as long as they are not lost.
    fn look_out(&mut self) {
        let standing = if self.lost { Vec::new() } else { self.plan.rules.clone() };
        let standing = standing.into_iter().map(|rule| rule.id).collect();
        if let Some(policy) = self.kept.policy() {
            self.lookout.ask(policy, !self.lost, standing);
        }
    }

    /// Grants the permit while the rules hold and the policy can be read, and takes it away else.
    fn permit(&mut self, holds: bool) -> Result<()> {
        let Some(policy) = self.kept.good().filter(|_| holds) else {
            return self.permitted.as_ref().map_or(Ok(()), |permitted| permitted.0.withdraw());
        };
        let permit = Permit::of(policy);
        if self.permitted.as_ref().is_none_or(|permitted| permitted.0 != permit) {
            self.permitted = Some(Permitted(permit));
        }
        self.permitted.as_ref().map_or(Ok(()), |permitted| permitted.0.grant())
    }

    /// All is as planned: who is behind it may start, and what is in force is kept for a time without a policy.
    fn stands<W: std::io::Write>(&mut self, writer: &mut Writer<W>) -> Result<()> {
        self.permit(true)?;
        // Once for each change, even if it fails: a full disk is told, and not each round.
        let due = std::mem::take(&mut self.unsaved);
        let (true, Some(path), Some(policy)) = (due, &self.keep, self.kept.good()) else { return Ok(()) };
        let told = Saved::write(path, policy, &self.kept.plan()?.0);
        writer.tell(&told.unwrap_or_else(|error| report::unsaved(&error)))
    }

    fn begin<W: std::io::Write>(&mut self, machine: &Machine, writer: &mut Writer<W>) -> Result<()> {
        let present = self.backend.listing(true)?;
        if verify::compare(&self.plan, present.as_ref()).iter().any(|finding| finding.outcome != Outcome::Success) {
            let start = Instant::now();
            let slower = self.events.deaf(|| self.backend.apply(&self.plan))??;
            writer.check(&report::applied(&self.plan, start.elapsed(), slower))?;
            writer.check(&report::flushed(&connections::flush(&self.plan, machine, present.is_none())))?;
        }
        self.backend.resume()?;
        self.backend.prepare(&self.plan);
        self.stands(writer)?;
        writer.tell(&report::watched(&self.plan))
    }

    /// The rules are as planned at this moment: what came in so far was judged.
    fn settle(&mut self) -> Result<()> {
        self.received = Received::now(&self.plan.bridges())?;
        self.good = Instant::now();
        Ok(())
    }

    /// Looks at the kernel, at the contents of the sets too if at the whole of it, and mends what is not as
    /// planned; says whether anything had to be.
    fn look<W: std::io::Write>(&mut self, seen: Seen, whole: bool, writer: &mut Writer<W>) -> Result<bool> {
        let noticed = Instant::now();
        let (plan, machine) = if seen.networks { self.kept.plan()? } else { (self.plan.clone(), Machine::default()) };
        let plan = self.backend.holds(plan);
        if !seen.table && plan == self.plan {
            return Ok(false);
        }
        if plan != self.plan {
            self.backend.found(None);
            self.plan = plan;
        }
        match self.mend(seen.gone, whole) {
            Ok(None) => {
                self.lost = false;
                self.stands(writer)?;
                return self.settle().map(|()| false);
            }
            Ok(Some(mended)) => {
                let machine = if machine == Machine::default() { Machine::read()? } else { machine };
                let received = machine.received(&self.plan.bridges());
                let gap = Gap {
                    lasted: mended.back.duration_since(noticed),
                    unseen: noticed.duration_since(self.good),
                    packets: received.since(&self.received),
                };
                (self.received, self.lost, self.good) = (received, false, mended.back);
                writer.tell(&report::restored(&mended.reasons, gap, mended.whole))?;
                if mended.whole {
                    writer.check(&report::flushed(&connections::flush(&self.plan, &machine, mended.fresh)))?;
                }
                self.backend.prepare(&self.plan);
                self.stands(writer)?;
            }
            Err(error) => {
                self.permit(false)?;
                if !self.lost {
                    writer.check(&report::lost(&error))?;
                }
                self.lost = true;
            }
        }
        Ok(true)
    }

    fn mend(&mut self, gone: bool, whole: bool) -> Result<Option<Mended>> {
        // Among too many changes the news of the deletion may be lost.
        let mut tried = if gone || self.backend.gone() { self.again() } else { self.mend_once(whole) };
        for _ in 1..TRIES {
            if tried.is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
            tried = self.mend_once(whole);
        }
        tried.context("the moat could not be loaded again")
    }

    /// A table that was deleted is loaded again unseen. If that was one change too many, the news of it comes
    /// next, and then everything is looked at.
    fn again(&mut self) -> Result<Option<Mended>> {
        self.load(vec!["the table was deleted".to_owned()], true)
    }

    /// What is missing is looked for without the sets' contents first: a table that is gone must not wait
    /// for a hundred thousand ranges to be listed.
    fn mend_once(&mut self, whole: bool) -> Result<Option<Mended>> {
        if self.backend.untouched() {
            return Ok(None);
        }
        let bones = self.backend.listing(false)?;
        let findings = verify::compare_bones(&self.plan, bones.as_ref());
        let mut reasons = reasons(&findings);
        if !reasons.is_empty() {
            return self.load(reasons, bones.is_none());
        }
        if !whole && self.backend.as_many(&self.plan)? {
            return Ok(None);
        }
        let whole = self.backend.listing(true)?;
        let findings = verify::compare(&self.plan, whole.as_ref());
        reasons = self::reasons(&findings);
        let generation = whole.as_ref().and_then(|listing| listing.generation);
        if reasons.is_empty() {
            self.backend.found(generation);
            return Ok(None);
        }
        let sets: Vec<String> = findings.iter().filter_map(refillable).collect();
        if sets.len() == reasons.len() {
            reasons.extend(self.events.deaf(|| self.backend.refill(&self.plan, &sets, generation))??);
            // Special-purpose ranges never change by themselves: somebody opened them.
            let opened = sets.iter().filter_map(|set| SetName::named(set)).any(|name| name.0 == Group::Special);
            return Ok(Some(Mended { reasons, whole: opened, fresh: false, back: Instant::now() }));
        }
        self.load(reasons, whole.is_none())
    }

    /// Loads everything. Where there is nothing at all, long deny lists come after the rules: what keeps the
    /// LAN and the host out must not wait for them; and the internet does, for some of it is on the lists.
    fn load(&mut self, mut reasons: Vec<String>, fresh: bool) -> Result<Option<Mended>> {
        let lists: Vec<SetName> = SetName::all().filter(|name| name.0 == Group::Listed).collect();
        let many: usize = lists.iter().filter_map(|name| self.plan.sets.get(name)).map(Vec::len).sum();
        if !fresh || many < MANY {
            reasons.extend(self.events.deaf(|| self.backend.apply(&self.plan))??);
            return Ok(Some(Mended { reasons, whole: true, fresh, back: Instant::now() }));
        }
        let mut first = self.plan.clone();
        first.sets.extend(lists.iter().map(|name| (*name, vec![name.1.everything()])));
        let names: Vec<String> = lists.iter().map(ToString::to_string).collect();
        let back = self.events.deaf(|| -> Result<Instant> {
            reasons.extend(self.backend.apply(&first)?);
            let back = Instant::now();
            reasons.extend(self.backend.refill(&self.plan, &names, None)?);
            Ok(back)
        })??;
        // At the head: of many reasons only the first are told.
        reasons.insert(0, format!("{many} listed ranges came {} ms after the rules", back.elapsed().as_millis()));
        Ok(Some(Mended { reasons, whole: true, fresh, back }))
    }
}

/// What was wrong, and how much had to be loaded again.
struct Mended {
    reasons: Vec<String>,
    whole: bool,
    fresh: bool,
    /// When the rules stood again.
    back: Instant,
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
        Subject::Set(name) if finding.outcome == Outcome::Failure => {
            (SetName::named(name).is_some() || Pairs::named(name).is_some()).then(|| name.clone())
        }
        _ => None,
    }
}
