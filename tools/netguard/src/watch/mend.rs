//! What is not as planned is put back: the cheap question first, the rules before long lists, as little as will do.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use record::Outcome;

use super::Watch;
use crate::rules::address_set::{Group, SetName};
use crate::rules::table::Pairs;
use crate::verify::{self, Finding, Subject};

/// How often a refused load is tried again at once: another program may be in the middle of its own.
const TRIES: u32 = 5;
/// The pause between these tries.
const PAUSE: Duration = Duration::from_millis(10);
/// From how many listed ranges on the rules do not wait for them when everything is gone.
const MANY: usize = 2000;

impl Watch<'_> {
    /// Looks at what the kernel holds and loads what is not as planned; `None` where all is.
    ///
    /// # Errors
    /// If it could not be loaded, after some tries.
    pub(super) fn mend(&mut self, gone: bool, whole: bool) -> Result<Option<Mended>> {
        // Among too many changes the news of the deletion may be lost.
        let mut tried = if gone || self.backend.gone() { self.reload() } else { self.mend_once(whole) };
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
    /// next, and then the watch looks at everything.
    fn reload(&mut self) -> Result<Option<Mended>> {
        self.load(vec!["the table was deleted".to_owned()], true)
    }

    /// What is missing is looked for without the sets' contents first. A table that is gone must not wait for a hundred
    /// thousand ranges to be listed.
    fn mend_once(&mut self, whole: bool) -> Result<Option<Mended>> {
        if self.backend.untouched() {
            return Ok(None);
        }
        let structure = self.backend.read(false)?;
        let findings = verify::compare_structure(&self.plan, structure.as_ref());
        let mut reasons = reasons(&findings);
        if !reasons.is_empty() {
            return self.load(reasons, structure.is_none());
        }
        if !whole && self.backend.as_many(&self.plan)? {
            return Ok(None);
        }
        let whole = self.backend.read(true)?;
        let findings = verify::compare(&self.plan, whole.as_ref());
        reasons = self::reasons(&findings);
        let generation = whole.as_ref().and_then(|listing| listing.generation);
        if reasons.is_empty() {
            self.backend.found(generation);
            return Ok(None);
        }
        let sets: Vec<String> = findings.iter().filter_map(refillable).collect();
        if sets.len() == reasons.len() {
            reasons.extend(self.events.unsubscribed(|| self.backend.refill(&self.plan, &sets, generation))??);
            // Special-purpose ranges never change by themselves: somebody opened them.
            let opened = sets.iter().filter_map(|set| SetName::named(set)).any(|name| name.0 == Group::Special);
            return Ok(Some(Mended { reasons, whole: opened, fresh: false, back: Instant::now() }));
        }
        self.load(reasons, whole.is_none())
    }

    /// Loads everything. Where there is nothing at all, the rules come first and long deny lists after them. So LAN and
    /// host are closed at once. The internet stays closed until the lists are loaded, for some of it is on them.
    fn load(&mut self, mut reasons: Vec<String>, fresh: bool) -> Result<Option<Mended>> {
        let lists: Vec<SetName> = SetName::all().filter(|name| name.0 == Group::Listed).collect();
        let many: usize = lists.iter().filter_map(|name| self.plan.sets.get(name)).map(Vec::len).sum();
        if !fresh || many < MANY {
            reasons.extend(self.events.unsubscribed(|| self.backend.apply(&self.plan))??);
            return Ok(Some(Mended { reasons, whole: true, fresh, back: Instant::now() }));
        }
        let first = self.plan.with_ranges(lists.iter().map(|name| (*name, vec![name.1.everything()])));
        let names: Vec<String> = lists.iter().map(ToString::to_string).collect();
        let back = self.events.unsubscribed(|| -> Result<Instant> {
            reasons.extend(self.backend.apply(&first)?);
            let back = Instant::now();
            reasons.extend(self.backend.refill(&self.plan, &names, None)?);
            Ok(back)
        })??;
        // At the head: of many reasons a record has only the first.
        reasons.insert(0, format!("{many} listed ranges came {} ms after the rules", back.elapsed().as_millis()));
        Ok(Some(Mended { reasons, whole: true, fresh, back }))
    }
}

/// What was wrong, and how much had to be loaded again.
pub(super) struct Mended {
    pub(super) reasons: Vec<String>,
    /// All was loaded again, or ranges were put back that never change by themselves: connections are to be looked at.
    pub(super) whole: bool,
    /// No table was there before.
    pub(super) fresh: bool,
    /// When the rules stood again.
    pub(super) back: Instant,
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
