//! Follows the engine: one record for each thing it does, and a fresh audit of what that may have changed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::models::{EventMessage, EventMessageTypeEnum};
use engine::{Engine, Identity};
use policy::{Policy, Service};
use record::fields::{Container, Image, Network, Process};
use record::{Action, Category, Exit, OutputArgs, Provider, Purpose, Record, Severity, Type, Writer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::{Pick, Rules, Scope};

/// Follows until it is told to stop (SIGINT, SIGTERM). An engine that ends is told, and followed again when it is back.
///
/// # Errors
/// If there is no engine to begin with, or the records cannot be written.
pub(crate) fn follow(policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let mut out = Writer::stdout(Provider::Sandboxctl, Purpose::Tell, output, true);
    engine::wait_for(stay(policy, &mut out))?;
    out.finish()
}

async fn stay(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be waited for")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be waited for")?;
    tokio::select! {
        ended = listen(policy, out) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn listen(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let mut docker = Engine::connect_to_running().await?;
    loop {
        let why = as_long_as_it_speaks(&docker, policy, out).await?;
        out.tell(&stopped(&why))?;
        docker = again().await;
        out.tell(&started(docker.identity().await))?;
        super::run(policy, &Scope::Composition, (Rules::built_in(), &Pick::default()), out).await?;
    }
}

/// The engine that is back. Nothing is asked of its socket while no engine runs: under systemd that would start one.
async fn again() -> Engine {
    loop {
        sleep(AWAY).await;
        if let Ok(docker) = Engine::connect_to_running().await {
            return docker;
        }
    }
}

/// Ends with the engine, and says why.
async fn as_long_as_it_speaks(docker: &Engine, policy: &Policy, out: &mut Writer) -> anyhow::Result<String> {
    let mut events = docker.events();
    let mut pending = Pending::default();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = sleep(CALM), if !pending.is_empty() => {
                std::mem::take(&mut pending).audit(policy, out).await?;
                continue;
            }
        };
        let event = match event {
            Some(Ok(event)) => event,
            Some(Err(error)) => return Ok(format!("its events could not be read any further: {error}")),
            None => return Ok("its events ended".to_owned()),
        };
        if let Some(mut record) = record(&event) {
            if let Some(container) = short_of_memory(&event) {
                record = record.reason(super::short::sentence(docker, container).await);
            }
            out.tell(&record)?;
            pending.add(changed(&event));
            if pending.since.is_some_and(|since| since.elapsed() > PATIENCE) {
                std::mem::take(&mut pending).audit(policy, out).await?;
            }
        }
    }
}

/// How often an engine that is gone is looked for.
const AWAY: Duration = Duration::from_millis(500);

fn stopped(why: &str) -> Record {
    let message = "The engine ended: what it did since, and how its containers stand, is not known.";
    Record::new(Provider::Sandboxctl, Action::EngineStopped, message)
        .about(Category::Host, Type::End)
        .severity(Severity::Medium)
        .reason(why)
}

fn started(engine: Identity) -> Record {
    let message = format!("The engine answers again, version {}.", engine.version.as_deref().unwrap_or("unknown"));
    let mut record =
        Record::new(Provider::Sandboxctl, Action::EngineStarted, message).about(Category::Host, Type::Start);
    record.own().engine = Some(engine.into());
    record.severity(Severity::Low)
}

/// How long nothing may happen before what has changed is audited: a start is several events.
const CALM: Duration = Duration::from_millis(300);

/// How long an audit may be put off by events that do not end.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is to be audited as soon as it is calm.
#[derive(Debug, Default)]
struct Pending {
    since: Option<Instant>,
    all: bool,
    containers: BTreeSet<String>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    fn add(&mut self, changed: Option<Changed>) {
        match changed {
            None => return,
            Some(Changed::All) => self.all = true,
            Some(Changed::Container(name)) => {
                self.containers.insert(name);
            }
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// The audit of all leaves out containers that are none of ours; those have their own turn.
    /// An engine on its way down is asked nothing: what waits at its socket would start it again. Once it is back all is
    /// audited anyway.
    async fn audit(self, policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
        if Engine::connect_to_running().await.is_err() {
            return Ok(());
        }
        if self.all {
            super::run(policy, &Scope::Composition, (Rules::built_in(), &Pick::default()), out).await?;
        }
        let ours = |name: &String| Service::ALL.iter().any(|&service| policy.container(service) == name);
        for name in self.containers.into_iter().filter(|name| !(self.all && ours(name))) {
            audit_one(policy, out, name).await?;
        }
        Ok(())
    }
}

/// A container can be gone again before it is looked at: its end is an event of its own.
async fn audit_one(policy: &Policy, out: &mut Writer, name: String) -> anyhow::Result<()> {
    match super::run(policy, &Scope::Changed(name), (Rules::built_in(), &Pick::default()), out).await {
        Err(error) if !error.is::<record::OutputClosed>() && Engine::connect_to_running().await.is_ok() => {
            eprintln!("sandboxctl: {error:#}");
            Ok(())
        }
        other => other,
    }
}

/// What an event may have changed.
#[derive(Debug, PartialEq, Eq)]
enum Changed {
    /// One container.
    Container(String),
    /// A network, whose members the controls of several containers look at.
    All,
}

fn changed(event: &EventMessage) -> Option<Changed> {
    match (event.typ?, event.action.as_deref()?) {
        (EventMessageTypeEnum::CONTAINER, "start" | "update" | "rename" | "unpause") => {
            Some(Changed::Container(attribute(event, "name")?.to_owned()))
        }
        (EventMessageTypeEnum::NETWORK, "connect" | "disconnect" | "create" | "destroy") => Some(Changed::All),
        _ => None,
    }
}

fn attribute<'a>(event: &'a EventMessage, name: &str) -> Option<&'a str> {
    event.actor.as_ref()?.attributes.as_ref()?.get(name).map(String::as_str)
}

/// The container, where the kernel ended a process in it for want of memory. The engine tells so also when the container
/// itself goes on.
fn short_of_memory(event: &EventMessage) -> Option<&str> {
    let is_it = event.typ? == EventMessageTypeEnum::CONTAINER && event.action.as_deref()? == "oom";
    event.actor.as_ref().filter(|_| is_it)?.id.as_deref()
}

/// The health checks of healthy services are an exec every few seconds: no event that a person waits for.
fn record(event: &EventMessage) -> Option<Record> {
    let (kind, action) = (event.typ?, event.action.as_deref()?);
    let ours = action.starts_with("exec_") || action.starts_with("health_status: healthy") || action == "top";
    let told =
        matches!(kind, EventMessageTypeEnum::CONTAINER | EventMessageTypeEnum::NETWORK | EventMessageTypeEnum::DAEMON);
    if ours || !told {
        return None;
    }
    let name = attribute(event, "name").or(event.actor.as_ref()?.id.as_deref())?;
    let mut record = Record::new(Provider::Sandboxctl, Action::EngineEventSeen, format!("{kind} {name}: {action}."))
        .about(category(kind), type_of(action))
        .severity(severity(action));
    if (kind, action) == (EventMessageTypeEnum::CONTAINER, "die") {
        record = exited(name, attribute(event, "exitCode").and_then(|code| code.parse().ok()));
    }
    if kind == EventMessageTypeEnum::CONTAINER {
        record.container = Some(Container {
            id: event.actor.as_ref().and_then(|actor| actor.id.clone()),
            name: Some(name.to_owned()),
            image: attribute(event, "image").map(|image| Image { name: Some(image.to_owned()) }),
        });
    }
    if kind == EventMessageTypeEnum::NETWORK {
        record.network = Some(Network { name: Some(name.to_owned()), ..Network::default() });
    }
    Some(record)
}

/// A container that ended, and why, as far as its exit status tells (docker-run(1), signal(7), sysexits.h).
fn exited(name: &str, code: Option<u8>) -> Record {
    let why = match code {
        None => "the engine did not tell with which status".to_owned(),
        Some(0) => "it ended by itself, in order".to_owned(),
        Some(78) => "it refused its configuration".to_owned(),
        Some(137) => "it was killed: memory ran out, docker kill, or a stop that it did not heed".to_owned(),
        Some(143) => "it was told to stop, and did".to_owned(),
        Some(code @ 129..=192) => format!("signal {} ended it", code - 128),
        Some(_) => "its first process ended so by itself; docker logs has its last words".to_owned(),
    };
    let status = code.map_or_else(String::new, |code| format!(" with status {code}"));
    let quiet = matches!(code, Some(0 | 143));
    let mut record = Record::new(Provider::Sandboxctl, Action::ContainerExited, format!("{name} ended{status}."))
        .about(Category::Process, Type::End)
        .severity(if quiet { Severity::Low } else { Severity::Medium })
        .reason(why);
    record.process = code.map(|code| Process { exit_code: Some(code.into()), ..Process::default() });
    record
}

fn category(kind: EventMessageTypeEnum) -> Category {
    match kind {
        EventMessageTypeEnum::NETWORK => Category::Network,
        EventMessageTypeEnum::DAEMON => Category::Host,
        _ => Category::Process,
    }
}

fn type_of(action: &str) -> Type {
    match action {
        "start" | "unpause" => Type::Start,
        "die" | "kill" | "stop" | "pause" | "oom" => Type::End,
        "create" => Type::Creation,
        "destroy" => Type::Deletion,
        "connect" | "disconnect" => Type::Connection,
        _ => Type::Change,
    }
}

fn severity(action: &str) -> Severity {
    match action {
        "oom" | "health_status: unhealthy" => Severity::Medium,
        "die" | "kill" | "pause" | "disconnect" | "update" | "rename" => Severity::Low,
        _ => Severity::Informational,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, action: &str) -> EventMessage {
        let json = format!(
            r#"{{"Type":"{kind}","Action":"{action}","Actor":{{"ID":"abc","Attributes":{{"name":"cell","image":"x"}}}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn what_changes_a_container_or_a_network_is_audited_again() {
        assert_eq!(changed(&event("container", "start")), Some(Changed::Container("cell".to_owned())));
        assert_eq!(changed(&event("network", "connect")), Some(Changed::All));
        assert_eq!(changed(&event("container", "die")), None);
        assert_eq!(changed(&event("image", "tag")), None);
    }

    #[test]
    fn only_a_container_is_short_of_memory() {
        assert_eq!(short_of_memory(&event("container", "oom")), Some("abc"));
        assert_eq!(short_of_memory(&event("container", "die")), None);
        assert_eq!(record(&event("container", "oom")).unwrap().event.severity, Severity::Medium);
    }

    #[test]
    fn several_events_of_one_start_are_one_audit() {
        let mut pending = Pending::default();
        pending.add(changed(&event("container", "die")));
        assert!(pending.is_empty());
        for (kind, action) in [("network", "connect"), ("container", "start"), ("container", "update")] {
            pending.add(changed(&event(kind, action)));
        }
        assert!(pending.all && pending.containers.len() == 1 && !pending.is_empty());
    }

    #[test]
    fn a_container_that_ends_is_told_with_its_status_and_why() {
        let die = |code: &str| {
            let json = format!(
                r#"{{"Type":"container","Action":"die","Actor":{{"ID":"abc","Attributes":{{"name":"cell","exitCode":"{code}"}}}}}}"#
            );
            record(&serde_json::from_str(&json).unwrap()).unwrap()
        };
        let killed = die("137");
        assert_eq!((killed.event.action.as_str(), killed.event.severity), ("container-exited", Severity::Medium));
        assert_eq!(killed.process.unwrap().exit_code, Some(137));
        assert!(killed.event.reason.unwrap().contains("killed"));
        assert_eq!(killed.container.unwrap().name.as_deref(), Some("cell"));
        assert_eq!(die("0").event.severity, Severity::Low);
        assert!(die("139").event.reason.unwrap().contains("signal 11"));
        assert!(die("odd").event.reason.unwrap().contains("did not tell"));
    }

    #[test]
    fn an_unhealthy_service_is_told_and_the_checks_themselves_are_not() {
        let told = record(&event("container", "health_status: unhealthy")).unwrap();
        assert_eq!((told.event.severity, told.container.unwrap().name.as_deref()), (Severity::Medium, Some("cell")));
        for action in ["exec_start: /usr/local/bin/healthy", "exec_die", "health_status: healthy"] {
            assert_eq!(record(&event("container", action)), None, "{action}");
        }
        assert_eq!(record(&event("volume", "mount")), None);
    }
}
