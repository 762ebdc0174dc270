//! One service: running, healthy, and what its health check says.

use engine::models::ContainerInspectResponse;
use engine::{Engine, Error};
use futures_util::future::join_all;
use policy::{Policy, Service};
use record::cellblock::{Cell, Service as Reported, Usage};
use record::fields::Container;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};
use tokio::time::sleep;

use super::usage::{self, Spent};
use crate::audit::why_ended;
use crate::render::compose::POLICY_LABEL;

/// The most of a health check's words that a record has, in characters.
const MAX_WORDS: usize = 512;

/// What the clamd image says when it knows nothing but test signatures.
const NO_SIGNATURES: &str = "official database absent";

/// A service and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    service: Service,
    container: String,
    state: State,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    Absent,
    Untold(String),
    Known(Box<Known>),
}

/// What the engine and the kernel tell of it.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    id: Option<String>,
    status: String,
    health: String,
    /// What its health check said last.
    words: String,
    restarts: u64,
    /// How it ended, where it does not run.
    exit: Option<i64>,
    usage: Usage,
    /// The limits that it ran into, in a few words each.
    held: Vec<String>,
    /// The policy that it was made for; nothing where what it was made from does not depend on all of it.
    policy: Option<String>,
    drifted: bool,
}

/// Every service of the policy, asked at once.
///
/// # Errors
/// If there is no engine.
pub(crate) async fn all(policy: &Policy) -> anyhow::Result<Vec<Standing>> {
    let docker = Engine::connect().await?;
    let told = join_all(Service::ALL.map(|service| docker.container(policy.container(service)))).await;
    let before: Vec<Option<Spent>> = told.iter().map(|told| spent(told.as_ref().ok()?)).collect();
    if before.iter().any(Option::is_some) {
        sleep(usage::SAMPLE).await;
    }
    let services = Service::ALL.into_iter().zip(told).zip(before);
    Ok(services.map(|((service, told), before)| one(policy, service, told, before)).collect())
}

fn spent(told: &ContainerInspectResponse) -> Option<Spent> {
    usage::spent(told.id.as_deref()?, told.state.as_ref()?.pid.filter(|pid| *pid > 0)?)
}

fn one(
    policy: &Policy,
    service: Service,
    told: Result<ContainerInspectResponse, Error>,
    before: Option<Spent>,
) -> Standing {
    let state = match told {
        Ok(told) => State::Known(Box::new(known(told, before, &format!("sha256:{}", policy.sha256)))),
        Err(error) if engine::is_missing(&error) => State::Absent,
        Err(error) => State::Untold(format!("the engine did not answer about it: {error}")),
    };
    Standing { service, container: policy.container(service).to_owned(), state }
}

fn known(mut told: ContainerInspectResponse, before: Option<Spent>, policy: &str) -> Known {
    let usage = usage::look(&told, before);
    let state = told.state.take().unwrap_or_default();
    let health = state.health.unwrap_or_default();
    let words = health.log.unwrap_or_default().pop().and_then(|last| last.output).unwrap_or_default();
    let labels = told.config.and_then(|config| config.labels).unwrap_or_default();
    let made_for = labels.get(POLICY_LABEL).cloned();
    Known {
        id: told.id,
        status: state.status.map_or_else(|| "untold".to_owned(), |status| status.to_string()),
        health: health.status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
        words: words.trim().chars().take(MAX_WORDS).collect(),
        restarts: told.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        exit: state.exit_code,
        held: usage::held(&usage, before),
        usage,
        drifted: made_for.as_ref().is_some_and(|made_for| made_for != policy),
        policy: made_for,
    }
}

impl Known {
    /// Running and not unhealthy is as it should be; still starting is not known yet.
    fn record(&self, standing: &Standing) -> Record {
        let name = standing.service.as_str();
        let uses = usage::words(&self.usage);
        let uses = if uses.is_empty() { uses } else { format!(": {uses}") };
        match (self.status.as_str(), self.health.as_str()) {
            ("running", "healthy" | "none") => {
                self.with_cautions(base(format!("{name} runs, {}{uses}.", self.health)).outcome(Outcome::Success))
            }
            ("running", "starting") => base(format!("{name} is starting{uses}."))
                .outcome(Outcome::Unknown)
                .reason("its health is not known yet"),
            ("running", _) => {
                let why = [self.words.clone()].into_iter().chain(self.held.clone());
                standing
                    .failed(format!("{name} runs, {}{uses}.", self.health))
                    .reason(why.collect::<Vec<_>>().join("; "))
            }
            ("exited", _) => standing
                .failed(format!("{name} is exited."))
                .reason(why_ended(self.exit.and_then(|code| u8::try_from(code).ok()))),
            _ => standing.failed(format!("{name} is {}.", self.status)),
        }
    }

    /// What nobody should overlook although the service is well. A scanner that knows only test signatures protects
    /// from nothing. Processes that the kernel ends or refuses, and that start again inside the container, look as if
    /// nothing was. A service may have been made for another policy.
    fn with_cautions(&self, record: Record) -> Record {
        let mut why = self.held.clone();
        let mut severity = Severity::Informational;
        if self.usage.killed > Some(0) || self.usage.refused > Some(0) {
            severity = Severity::Medium;
        }
        if self.words.contains(NO_SIGNATURES) {
            (severity, why) = (Severity::Medium, why.into_iter().chain([self.words.clone()]).collect());
        }
        if self.drifted {
            severity = Severity::Medium;
            why.push("it was made for a policy that has changed since; scripts/up makes it anew".to_owned());
        }
        if self.health == "none" {
            severity = severity.max(Severity::Low);
            why.push("it has no health check: running is all that is known".to_owned());
        }
        if why.is_empty() { record } else { record.severity(severity).reason(why.join("; ")) }
    }
}

impl Standing {
    /// The check as a record.
    pub(crate) fn record(&self) -> Record {
        let name = self.service.as_str();
        let mut record = match &self.state {
            State::Absent => self.failed(format!("{name} is not there.")),
            State::Untold(why) => base(format!("{name} could not be asked about."))
                .outcome(Outcome::Unknown)
                .severity(Severity::Low)
                .reason(why.clone()),
            State::Known(known) => known.record(self),
        };
        self.describe(&mut record);
        record
    }

    fn failed(&self, message: String) -> Record {
        let mut record = base(message).outcome(Outcome::Failure).severity(Severity::High);
        record.own().mend = Some(match self.state {
            State::Absent => "scripts/up".to_owned(),
            _ => format!("docker logs {}; scripts/up", self.container),
        });
        record
    }

    fn describe(&self, record: &mut Record) {
        let mut reported = Reported { name: Some(self.service.as_str().to_owned()), ..Reported::default() };
        let mut container = Container::named(&self.container);
        reported.state = Some("absent".to_owned());
        if let State::Known(known) = &self.state {
            container.id.clone_from(&known.id);
            reported.state = Some(known.status.clone());
            reported.health = Some(known.health.clone());
            reported.health_output = (!known.words.is_empty()).then(|| known.words.clone());
            reported.restarts = Some(known.restarts);
            reported.usage = (known.usage != Usage::default()).then(|| known.usage.clone());
            reported.policy.clone_from(&known.policy);
        } else if let State::Untold(_) = self.state {
            reported.state = None;
        }
        record.container = Some(container);
        record.own().cell = Some(Cell { service: Some(reported), ..Cell::default() });
    }
}

fn base(message: String) -> Record {
    Record::new(Provider::Sandboxctl, Action::ServiceReported, message)
        .kind(Kind::State)
        .about(Category::Process, Type::Info)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: &str, health: &str, words: &str) -> Record {
        let json = format!(
            r#"{{"Id":"abc","RestartCount":2,"State":{{"Status":"{status}","Health":{{"Status":"{health}","Log":[{{"Output":"old"}},{{"Output":"{words}"}}]}}}}}}"#
        );
        let state = State::Known(Box::new(known(serde_json::from_str(&json).unwrap(), None, "sha256:1")));
        Standing { service: Service::Clamd, container: "clamd".to_owned(), state }.record()
    }

    #[test]
    fn a_scanner_without_official_signatures_is_well_and_says_so() {
        let record = told("running", "healthy", "official database absent: only the shipped test signatures are known");
        assert_eq!(record.event.outcome, Some(Outcome::Success));
        assert_eq!(record.event.severity, Severity::Medium);
        assert!(record.event.reason.unwrap().contains("only the shipped test signatures"));
    }

    #[test]
    fn what_runs_unhealthy_or_not_at_all_is_a_finding_and_what_starts_is_not_known() {
        for (status, health, outcome) in [
            ("running", "healthy", Outcome::Success),
            ("running", "unhealthy", Outcome::Failure),
            ("running", "starting", Outcome::Unknown),
            ("exited", "healthy", Outcome::Failure),
            ("paused", "healthy", Outcome::Failure),
        ] {
            assert_eq!(told(status, health, "").event.outcome, Some(outcome), "{status} {health}");
        }
        let absent = Standing { service: Service::Cell, container: "cell".to_owned(), state: State::Absent }.record();
        assert_eq!(absent.event.outcome, Some(Outcome::Failure));
        let untold =
            Standing { service: Service::Cell, container: "cell".to_owned(), state: State::Untold("gone".to_owned()) }
                .record();
        assert_eq!(untold.event.outcome, Some(Outcome::Unknown));
    }

    fn well(change: impl Fn(&mut Known)) -> Record {
        let json = r#"{"State":{"Status":"running","Health":{"Status":"healthy"}},"Config":{"Labels":{"cellblock.policy":"sha256:1"}}}"#;
        let mut known = known(serde_json::from_str(json).unwrap(), None, "sha256:1");
        change(&mut known);
        known.held = usage::held(&known.usage, None);
        Standing { service: Service::Cell, container: "cell".to_owned(), state: State::Known(Box::new(known)) }.record()
    }

    #[test]
    fn a_service_that_ran_into_a_limit_is_well_again_and_says_so() {
        assert_eq!(well(|_| ()).event.severity, Severity::Informational);
        for (usage, words) in [
            (
                Usage { killed: Some(2), ..Usage::default() },
                "the kernel ended 2 processes since it started: memory ran out",
            ),
            (Usage { refused: Some(1), ..Usage::default() }, "the kernel refused it 1 new process since it started"),
        ] {
            let record = well(|known| known.usage = usage.clone());
            assert_eq!((record.event.outcome, record.event.severity), (Some(Outcome::Success), Severity::Medium));
            assert_eq!(record.event.reason.as_deref(), Some(words));
        }
    }

    #[test]
    fn a_service_of_another_policy_says_so() {
        let record = well(|known| known.drifted = true);
        assert_eq!(record.event.severity, Severity::Medium);
        assert!(record.event.reason.unwrap().contains("a policy that has changed"));
        let same = known(
            serde_json::from_str(r#"{"Config":{"Labels":{"cellblock.policy":"sha256:1"}}}"#).unwrap(),
            None,
            "sha256:1",
        );
        assert!(!same.drifted && same.policy.is_some());
        let other = known(
            serde_json::from_str(r#"{"Config":{"Labels":{"cellblock.policy":"sha256:2"}}}"#).unwrap(),
            None,
            "sha256:1",
        );
        assert!(other.drifted);
    }

    #[test]
    fn what_ended_says_how_and_what_is_absent_has_no_log_to_read() {
        let json = r#"{"State":{"Status":"exited","ExitCode":137}}"#;
        let state = State::Known(Box::new(known(serde_json::from_str(json).unwrap(), None, "")));
        let record = Standing { service: Service::Cell, container: "cell".to_owned(), state }.record();
        assert!(record.event.reason.unwrap().contains("killed"));
        let absent = Standing { service: Service::Cell, container: "cell".to_owned(), state: State::Absent }.record();
        assert_eq!(absent.cellblock.unwrap().mend.as_deref(), Some("scripts/up"));
    }

    #[test]
    fn a_health_check_can_t_flood_the_record() {
        let service =
            told("running", "healthy", &"x".repeat(100_000)).cellblock.unwrap().cell.unwrap().service.unwrap();
        assert_eq!(service.health_output.unwrap().len(), MAX_WORDS);
        assert_eq!(service.restarts, Some(2));
    }
}
