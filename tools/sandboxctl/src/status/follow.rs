//! Goes on looking, and tells what changed: how a thing stands, not how much it uses at the moment.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Engine;
use policy::Policy;
use record::{Action, Category, Outcome, Provider, Record, Severity, Type};
use tokio::time::sleep;
use tool::Writer;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks without end. An engine that does not answer is told once, and asked again. Nobody looks at the socket of one
/// that does not run: under systemd that would start it.
///
/// # Errors
/// If there is no engine to begin with, or the records cannot be written.
pub(crate) async fn follow(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let mut told = Told::default();
    told.news(super::look(policy).await?).iter().try_for_each(|record| out.check(record))?;
    let mut complaint = String::new();
    loop {
        sleep(PAUSE).await;
        let found = match Engine::connect_to_running().await {
            Ok(_) => super::look(policy).await,
            Err(away) => Err(away),
        };
        match found {
            Ok(records) => {
                complaint.clear();
                told.news(records).iter().try_for_each(|record| out.check(record))?;
            }
            Err(error) => {
                let now = format!("{error:#}");
                if now != complaint {
                    out.check(&away(&now))?;
                    told = Told::default();
                }
                complaint = now;
            }
        }
    }
}

fn away(why: &str) -> Record {
    Record::new(
        Provider::Sandboxctl,
        Action::EngineStopped,
        "The engine does not answer: how things stand is not known.",
    )
    .about(Category::Host, Type::Error)
    .outcome(Outcome::Unknown)
    .severity(Severity::Medium)
    .reason(why)
}

/// How each thing stood in its last record.
#[derive(Debug, Default)]
struct Told(BTreeMap<String, (Option<Outcome>, u8, String)>);

impl Told {
    /// Those that stand in another way than when they were told.
    fn news(&mut self, records: Vec<Record>) -> Vec<Record> {
        let is_new = |record: &Record| {
            let now = (record.event.outcome, u8::from(record.event.severity), state(record));
            self.0.insert(name(record), now.clone()).as_ref() != Some(&now)
        };
        records.into_iter().filter(is_new).collect()
    }
}

fn name(record: &Record) -> String {
    let cell = record.cellblock.as_ref().and_then(|own| own.cell.as_ref());
    let storage = cell.and_then(|cell| cell.storage.as_ref()?.name.clone());
    let secret = cell.and_then(|cell| cell.secret.clone());
    let container = record.container.as_ref().and_then(|container| container.name.clone());
    let what = [storage, secret, container].into_iter().flatten().collect::<Vec<_>>();
    format!("{} {}", record.event.action, what.join(" "))
}

/// What Docker says of a service, how often it started again or lost a process, and its policy.
fn state(record: &Record) -> String {
    let cell = record.cellblock.as_ref().and_then(|own| own.cell.as_ref());
    let service = cell.and_then(|cell| cell.service.as_ref());
    service.map_or_else(String::new, |it| {
        let lost = it.usage.as_ref().map(|usage| (usage.killed, usage.refused.is_some_and(|count| count > 0)));
        format!("{:?} {:?} {:?} {lost:?} {:?}", it.state, it.health, it.restarts, it.policy)
    })
}

#[cfg(test)]
mod tests {
    use record::cellblock::{Cell, Service, Usage};
    use record::fields::Container;

    use super::*;

    fn service(name: &str, health: &str, memory: u64) -> Record {
        let mut record = Record::new(Provider::Sandboxctl, Action::ServiceReported, "m").outcome(Outcome::Success);
        record.container = Some(Container::named(name));
        let usage = Some(Usage { memory: Some(memory), ..Usage::default() });
        let service = Service { health: Some(health.to_owned()), usage, ..Service::default() };
        record.own().cell = Some(Cell { service: Some(service), ..Cell::default() });
        record
    }

    #[test]
    fn what_changes_is_told_and_what_is_used_at_the_moment_is_no_change() {
        let mut told = Told::default();
        let first = [service("cell", "healthy", 1), service("vault", "healthy", 1)];
        assert_eq!(told.news(first.to_vec()).len(), 2, "the first look is told whole");
        assert_eq!(told.news(vec![service("cell", "healthy", 2), service("vault", "healthy", 2)]), []);
        assert_eq!(told.news(vec![service("cell", "unhealthy", 2), service("vault", "healthy", 2)]).len(), 1);
        assert_eq!(told.news(vec![service("cell", "unhealthy", 2).severity(Severity::High)]).len(), 1);
    }
}
