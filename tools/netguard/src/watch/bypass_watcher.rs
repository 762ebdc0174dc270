//! Looks for ways past the moat while `watch` runs, in a thread of its own. An engine may take its time to answer, and
//! rules that are gone must not wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, Result};
use policy::Policy;
use record::Outcome;

use crate::bypass::{self, Asker, Finding, Key, Memory};
use crate::watch::kernel_events::Waker;

/// A question to the thread, with all that it needs: it shares nothing with `watch`.
struct Ask {
    policy: Policy,
    table: bool,
    standing: BTreeSet<String>,
}

/// Looks when the watch asks, and remembers what it reported.
#[derive(Debug)]
pub(crate) struct BypassWatcher {
    asks: SyncSender<Ask>,
    found: Receiver<Vec<Finding>>,
    told: BTreeMap<Key, Finding>,
    again: bool,
    looked: bool,
}

impl BypassWatcher {
    /// Stands ready.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start(waker: Waker) -> Result<Self> {
        let (asks, asked) = sync_channel::<Ask>(1);
        let (tell, found) = sync_channel(1);
        let look = move || {
            let _ = rustix::process::setpriority_process(None, 0);
            let mut memory = Memory::default();
            for Ask { policy, table, standing } in asked {
                let facts = bypass::gather(&policy, table, standing, Asker::Watch, &mut memory);
                if tell.send(bypass::check(&policy, &facts)).is_err() {
                    return;
                }
                waker.wake();
            }
        };
        std::thread::Builder::new()
            .name("bypass_watcher".to_owned())
            .spawn(look)
            .context("no thread for the bypass_watcher")?;
        Ok(Self { asks, found, told: BTreeMap::new(), again: false, looked: false })
    }

    /// Asks for a look. While one is under way, another follows it, and one is enough for many.
    pub(crate) fn ask(&mut self, policy: &Policy, table: bool, standing: BTreeSet<String>) {
        self.again = self.asks.try_send(Ask { policy: policy.clone(), table, standing }).is_err();
    }

    /// Whether the watch asked for a look that has not begun.
    pub(crate) fn owes(&self) -> bool {
        self.again
    }

    /// Has a look come to its end?
    pub(crate) fn has_looked(&self) -> bool {
        self.looked
    }

    /// Has it looked, and is there no way past the moat as far as the last look knows? A promise to the cell that does
    /// not hold is no way.
    pub(crate) fn knows_of_none(&self) -> bool {
        let is_way = |finding: &Finding| finding.outcome == Outcome::Failure && !finding.bypass.is_promise();
        self.looked && !self.told.values().any(is_way)
    }

    /// What is new since it was last told: what is wrong or unknown and was not, and what no longer is.
    pub(crate) fn news(&mut self) -> Vec<Finding> {
        let looks: Vec<Vec<Finding>> = self.found.try_iter().collect();
        self.looked |= !looks.is_empty();
        looks.into_iter().flat_map(|findings| news(&mut self.told, findings)).collect()
    }
}

fn news(told: &mut BTreeMap<Key, Finding>, findings: Vec<Finding>) -> Vec<Finding> {
    let mut news = Vec::new();
    let now: BTreeMap<Key, Finding> = findings.into_iter().map(|finding| (finding.key(), finding)).collect();
    for (key, before) in told.iter() {
        // Whom it was about is gone: a container that was removed.
        if !now.contains_key(key) {
            news.push(Finding { outcome: Outcome::Success, reason: "it is gone".to_owned(), ..before.clone() });
        }
    }
    told.retain(|key, _| now.contains_key(key));
    for (key, finding) in now {
        let before = told.get(&key).map_or(Outcome::Success, |before| before.outcome);
        if finding.outcome == before {
            continue;
        }
        news.push(finding.clone());
        match finding.outcome {
            Outcome::Success => told.remove(&key),
            Outcome::Failure | Outcome::Unknown => told.insert(key, finding),
        };
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bypass::tests::finding;

    #[test]
    fn a_finding_is_told_when_it_appears_when_it_changes_and_when_it_ends_and_not_between() {
        let mut told = BTreeMap::new();
        let outcomes = |told: &mut _, findings| news(told, findings).iter().map(|one| one.outcome).collect::<Vec<_>>();
        assert!(outcomes(&mut told, vec![finding("a", Outcome::Success)]).is_empty());
        assert_eq!(outcomes(&mut told, vec![finding("a", Outcome::Failure)]), [Outcome::Failure]);
        assert!(outcomes(&mut told, vec![finding("a", Outcome::Failure)]).is_empty());
        assert_eq!(outcomes(&mut told, vec![finding("a", Outcome::Unknown)]), [Outcome::Unknown]);
        assert_eq!(outcomes(&mut told, vec![finding("a", Outcome::Success)]), [Outcome::Success]);
        assert_eq!(outcomes(&mut told, vec![finding("b", Outcome::Failure)]), [Outcome::Failure]);
        assert_eq!(outcomes(&mut told, vec![finding("a", Outcome::Success)]), [Outcome::Success], "b is gone");
        assert!(outcomes(&mut told, Vec::new()).is_empty());
    }
}
