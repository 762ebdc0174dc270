//! What is between the engine's events and the record: what is due, what is being audited, and what was found already.
//! Audits run beside the loop, each in a thread of its own: one that waits for the kernel keeps no event waiting.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::models::EventMessage;
use engine::{Engine, wait_for};
use policy::{Network, Policy};
use record::{Action, Category, Outcome, Provider, Record, Severity, Type};
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tool::Writer;

use super::super::strangers::is_ours;
use super::super::{How, Pick, Rules, evaluate, short};
use super::due::{Changed, Due};
use super::event::{self, Command, attribute};
use super::findings::Findings;
use crate::paths;

/// The most audits at once.
const AT_ONCE: usize = 4;

/// How long an audit that could not be made is put off.
const AGAIN: Duration = Duration::from_secs(5);

/// How long what an audit could not tell is put off: what ends or starts has done so by then.
const ONCE_MORE: Duration = Duration::from_secs(1);

/// The most privileged commands whose end the audit waits for; of more it tells the beginning alone.
const COMMANDS: usize = 256;

/// An audit that ended: what it looked at and what it found. Nothing where there was no engine to ask.
pub(super) type Audit = (Changed, anyhow::Result<Option<Vec<Record>>>);

/// The state of one watch.
pub(super) struct Watch {
    policy: Arc<Policy>,
    networks: BTreeSet<String>,
    due: Due,
    busy: BTreeSet<Changed>,
    /// Could not be audited when it was tried last.
    untold: BTreeSet<Changed>,
    /// Went while audits were under way, which may still find them.
    gone: BTreeSet<String>,
    findings: Findings,
    /// Has the composition not been looked at yet? How it stood before is no difference.
    is_first: bool,
    commands: BTreeSet<String>,
    audits: (mpsc::UnboundedSender<Audit>, mpsc::UnboundedReceiver<Audit>),
}

impl Watch {
    /// Begins with a look at all, which writes no record.
    pub(super) fn new(policy: &Policy) -> Self {
        let mut watch = Self {
            policy: Arc::new(policy.clone()),
            networks: policy.networks.values().map(Network::docker_name).collect(),
            due: Due::default(),
            busy: BTreeSet::new(),
            untold: BTreeSet::new(),
            gone: BTreeSet::new(),
            findings: Findings::default(),
            is_first: true,
            commands: BTreeSet::new(),
            audits: mpsc::unbounded_channel(),
        };
        watch.look_at_all();
        watch
    }

    /// The composition, and whoever has findings.
    pub(super) fn look_at_all(&mut self) {
        let now = Instant::now();
        let containers = self.findings.containers().map(|name| Changed::Container(name.to_owned()));
        for changed in containers.chain([Changed::All]).collect::<Vec<_>>() {
            self.due.add(changed, now);
        }
    }

    /// Waits for an audit that ends, or, with nothing, until something is due.
    pub(super) async fn ready(&mut self) -> Option<Audit> {
        let at = self.due.at();
        tokio::select! {
            biased;
            audit = self.audits.1.recv() => audit,
            () = until(at) => None,
        }
    }

    /// Starts the audits that are due, as many at once as may run.
    pub(super) fn begin(&mut self) {
        for changed in self.due.take(&self.busy, AT_ONCE.saturating_sub(self.busy.len()), Instant::now()) {
            self.busy.insert(changed.clone());
            let (policy, done) = (Arc::clone(&self.policy), self.audits.0.clone());
            let (done_too, changed_too) = (done.clone(), changed.clone());
            let begun = std::thread::Builder::new().spawn(move || {
                let asked = std::panic::AssertUnwindSafe(|| wait_for(audit(&policy, &changed)));
                let found = std::panic::catch_unwind(asked).unwrap_or_else(|_| Err(anyhow::anyhow!("the audit fell")));
                // Nobody waits any more where the watch has ended.
                drop(done.send((changed, found)));
            });
            if let Err(error) = begun {
                drop(done_too.send((changed_too, Err(error.into()))));
            }
        }
    }

    /// Tells what is new in an audit. A container can be gone again before it is looked at: its end is an event of its
    /// own.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub(super) fn settle<W: Write>(&mut self, (changed, found): Audit, out: &mut Writer<W>) -> anyhow::Result<()> {
        self.busy.remove(&changed);
        let records = match found {
            Ok(Some(records)) => records,
            // The engine is on its way down; once it is back, the audit looks at all.
            Ok(None) => return Ok(()),
            Err(error) => {
                self.due.add(changed.clone(), Instant::now() + AGAIN);
                // Told once, however often it is tried.
                return if self.untold.insert(changed) { out.check(&untold(&error)) } else { Ok(()) };
            }
        };
        self.untold.remove(&changed);
        if let Changed::Container(name) = &changed
            && records.is_empty()
        {
            // It went while it was looked at.
            self.findings.forget(name);
        }
        let news = self.news(&changed, records);
        self.gone.iter().for_each(|name| self.findings.forget(name));
        if self.busy.is_empty() {
            self.gone.clear();
        }
        news.iter().try_for_each(|record| out.check(record))
    }

    /// What is new in an audit. What it could not tell, it looks at once more.
    fn news(&mut self, changed: &Changed, records: Vec<Record>) -> Vec<Record> {
        let scope = changed.scope();
        if *changed == Changed::All && std::mem::take(&mut self.is_first) {
            let mut news = self.findings.learn(&scope, records);
            news.retain(|record| self.is_news(record));
            return news;
        }
        let news = self.findings.differences(&scope, records);
        if self.findings.is_in_doubt(&scope) {
            self.due.add(changed.clone(), Instant::now() + ONCE_MORE);
        }
        news
    }

    /// The first look writes records only of what may have changed meanwhile.
    fn is_news(&self, record: &Record) -> bool {
        let under_way = |changed: &Changed| self.due.has(changed) || self.busy.contains(changed);
        let name = record.container.as_ref().and_then(|container| container.name.clone());
        under_way(&Changed::All) || name.is_some_and(|name| under_way(&Changed::Container(name)))
    }

    /// Tells an event, and notes what it may have changed.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub(super) async fn hear(&mut self, docker: &Engine, event: &EventMessage, out: &mut Writer) -> anyhow::Result<()> {
        if let Some(name) = event::gone(event) {
            self.findings.forget(name);
            if !self.busy.is_empty() {
                self.gone.insert(name.to_owned());
            }
        }
        if let Some(command) = event::command(event) {
            self.hear_command(docker, event, command, out).await?;
        }
        if let Some(mut record) = event::record(event) {
            if let Some(container) = event::short_of_memory(event) {
                record = record.reason(short::sentence(docker, container).await);
            }
            out.write(&record)?;
        }
        if let Some(changed) = event::changed(event, &self.networks) {
            self.note(changed);
        }
        Ok(())
    }

    /// Whether a container that is none of ours can touch the composition only a look at all of them tells.
    fn note(&mut self, changed: Changed) {
        let now = Instant::now();
        if matches!(&changed, Changed::Container(name) if !is_ours(&self.policy, name)) {
            self.due.add(Changed::All, now);
        }
        self.due.add(changed, now);
    }

    /// Looks at a privileged command while it runs, and when it has ended: something may have stayed.
    async fn hear_command(
        &mut self,
        docker: &Engine,
        event: &EventMessage,
        command: Command<'_>,
        out: &mut Writer,
    ) -> anyhow::Result<()> {
        let is_told = match command {
            Command::Ended(id) => self.commands.remove(id),
            Command::Made(id) => {
                let asked = docker.exec(id).await.map_err(|error| error.to_string());
                let record = event::privileged(event, asked);
                record.iter().try_for_each(|record| out.write(record))?;
                if record.is_some() && self.commands.len() < COMMANDS {
                    self.commands.insert(id.to_owned());
                }
                record.is_some()
            }
        };
        if let Some(name) = attribute(event, "name").filter(|_| is_told) {
            self.due.add(Changed::Container(name.to_owned()), Instant::now());
        }
        Ok(())
    }
}

/// The record of an audit that could not be made.
fn untold(error: &anyhow::Error) -> Record {
    Record::new(Provider::Sandboxctl, Action::ControlEvaluated, "What changed could not be audited; it is tried again.")
        .about(Category::Configuration, Type::Error)
        .outcome(Outcome::Unknown)
        .severity(Severity::Low)
        .reason(format!("{error:#}"))
}

/// Without end where no time is given.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// With every control, and the rules that everybody has. An engine on its way down is asked nothing: what waits at its
/// socket would start it again. Once it is back all is audited anyway.
async fn audit(policy: &Policy, changed: &Changed) -> anyhow::Result<Option<Vec<Record>>> {
    if Engine::connect_to_running().await.is_err() {
        return Ok(None);
    }
    let rules = Rules::built_in().clone().marking(paths::keys(policy));
    match evaluate(policy, &changed.scope(), &How::new(&rules, &Pick::default(), false)).await {
        Ok(audited) => Ok(Some(audited.records)),
        Err(_) if Engine::connect_to_running().await.is_err() => Ok(None),
        Err(error) => Err(error),
    }
}
