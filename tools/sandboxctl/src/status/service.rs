//! One service: running, healthy, and what its health check says.

use engine::Engine;
use engine::models::ContainerInspectResponse;
use futures_util::future::join_all;
use policy::{Policy, Service};
use record::cellblock::{Cell, Service as Reported};
use record::fields::Container;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use crate::audit::short;

/// The most of a health check's words that is told, in characters.
const MAX_WORDS: usize = 512;

/// What the clamd image says when it knows nothing but test signatures.
const NO_SIGNATURES: &str = "official database absent";

/// A service and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    service: Service,
    container: String,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Absent,
    Untold(String),
    Known { id: Option<String>, status: String, health: String, words: String, restarts: u64, killed: u64 },
}

/// Every service of the policy, asked at once.
///
/// # Errors
/// If there is no engine.
pub(crate) async fn all(policy: &Policy) -> anyhow::Result<Vec<Standing>> {
    let docker = Engine::connect().await?;
    Ok(join_all(Service::ALL.map(|service| one(&docker, service, policy.container(service)))).await)
}

async fn one(docker: &Engine, service: Service, container: &str) -> Standing {
    let state = match docker.container(container).await {
        Ok(told) => known(told),
        Err(error) if engine::is_missing(&error) => State::Absent,
        Err(error) => State::Untold(format!("the engine did not answer about it: {error}")),
    };
    Standing { service, container: container.to_owned(), state }
}

fn known(told: ContainerInspectResponse) -> State {
    let state = told.state.unwrap_or_default();
    // Where the kernel does not tell, or nothing runs, there is nothing to add to the engine's word.
    let killed = told.id.as_deref().zip(state.pid).and_then(|(id, first)| short::kills(id, first).ok()).unwrap_or(0);
    let health = state.health.unwrap_or_default();
    let words = health.log.unwrap_or_default().pop().and_then(|last| last.output).unwrap_or_default();
    State::Known {
        id: told.id,
        status: state.status.map_or_else(|| "untold".to_owned(), |status| status.to_string()),
        health: health.status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
        words: words.trim().chars().take(MAX_WORDS).collect(),
        restarts: told.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        killed,
    }
}

impl Standing {
    /// The record of it: running and not unhealthy is as it should be; still starting is not known yet.
    pub(crate) fn record(&self) -> Record {
        let name = self.service.as_str();
        let mut record = match &self.state {
            State::Absent => self.failed(format!("{name} is not there.")),
            State::Untold(why) => base(format!("{name} could not be asked about."))
                .outcome(Outcome::Unknown)
                .severity(Severity::Low)
                .reason(why.clone()),
            State::Known { status, health, words, killed, .. } => match (status.as_str(), health.as_str()) {
                ("running", "healthy" | "none") => {
                    noted(base(format!("{name} runs, {health}.")).outcome(Outcome::Success), health, words, *killed)
                }
                ("running", "starting") => {
                    base(format!("{name} is starting.")).outcome(Outcome::Unknown).reason("its health is not known yet")
                }
                ("running", _) => self.failed(format!("{name} runs, {health}.")).reason(words.clone()),
                _ => self.failed(format!("{name} is {status}.")),
            },
        };
        self.describe(&mut record);
        record
    }

    fn failed(&self, message: String) -> Record {
        let mut record = base(message).outcome(Outcome::Failure).severity(Severity::High);
        record.own().mend = Some(format!("docker logs {}; scripts/up", self.container));
        record
    }

    fn describe(&self, record: &mut Record) {
        let mut reported = Reported { name: Some(self.service.as_str().to_owned()), ..Reported::default() };
        let mut container = Container::named(&self.container);
        reported.state = Some("absent".to_owned());
        if let State::Known { id, status, health, words, restarts, .. } = &self.state {
            container.id.clone_from(id);
            reported.state = Some(status.clone());
            reported.health = Some(health.clone());
            reported.health_output = (!words.is_empty()).then(|| words.clone());
            reported.restarts = Some(*restarts);
        } else if let State::Untold(_) = self.state {
            reported.state = None;
        }
        record.container = Some(container);
        record.own().cell = Some(Cell { service: Some(reported), ..Cell::default() });
    }
}

/// A scanner that knows only test signatures is well, and protects from nothing: nobody should overlook it.
/// So is a service whose processes the kernel ends: what was started again inside its container looks as if nothing was.
fn noted(record: Record, health: &str, words: &str, killed: u64) -> Record {
    match (health, words.contains(NO_SIGNATURES)) {
        _ if killed > 0 => record
            .severity(Severity::Medium)
            .reason(format!("the kernel ended {}: memory ran out", short::often(killed))),
        (_, true) => record.severity(Severity::Medium).reason(words),
        ("none", false) => {
            record.severity(Severity::Low).reason("it has no health check: running is all that is known")
        }
        _ => record,
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
        let state = known(serde_json::from_str(&json).unwrap());
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

    #[test]
    fn a_service_that_ran_out_of_memory_is_well_again_and_says_so() {
        let well = base("cell runs, healthy.".to_owned()).outcome(Outcome::Success);
        assert_eq!(noted(well.clone(), "healthy", "", 0).event.severity, Severity::Informational);
        let record = noted(well, "healthy", "", 2);
        assert_eq!((record.event.outcome, record.event.severity), (Some(Outcome::Success), Severity::Medium));
        assert_eq!(
            record.event.reason.as_deref(),
            Some("the kernel ended 2 processes since it started: memory ran out")
        );
    }

    #[test]
    fn a_health_check_can_t_flood_the_record() {
        let service =
            told("running", "healthy", &"x".repeat(100_000)).cellblock.unwrap().cell.unwrap().service.unwrap();
        assert_eq!(service.health_output.unwrap().len(), MAX_WORDS);
        assert_eq!(service.restarts, Some(2));
    }
}
