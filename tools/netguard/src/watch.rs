//! `netguard watch`: keeps the moat as planned. It hears of every change in the kernel's rules, of every network here,
//! and of what Docker does. It loads again what is not as planned; the plan is that of the policy as it is now. What
//! defeats rules that stand gets a record when it appears.

mod bypass_watcher;
mod docker_events;
mod kernel_events;
pub(crate) mod last_good;
mod mend;
pub(crate) mod policy_files;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use policy::PolicyArgs;
use record::Outcome;
use tool::{Stop, Writer};

use crate::backend::{self, Backend, Choice, Fitted, connections};
use crate::host::interfaces::{Machine, Received};
use crate::host::netlink::Netlink;
use crate::host::owner::Owner;
use crate::host::permit::{self, Permit};
use crate::host::systemd::{self, Watchdog};
use crate::report::{self, Gap};
use crate::verify;
use crate::watch::bypass_watcher::BypassWatcher;
use crate::watch::docker_events::{DockerEvents, Word};
use crate::watch::kernel_events::{Events, Seen};
use crate::watch::last_good::Saved;
use crate::watch::policy_files::{News, PolicyFiles};

/// How long the kernel is listened to before a look at what else is to be done.
const NAP: Duration = Duration::from_millis(200);
/// How often the watch looks at everything without any news.
const ROUND: Duration = Duration::from_secs(30);
/// How often rules and sets are looked at where the kernel does not tell of every change of them.
const GLANCE: Duration = Duration::from_secs(2);

/// The highest priority there is (setpriority(2)).
const FIRST: i32 = -20;

/// What is kept, and with what.
struct Watch<'a> {
    events: Events,
    kept: PolicyFiles<'a>,
    backend: Box<dyn Backend>,
    plan: Fitted,
    received: Received,
    counters: Netlink,
    /// Whether interfaces came or went since all of them were read.
    rejoined: bool,
    good: Instant,
    lost: bool,
    bypass_watcher: BypassWatcher,
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
    let mut watch = start(backend::find(choice)?, policy, keep, writer)?;
    systemd::notify_ready()?;
    let docker_events = DockerEvents::start(watch.events.waker()?)?;
    watch.look_out();
    let (mut looked, mut glanced) = (Instant::now(), Instant::now());
    let mut pending = Seen::default();
    let mut watchdog = Watchdog::new();
    while !stop.asked() {
        watchdog.ping();
        let mut seen = if pending == Seen::default() { watch.events.wait(NAP)? } else { std::mem::take(&mut pending) };
        if looked.elapsed() >= ROUND || watch.lost {
            seen = Seen { table: true, networks: true, gone: false, woken: true };
            watch.look_out();
        }
        if watch.refresh(writer)? {
            (seen.table, seen.networks) = (true, true);
        }
        seen.table |= seen.woken && watch.hear(&docker_events, writer)?;
        let whole = seen.table || seen.networks;
        if whole {
            looked = Instant::now();
        }
        if whole || (!watch.backend.reports_changes() && glanced.elapsed() >= GLANCE) {
            if watch.look(Seen { table: seen.table || !whole, ..seen }, whole, writer)? {
                // Nothing was heard during the load. What stands now is looked at, but a table that was deleted
                // meanwhile is no loss if it is there.
                let heard = watch.events.wait(Duration::ZERO)?;
                pending = Seen { gone: false, table: heard.table || !watch.lost, ..heard };
            }
            glanced = Instant::now();
        } else if watch.backend.reports_changes() {
            watch.settle()?;
        }
    }
    Ok(())
}

/// Has the rules in the kernel, those of the policy or the last good ones.
fn start<'a, W: std::io::Write>(
    backend: Box<dyn Backend>,
    policy: &'a PolicyArgs,
    keep: Option<&Path>,
    writer: &mut Writer<W>,
) -> Result<Watch<'a>> {
    // Listening begins before the first look, so that no change falls between them.
    let events = Events::open(backend.tables(), backend.reports_changes())?;
    let (kept, saved) = PolicyFiles::open(policy, keep, &*backend)?;
    let owner = Owner::become_it(kept.file())?;
    let (plan, machine) = kept.plan().map(|(plan, machine)| (backend.fit(plan), machine))?;
    if let Some(saved) = saved {
        permit::withdraw_all()?;
        writer.write(&saved)?;
    }
    let mut watch = Watch {
        received: machine.received(&plan.bridges()),
        counters: Netlink::route()?,
        rejoined: false,
        bypass_watcher: BypassWatcher::start(events.waker()?)?,
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
    // A watch that was killed left its permit behind. It falls with this one, should it not come as far as the rules.
    if let Some(permit) = watch.kept.good().map(Permit::of) {
        watch.permitted_by(permit);
    }
    watch.begin(&machine, writer)?;
    Ok(watch)
}

impl Watch<'_> {
    /// Reads the policy again if it changed; says whether there is another plan to keep.
    fn refresh<W: std::io::Write>(&mut self, writer: &mut Writer<W>) -> Result<bool> {
        match self.kept.refresh() {
            News::Same => Ok(false),
            News::Changed => {
                writer.write(&report::policy_taken(&self.kept.plan()?.0))?;
                self.unsaved = self.keep.is_some();
                self.look_out();
                Ok(true)
            }
            // What runs goes on behind the rules that it began with. What is new would not know what it is promised.
            News::Broken(error) => {
                self.permit(!self.lost)?;
                writer.write(&report::policy_refused(&error)).map(|()| false)
            }
        }
    }

    /// Hears what Docker said and what the bypass watcher found; says whether Docker changed anything.
    fn hear<W: std::io::Write>(&mut self, docker_events: &DockerEvents, writer: &mut Writer<W>) -> Result<bool> {
        let words = docker_events.words();
        for word in &words {
            match word {
                Word::Heard => writer.write(&report::engine_heard())?,
                Word::Silent(why) => writer.write(&report::engine_silent(why))?,
                Word::Changed(_) => {}
            }
        }
        // News, and no checks of this run's own: one that is stopped in good order has not failed by them.
        let had_looked = self.bypass_watcher.has_looked();
        for finding in self.bypass_watcher.news() {
            writer.write(&finding.record())?;
        }
        if !had_looked && self.bypass_watcher.has_looked() && !self.lost {
            self.permit_unless_passed()?;
        }
        if !words.is_empty() || self.bypass_watcher.owes() {
            self.look_out();
        }
        Ok(!words.is_empty())
    }

    /// Asks for a look at what could defeat the rules. These are taken to stand as long as they are not lost.
    fn look_out(&mut self) {
        let standing = if self.lost { Vec::new() } else { self.plan.rules.clone() };
        let standing = standing.into_iter().map(|rule| rule.id).collect();
        if let Some(policy) = self.kept.policy() {
            self.bypass_watcher.ask(policy, !self.lost, standing);
        }
    }

    /// Grants the permit while the rules hold and the policy can be read, and takes it away else.
    fn permit(&mut self, holds: bool) -> Result<()> {
        let Some(policy) = self.kept.good().filter(|_| holds) else {
            return self.permitted.as_ref().map_or(Ok(()), |permitted| permitted.0.withdraw());
        };
        self.permitted_by(Permit::of(policy)).grant()
    }

    /// The permit that ends with the watch, granted yet or not: `up` may have granted it.
    fn permitted_by(&mut self, permit: Permit) -> &Permit {
        if self.permitted.as_ref().is_none_or(|permitted| permitted.0 != permit) {
            self.permitted = None;
        }
        &self.permitted.get_or_insert_with(|| Permitted(permit)).0
    }

    /// Who verifies takes the permit away where there is a way past the moat. Then the watch does not give it back, and
    /// it gives none before its own first look.
    fn permit_unless_passed(&mut self) -> Result<()> {
        if self.bypass_watcher.knows_of_none() {
            return self.permit(true);
        }
        if let Some(permit) = self.kept.good().map(Permit::of) {
            self.permitted_by(permit);
        }
        Ok(())
    }

    /// All is as planned: who is behind it may start, and what is in force is kept for a time without a policy.
    fn stands<W: std::io::Write>(&mut self, writer: &mut Writer<W>) -> Result<()> {
        self.permit_unless_passed()?;
        // Once for each change, even if it fails: a full disk gets one record, and not one each round.
        let due = std::mem::take(&mut self.unsaved);
        let (true, Some(path), Some(policy)) = (due, &self.keep, self.kept.good()) else { return Ok(()) };
        let told = Saved::write(path, policy, &self.kept.plan()?.0);
        writer.write(&told.unwrap_or_else(|error| report::unsaved(&error)))
    }

    fn begin<W: std::io::Write>(&mut self, machine: &Machine, writer: &mut Writer<W>) -> Result<()> {
        let present = self.backend.read(true)?;
        if verify::compare(&self.plan, present.as_ref()).iter().any(|finding| finding.outcome != Outcome::Success) {
            let start = Instant::now();
            let slower = self.events.unsubscribed(|| self.backend.apply(&self.plan))??;
            writer.check(&report::applied(&self.plan, start.elapsed(), slower))?;
            writer.check(&report::flushed(&connections::flush(&self.plan, machine, present.is_none())))?;
        } else {
            self.backend.resume()?;
        }
        self.backend.prepare(&self.plan, verify::stands);
        self.stands(writer)?;
        writer.write(&report::watched(&self.plan))
    }

    /// The rules are as planned at this moment: what came in so far was judged.
    fn settle(&mut self) -> Result<()> {
        self.received = if std::mem::take(&mut self.rejoined) {
            Machine::read()?.received(&self.plan.bridges())
        } else {
            self.received.read_again(&mut self.counters)?
        };
        self.good = Instant::now();
        Ok(())
    }

    /// Looks at the kernel, at the contents of the sets too if asked for the whole. Mends what is not as planned; says
    /// whether anything had to be.
    fn look<W: std::io::Write>(&mut self, seen: Seen, whole: bool, writer: &mut Writer<W>) -> Result<bool> {
        let noticed = Instant::now();
        let plan = if seen.networks { self.backend.fit(self.kept.plan()?.0) } else { self.plan.clone() };
        self.rejoined |= seen.networks;
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
                // Read again: what came in while the rules were loaded was not judged either.
                let machine = Machine::read()?;
                let received = machine.received(&self.plan.bridges());
                let gap = Gap {
                    lasted: mended.back.duration_since(noticed),
                    unseen: noticed.duration_since(self.good),
                    packets: received.since(&self.received),
                };
                (self.received, self.lost, self.good) = (received, false, mended.back);
                writer.write(&report::restored(&mended.reasons, gap, mended.whole))?;
                if mended.whole {
                    writer.check(&report::flushed(&connections::flush(&self.plan, &machine, mended.fresh)))?;
                }
                self.backend.prepare(&self.plan, verify::stands);
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
}
