//! The secrets that the policy names: is each where it is needed? A tmpfs forgets what it held when its container stops,
//! so after a boot each one is asked for again.

use engine::Engine;
use futures_util::future::join_all;
use policy::{Policy, Service};
use record::cellblock::Cell;
use record::fields::Container;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::errand;

/// One secret, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    name: String,
    container: String,
    /// `Err` says why nobody can tell.
    there: Result<bool, String>,
}

/// The credentials of the policy, each once.
pub(super) fn names(policy: &Policy) -> Vec<&str> {
    let mut names: Vec<&str> = policy.egress.iter().filter_map(|rule| rule.credential.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Every one of them, asked at once.
///
/// # Errors
/// If there is no engine.
pub(crate) async fn all(policy: &Policy) -> anyhow::Result<Vec<Kept>> {
    let docker = Engine::connect().await?;
    let gate = policy.container(Service::Proxy);
    Ok(join_all(names(policy).into_iter().map(|name| one(&docker, name, gate))).await)
}

async fn one(docker: &Engine, name: &str, container: &str) -> Kept {
    let asked = docker.feed(container, &["test", "-s", &errand::path(name)], &[]).await;
    let there = match asked {
        Ok(done) if done.exit_code == 0 => Ok(true),
        Ok(done) if done.exit_code == 1 => Ok(false),
        Ok(done) => Err(format!("test ended with {}: {}", done.exit_code, done.complaint)),
        Err(error) => Err(format!("{container} could not be asked: {error:#}")),
    };
    Kept { name: name.to_owned(), container: container.to_owned(), there }
}

impl Kept {
    /// The record of it.
    pub(crate) fn record(&self) -> Record {
        let Self { name, container, there } = self;
        let mut record = match there {
            Ok(true) => told(format!("{container} has the secret {name}.")).outcome(Outcome::Success),
            Ok(false) => told(format!("{container} has not the secret {name}."))
                .outcome(Outcome::Failure)
                .severity(Severity::High)
                .reason("memory forgets it when the container stops, and nobody has put it there since"),
            Err(why) => told(format!("Whether {container} has the secret {name} could not be told."))
                .outcome(Outcome::Unknown)
                .severity(Severity::Low)
                .reason(why.clone()),
        };
        record.container = Some(Container::named(container));
        let own = record.own();
        own.cell = Some(Cell { secret: Some(name.clone()), ..Cell::default() });
        if *there == Ok(false) {
            own.mend = Some(format!("sandboxctl secret put {name} < FILE"));
        }
        record
    }
}

fn told(message: String) -> Record {
    Record::new(Provider::Sandboxctl, Action::SecretChecked, message)
        .kind(Kind::State)
        .about(Category::Configuration, Type::Info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_a_finding_with_its_mend_and_what_nobody_can_tell_is_unknown() {
        let record = |there| Kept { name: "github-token".to_owned(), container: "proxy".to_owned(), there }.record();
        let mend = |mut record: Record| record.own().mend.clone();
        assert_eq!(record(Ok(true)).event.outcome, Some(Outcome::Success));
        assert_eq!(record(Ok(false)).event.outcome, Some(Outcome::Failure));
        assert_eq!(mend(record(Ok(false))).as_deref(), Some("sandboxctl secret put github-token < FILE"));
        assert_eq!(mend(record(Ok(true))), None);
        assert_eq!(record(Err("it is paused".to_owned())).event.outcome, Some(Outcome::Unknown));
    }
}
