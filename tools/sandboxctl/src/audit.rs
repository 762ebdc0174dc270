//! The audit: containers, networks and engine, held against the policy and the CIS Docker Benchmark.
//!
//! [`gather`] asks the engine, everything at once; what it answers becomes a subject; every control is a
//! pure function from a subject to a verdict; [`tell`] makes the verdict a record. What the engine did not
//! answer is unknown in every control that rests on it.

mod bounds;
mod catalogue;
mod concerned;
mod confinement;
mod control;
mod daemon;
mod expect;
mod exposure;
mod facts;
mod fills;
mod follow;
mod gather;
mod grants;
mod in_force;
mod isolation;
mod kernel;
mod leak;
mod mountinfo;
mod network;
mod process;
mod seccomp;
mod service;
mod share;
pub(crate) mod short;
mod tell;
mod volumes;

use jiff::Zoned;
use jiff::tz::TimeZone;
use policy::Policy;
use record::Writer;

pub(crate) use catalogue::{Pick, list};
use control::{Control, Verdict};
use expect::Expect;
use facts::Subject;
pub(crate) use follow::follow;
use gather::{Gathered, Named};
pub(crate) use leak::Rules;
use tell::{Scribe, Target};

/// Every control of a container, in the order of the report.
fn container_controls() -> impl Iterator<Item = &'static Control<Subject>> {
    let declared = [
        confinement::ALL,
        isolation::ALL,
        bounds::ALL,
        fills::ALL,
        exposure::ALL,
        grants::ALL,
        share::ALL,
        service::ALL,
    ];
    declared.into_iter().chain([process::ALL, in_force::ALL]).flatten()
}

/// Whom an audit is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of the composition, with its networks and its engine.
    Composition,
    /// Containers that somebody asked for, by name or id; never none.
    Named(Vec<String>),
    /// One that something happened to. It may be gone again: its end is told elsewhere.
    Changed(String),
}

impl Scope {
    /// Of these, or, without names, of the composition.
    pub(crate) fn of(names: Vec<String>) -> Self {
        if names.is_empty() { Self::Composition } else { Self::Named(names) }
    }

    /// What is said of a container that is not there, which the policy wants or somebody asked for.
    fn missing(&self, name: &str) -> Verdict {
        match self {
            Self::Composition => Verdict::differs("a container", "none"),
            Self::Named(_) => {
                Verdict::untold(format!("there is no container {name}; docker ps -a lists those there are"))
            }
            Self::Changed(_) => Verdict::Beside,
        }
    }
}

/// Audits these containers; secrets are known by these rules.
pub(crate) async fn run(
    policy: &Policy,
    scope: &Scope,
    (rules, pick): (&Rules, &Pick),
    out: &mut Writer,
) -> anyhow::Result<()> {
    pick.check()?;
    let gathered = gather::all(policy, scope, rules).await?;
    out.asked(gathered.identity.clone());
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    for control in idle_waivers(policy) {
        eprintln!("sandboxctl: [[waiver]] control = \"{control}\" waives nothing: there is no such control");
    }
    let mut scribe = Scribe { policy, today, pick, out };
    containers(policy, &gathered, scope, &mut scribe)?;
    if *scope == Scope::Composition {
        networks(policy, &gathered, &mut scribe)?;
        for control in daemon::ALL {
            scribe.check(control, &Target::engine(), &(control.judge)(&gathered.engine))?;
        }
    }
    Ok(())
}

/// A waiver with a slip of the pen in it would be believed in.
fn idle_waivers(policy: &Policy) -> Vec<&str> {
    let known: Vec<&str> = catalogue::all().iter().map(|entry| entry.id).collect();
    policy.waivers.iter().map(|waiver| waiver.control.as_str()).filter(|control| !known.contains(control)).collect()
}

fn containers(policy: &Policy, gathered: &Gathered, scope: &Scope, scribe: &mut Scribe<'_>) -> anyhow::Result<()> {
    for Named { name, found } in &gathered.containers {
        let expect = Expect::of(policy, name, gathered.vault.as_ref());
        let Some(found) = found else {
            // Whichever controls were asked for: nothing can be told of them.
            scribe.tell(&service::PRESENT, &Target::container(name), &scope.missing(name))?;
            continue;
        };
        let subject = found.as_ref().map(|facts| Subject {
            facts: facts.clone(),
            expect,
            engine: gathered.engine.clone(),
            image: facts.image.as_ref().and_then(|image| gathered.images.get(image).cloned()),
        });
        let target = subject.as_ref().map_or_else(|_| Target::container(name), |subject| Target::of(&subject.facts));
        for control in container_controls() {
            let verdict = match &subject {
                Ok(subject) => (control.judge)(subject),
                Err(why) => Verdict::untold(why),
            };
            scribe.check(control, &target, &verdict)?;
        }
    }
    Ok(())
}

fn networks(policy: &Policy, gathered: &Gathered, scribe: &mut Scribe<'_>) -> anyhow::Result<()> {
    let families = engine::Families::here();
    for planned in policy.active_networks() {
        let subject = network::Subject::of(policy, planned, families, gathered.networks.get(&planned.docker_name()));
        let target = Target::network(&planned.docker_name());
        for control in network::ALL {
            scribe.check(control, &target, &(control.judge)(&subject))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
