//! From what was gathered to records: each container, stranger, network and the engine under its controls.

use std::collections::BTreeSet;

use engine::Identity;
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy::{Policy, Service};
use record::Record;

use super::content::layers::Layers;
use super::control::Verdict;
use super::expect::Expect;
use super::facts::{Facts, Subject};
use super::gather::{Gathered, Named};
use super::leak::Owners;
use super::records::{Scribe, Target};
use super::{How, Scope, daemon, gather, network, service, strangers};

/// What an audit found, and what is needed to judge the waivers of its policy.
pub(super) struct Found {
    /// The engine that answered, so that two are never taken for one.
    pub(super) identity: Identity,
    pub(super) records: Vec<Record>,
    /// Containers and networks that there are, where all were listed.
    pub(super) names: Option<BTreeSet<String>>,
    /// Today, UTC: what waivers are held against.
    pub(super) today: Date,
}

/// Asks, and holds what was answered against every control that was picked.
///
/// # Errors
/// If there is no engine, or it did not list what it has.
pub(super) async fn evaluate(policy: &Policy, scope: &Scope, how: &How<'_>) -> anyhow::Result<Found> {
    let (gathered, pick) = (gather::all(policy, scope, how).await?, how.pick);
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    let mut scribe = Scribe { policy, today, pick, records: Vec::new() };
    containers(policy, &gathered, scope, &mut scribe);
    others(&gathered, &mut scribe);
    if *scope == Scope::Composition {
        networks(policy, &gathered, &mut scribe);
        for control in daemon::ALL {
            scribe.check(control, &Target::engine(), &(control.judge)(&gathered.engine));
        }
    }
    let names = (*scope == Scope::Composition).then(|| names(policy, &gathered));
    Ok(Found { identity: gathered.identity, records: scribe.records, names, today })
}

/// All that a waiver can be for.
fn names(policy: &Policy, gathered: &Gathered) -> BTreeSet<String> {
    let services = Service::ALL.map(|service| policy.container(service).to_owned());
    let networks = policy.networks.values().map(policy::Network::docker_name);
    let seen = gathered.containers.iter().chain(&gathered.others).map(|named| named.name.clone());
    seen.chain(services).chain(networks).chain(["engine".to_owned()]).collect()
}

fn containers(policy: &Policy, gathered: &Gathered, scope: &Scope, scribe: &mut Scribe<'_>) {
    let owners = owners(gathered);
    for Named { name, found } in &gathered.containers {
        let expect = Expect::of(policy, name, gathered.vault.as_ref());
        let stranger = expect.service.is_none();
        let Some(found) = found else {
            // Whichever controls were asked for: nothing can be told of them.
            scribe.check_always(&service::PRESENT, &Target::container(name, stranger), &scope.missing(name));
            continue;
        };
        let subject = found.as_ref().map(|facts| {
            let mut subject = Subject {
                facts: facts.clone(),
                expect,
                engine: gathered.engine.clone(),
                image: facts.image.as_ref().and_then(|image| gathered.images.get(image).cloned()),
                history: facts.image_id.as_ref().and_then(|image| gathered.histories.get(image).cloned()),
                layers: facts.image_id.as_ref().and_then(|image| gathered.layers.get(image).cloned()),
                reach: if stranger { reach(facts, gathered) } else { None },
            };
            owners.name(name, subject.leaks_mut());
            subject
        });
        let target = match &subject {
            Ok(subject) => Target::of(&subject.facts, stranger),
            Err(_) => Target::container(name, stranger),
        };
        for control in super::container_controls() {
            let verdict = match &subject {
                Ok(subject) => super::verdict(control, subject),
                Err(why) => Verdict::untold(why),
            };
            scribe.check(control, &target, &verdict);
        }
    }
}

/// Which container has which secret, be it in its image.
fn owners(gathered: &Gathered) -> Owners {
    let mut owners = Owners::default();
    for facts in gathered.containers.iter().filter_map(Named::facts) {
        let image = facts.image_id.as_ref();
        let history = image.and_then(|image| gathered.histories.get(image)?.as_ref().ok());
        let layers = image.and_then(|image| gathered.layers.get(image)?.as_ref().ok());
        owners.add(&facts.name, facts.all_leaks());
        owners.add(&facts.name, history.into_iter().flat_map(|history| &history.leaks));
        owners.add(&facts.name, layers.into_iter().flat_map(Layers::leaks));
    }
    owners
}

/// Containers that are nowhere near are named where they can touch the composition, or nobody knows; else nothing of
/// theirs is anybody's business.
fn others(gathered: &Gathered, scribe: &mut Scribe<'_>) {
    for Named { name, found } in &gathered.others {
        let (target, verdict) = match found {
            None => continue,
            Some(Err(why)) => (Target::container(name, true), Verdict::untold(why)),
            Some(Ok(facts)) => (Target::of(facts, true), strangers::verdict(reach(facts, gathered).as_ref())),
        };
        if !matches!(verdict, Verdict::Pass { .. }) {
            scribe.check(&strangers::REACH, &target, &verdict);
        }
    }
}

/// What a stranger can touch, as far as somebody asked about the whole engine.
fn reach(one: &Facts, gathered: &Gathered) -> Option<Result<Vec<String>, String>> {
    let everybody = gathered.containers.iter().chain(&gathered.others);
    let all: Vec<&Facts> = everybody.filter_map(Named::facts).collect();
    gathered.composition.as_ref().map(|composition| strangers::ways(one, &all, composition))
}

fn networks(policy: &Policy, gathered: &Gathered, scribe: &mut Scribe<'_>) {
    let families = engine::Families::here();
    for planned in policy.active_networks() {
        let subject = network::Subject::of(policy, planned, families, gathered.networks.get(&planned.docker_name()));
        let target = Target::network(&planned.docker_name());
        for control in network::ALL {
            scribe.check(control, &target, &(control.judge)(&subject));
        }
    }
}
