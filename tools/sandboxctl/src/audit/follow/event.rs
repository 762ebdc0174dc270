//! What the engine says it does becomes a record, and what is to be looked at again.

use std::collections::BTreeSet;

use engine::models::{EventMessage, EventMessageTypeEnum, ExecInspectResponse};
use record::fields::{Container, Image, Network, Process, Rule};
use record::{Action, Category, Provider, Record, Severity, Type};

use super::super::control::reference;
use super::due::Changed;

/// What an event may have changed; `networks` are those of the policy, by Docker's names of them.
pub(super) fn changed(event: &EventMessage, networks: &BTreeSet<String>) -> Option<Changed> {
    let container = |word| Some(Changed::Container(attribute(event, word)?.to_owned()));
    match (event.typ?, event.action.as_deref()?) {
        (EventMessageTypeEnum::CONTAINER, "create" | "start" | "update" | "rename" | "unpause") => container("name"),
        (EventMessageTypeEnum::NETWORK, "connect" | "disconnect" | "create" | "destroy")
            if attribute(event, "name").is_some_and(|name| networks.contains(name)) =>
        {
            Some(Changed::All)
        }
        (EventMessageTypeEnum::NETWORK, "connect" | "disconnect") => container("container"),
        _ => None,
    }
}

/// The name that no container has any more.
pub(super) fn gone(event: &EventMessage) -> Option<&str> {
    match (event.typ?, event.action.as_deref()?) {
        (EventMessageTypeEnum::CONTAINER, "destroy") => attribute(event, "name"),
        (EventMessageTypeEnum::CONTAINER, "rename") => Some(attribute(event, "oldName")?.trim_start_matches('/')),
        _ => None,
    }
}

/// A command that somebody puts into a container (`docker exec`), or one that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// Somebody put it in; the id is the exec's.
    Made(&'a str),
    /// It ended; the id is the exec's.
    Ended(&'a str),
}

/// The command that an event is about.
pub(super) fn command(event: &EventMessage) -> Option<Command<'_>> {
    let action = event.action.as_deref().filter(|_| event.typ == Some(EventMessageTypeEnum::CONTAINER))?;
    let id = attribute(event, "execID")?;
    if action.starts_with("exec_create") {
        return Some(Command::Made(id));
    }
    (action == "exec_die").then_some(Command::Ended(id))
}

/// The record of a command with every capability, and of one of which nobody can tell. Others are nothing that a person
/// waits for: a health check is one every few seconds.
pub(super) fn privileged(event: &EventMessage, asked: Result<ExecInspectResponse, String>) -> Option<Record> {
    let name = attribute(event, "name")?;
    let process = asked.map(|exec| exec.process_config.unwrap_or_default());
    let mut record = match process {
        Ok(process) if process.privileged == Some(false) => return None,
        Ok(process) if process.privileged == Some(true) => {
            let program = process.entrypoint.unwrap_or_default();
            seen(format!("container {name}: exec_create with --privileged: {program}."))
                .about(Category::Process, Type::Start)
                .severity(Severity::Critical)
                .reason("it has every capability, in the middle of the container")
        }
        other => {
            let why = other.err().unwrap_or_else(|| "the engine left it out".to_owned());
            seen(format!("container {name}: exec_create, and whether with --privileged is not known."))
                .about(Category::Process, Type::Start)
                .severity(Severity::Low)
                .reason(why)
        }
    };
    let id = "cis-docker-5.23";
    record.rule = Some(Rule { id: Some(id.to_owned()), reference: reference(id), ..Rule::default() });
    record.container = Some(container(event, name));
    Some(record)
}

fn seen(message: String) -> Record {
    Record::new(Provider::Sandboxctl, Action::EngineEventSeen, message)
}

fn container(event: &EventMessage, name: &str) -> Container {
    Container {
        id: event.actor.as_ref().and_then(|actor| actor.id.clone()),
        name: Some(name.to_owned()),
        image: attribute(event, "image").map(|image| Image { name: Some(image.to_owned()) }),
    }
}

pub(super) fn attribute<'a>(event: &'a EventMessage, name: &str) -> Option<&'a str> {
    event.actor.as_ref()?.attributes.as_ref()?.get(name).map(String::as_str)
}

/// The container, where the kernel ended a process in it for want of memory. The engine tells so also when the
/// container itself goes on.
pub(super) fn short_of_memory(event: &EventMessage) -> Option<&str> {
    let is_it = event.typ? == EventMessageTypeEnum::CONTAINER && event.action.as_deref()? == "oom";
    event.actor.as_ref().filter(|_| is_it)?.id.as_deref()
}

/// The record of an event; nothing for what no person waits for.
pub(super) fn record(event: &EventMessage) -> Option<Record> {
    let (kind, action) = (event.typ?, event.action.as_deref()?);
    let ours = action.starts_with("exec_") || action.starts_with("health_status: healthy") || action == "top";
    let told =
        matches!(kind, EventMessageTypeEnum::CONTAINER | EventMessageTypeEnum::NETWORK | EventMessageTypeEnum::DAEMON);
    if ours || !told {
        return None;
    }
    let name = attribute(event, "name").or(event.actor.as_ref()?.id.as_deref())?;
    let mut record =
        seen(format!("{kind} {name}: {action}.")).about(category(kind), type_of(action)).severity(severity(action));
    if (kind, action) == (EventMessageTypeEnum::CONTAINER, "die") {
        record = exited(name, attribute(event, "exitCode").and_then(|code| code.parse().ok()));
    }
    if kind == EventMessageTypeEnum::CONTAINER {
        record.container = Some(container(event, name));
    }
    if kind == EventMessageTypeEnum::NETWORK {
        record.network = Some(Network { name: Some(name.to_owned()), ..Network::default() });
    }
    Some(record)
}

/// Why a container ended, as far as its exit status tells (docker-run(1), signal(7), sysexits.h).
pub(crate) fn why_ended(code: Option<u8>) -> String {
    match code {
        None => "the engine did not tell with which status".to_owned(),
        Some(0) => "it ended by itself, in order".to_owned(),
        Some(78) => "it refused its configuration".to_owned(),
        Some(137) => "it was killed: memory ran out, docker kill, or a stop that it did not heed".to_owned(),
        Some(143) => "it was told to stop, and did".to_owned(),
        Some(code @ 129..=192) => format!("signal {} ended it", code - 128),
        Some(_) => "its first process ended so by itself; docker logs has its last words".to_owned(),
    }
}

/// A container that ended, and why.
fn exited(name: &str, code: Option<u8>) -> Record {
    let status = code.map_or_else(String::new, |code| format!(" with status {code}"));
    let quiet = matches!(code, Some(0 | 143));
    let mut record = Record::new(Provider::Sandboxctl, Action::ContainerExited, format!("{name} ended{status}."))
        .about(Category::Process, Type::End)
        .severity(if quiet { Severity::Low } else { Severity::Medium })
        .reason(why_ended(code));
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

    fn of(kind: &str, action: &str, attributes: &[(&str, &str)]) -> EventMessage {
        let mut event = event(kind, action);
        let own = event.actor.as_mut().unwrap().attributes.as_mut().unwrap();
        own.extend(attributes.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        event
    }

    fn may_change(event: &EventMessage) -> Option<Changed> {
        changed(event, &["cellblock-cell".to_owned()].into())
    }

    #[test]
    fn what_changes_a_container_or_a_network_is_audited_again() {
        let one = |name: &str| Some(Changed::Container(name.to_owned()));
        for action in ["create", "start", "update", "rename", "unpause"] {
            assert_eq!(may_change(&event("container", action)), one("cell"), "{action}");
        }
        assert_eq!(may_change(&of("network", "connect", &[("name", "cellblock-cell")])), Some(Changed::All));
        assert_eq!(
            may_change(&of("network", "connect", &[("name", "none"), ("container", "abc")])),
            one("abc"),
            "a network that is none of ours is a matter of who is on it"
        );
        assert_eq!(may_change(&of("network", "create", &[("name", "other")])), None);
        assert_eq!(may_change(&event("container", "die")), None);
        assert_eq!(may_change(&event("image", "tag")), None);
    }

    #[test]
    fn who_is_gone_or_has_another_name_is_forgotten() {
        assert_eq!(gone(&event("container", "destroy")), Some("cell"));
        assert_eq!(gone(&of("container", "rename", &[("oldName", "/was")])), Some("was"));
        assert_eq!(gone(&event("container", "die")), None);
        assert_eq!(gone(&event("network", "destroy")), None);
    }

    #[test]
    fn a_privileged_command_is_told_and_so_is_one_of_which_nobody_can_tell() {
        let made = of("container", "exec_create: sh -c x", &[("execID", "e")]);
        assert_eq!(command(&made), Some(Command::Made("e")));
        assert_eq!(command(&of("container", "exec_die", &[("execID", "e")])), Some(Command::Ended("e")));
        assert_eq!(command(&of("container", "exec_start: sh", &[("execID", "e")])), None);
        let told = |config: &str| privileged(&made, Ok(serde_json::from_str(config).unwrap()));
        assert_eq!(told(r#"{"ProcessConfig":{"privileged":false,"entrypoint":"sh"}}"#), None);
        let record = told(r#"{"ProcessConfig":{"privileged":true,"entrypoint":"sh"}}"#).unwrap();
        assert_eq!(record.event.severity, Severity::Critical);
        assert_eq!(record.rule.unwrap().id.as_deref(), Some("cis-docker-5.23"));
        assert!(record.message.contains("container cell") && record.message.contains("sh"), "{}", record.message);
        assert!(told("{}").unwrap().message.contains("is not known"));
        assert!(privileged(&made, Err("away".to_owned())).unwrap().event.reason.unwrap().contains("away"));
    }

    #[test]
    fn only_a_container_is_short_of_memory() {
        assert_eq!(short_of_memory(&event("container", "oom")), Some("abc"));
        assert_eq!(short_of_memory(&event("container", "die")), None);
        assert_eq!(record(&event("container", "oom")).unwrap().event.severity, Severity::Medium);
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
