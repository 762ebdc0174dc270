//! The secrets that the policy names: is each where it is needed? A tmpfs forgets what it held when its container
//! stops, so after a boot each one is asked for again. With them what the gate opens the cell's TLS with, which also
//! ends by itself.

use engine::Engine;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use policy::{Policy, Service};
use record::cellblock::Cell;
use record::fields::Container;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::delivery;
use crate::paths;

/// One secret, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presence {
    name: String,
    container: String,
    /// `Err` says why nobody can tell.
    there: Result<bool, String>,
    /// Why it may be missing, and what puts it there.
    lacking: &'static str,
    mend: String,
}

const FORGOTTEN: &str = "memory forgets it when the container stops, and nobody has put it there since";
const ENDED: &str = "the gate was started again since it was made, or it is valid for less than three days";

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
pub(crate) async fn all(policy: &Policy) -> anyhow::Result<Vec<Presence>> {
    let docker = Engine::connect().await?;
    let gate = policy.container(Service::Proxy);
    let inspected = policy.inspected();
    let lasts = !inspected.is_empty() && lasts(policy, Timestamp::now());
    let keys = join_all(names(policy).into_iter().map(|name| key(&docker, name, gate))).await;
    let leaves = join_all(inspected.into_iter().map(|host| leaf(&docker, host, gate, lasts))).await;
    Ok(keys.into_iter().chain(leaves).collect())
}

async fn has(docker: &Engine, name: &str, container: &str) -> Result<bool, String> {
    delivery::is_there(docker, container, &["test", "-s", &delivery::path(name)]).await
}

async fn key(docker: &Engine, name: &str, container: &str) -> Presence {
    let there = has(docker, name, container).await;
    let mend = format!("sandboxctl secret put {name} < FILE");
    Presence { name: name.to_owned(), container: container.to_owned(), there, lacking: FORGOTTEN, mend }
}

/// What the gate opens TLS to this host with; `lasts` is said of the authority, whose end is that of all of them.
async fn leaf(docker: &Engine, host: &str, container: &str, lasts: bool) -> Presence {
    let there = has(docker, &paths::leaf_file(host), container).await.map(|there| there && lasts);
    let name = format!("{}/{host}", paths::LEAVES);
    Presence { name, container: container.to_owned(), there, lacking: ENDED, mend: "scripts/up".to_owned() }
}

/// Whether the authority that the cell trusts is there, and valid for three days more.
fn lasts(policy: &Policy, now: Timestamp) -> bool {
    let ends = || {
        let bytes = std::fs::read(paths::inspected(policy).join("ca.pem")).ok()?;
        let (_, pem) = x509_parser::pem::parse_x509_pem(&bytes).ok()?;
        Some(pem.parse_x509().ok()?.validity().not_after.timestamp())
    };
    ends().is_some_and(|end| end > (now + SignedDuration::from_hours(72)).as_second())
}

impl Presence {
    /// The check as a record.
    pub(crate) fn record(&self) -> Record {
        let Self { name, container, there, lacking, mend } = self;
        let mut record = match there {
            Ok(true) => presence(format!("{container} has the secret {name}.")).outcome(Outcome::Success),
            Ok(false) => presence(format!("{container} has not the secret {name}."))
                .outcome(Outcome::Failure)
                .severity(Severity::High)
                .reason(*lacking),
            Err(why) => presence(format!("Whether {container} has the secret {name} could not be told."))
                .outcome(Outcome::Unknown)
                .severity(Severity::Low)
                .reason(why.clone()),
        };
        record.container = Some(Container::named(container));
        let own = record.own();
        own.cell = Some(Cell { secret: Some(name.clone()), ..Cell::default() });
        if *there == Ok(false) {
            own.mend = Some(mend.clone());
        }
        record
    }
}

fn presence(message: String) -> Record {
    Record::new(Provider::Sandboxctl, Action::SecretChecked, message)
        .kind(Kind::State)
        .about(Category::Configuration, Type::Info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_a_finding_with_its_mend_and_what_nobody_can_tell_is_unknown() {
        let record = |there| {
            let (name, container) = ("github-token".to_owned(), "proxy".to_owned());
            Presence {
                mend: format!("sandboxctl secret put {name} < FILE"),
                name,
                container,
                there,
                lacking: FORGOTTEN,
            }
            .record()
        };
        let mend = |mut record: Record| record.own().mend.clone();
        assert_eq!(record(Ok(true)).event.outcome, Some(Outcome::Success));
        assert_eq!(record(Ok(false)).event.outcome, Some(Outcome::Failure));
        assert_eq!(mend(record(Ok(false))).as_deref(), Some("sandboxctl secret put github-token < FILE"));
        assert_eq!(mend(record(Ok(true))), None);
        assert_eq!(record(Err("it is paused".to_owned())).event.outcome, Some(Outcome::Unknown));
    }

    #[test]
    fn an_authority_that_is_gone_or_ends_within_three_days_does_not_last() {
        let root = tempfile::tempdir().unwrap();
        let shipped = include_str!("../../../../compose/policy.toml");
        let policy = Policy::parse(shipped, "policy.toml".as_ref(), root.path()).unwrap();
        assert!(!lasts(&policy, Timestamp::now()), "there is none");
        let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2026, 12, 30);
        let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        std::fs::create_dir_all(paths::inspected(&policy)).unwrap();
        std::fs::write(paths::inspected(&policy).join("ca.pem"), made.pem()).unwrap();
        let at = |text: &str| lasts(&policy, text.parse().unwrap());
        assert!(at("2026-12-26T23:00:00Z") && !at("2026-12-27T01:00:00Z") && !at("2027-01-01T00:00:00Z"));
    }
}
