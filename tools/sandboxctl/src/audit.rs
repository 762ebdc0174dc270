//! The audit: containers, networks and engine, held against the policy and the CIS Docker Benchmark.
//!
//! [`gather`] asks the engine, everything at once; what it answers becomes a subject ([`evaluate()`]). Every control is
//! a pure function from a subject to a verdict, and [`records`] makes the verdict a record. What the engine did not
//! answer is unknown in every control that rests on it.

mod audited;
mod baseline;
mod bounds;
mod catalogue;
mod confinement;
mod content;
mod control;
mod daemon;
mod evaluate;
mod expect;
mod exposure;
mod facts;
pub(crate) mod fills;
mod follow;
mod gather;
mod grants;
mod image;
pub(crate) mod in_force;
mod inspects;
mod isolation;
mod kernel;
mod leak;
mod listening;
mod mend;
mod mountinfo;
mod network;
mod page;
mod process;
mod records;
mod seccomp;
mod service;
mod share;
pub(crate) mod short;
mod show;
mod strangers;
mod tailscale;
mod volumes;
mod waivers;

pub(crate) use catalogue::{Pick, list};
use control::{Control, Verdict};
use evaluate::{Found, evaluate};
use facts::Subject;
pub(crate) use follow::{follow, why_ended};
pub(crate) use leak::Rules;
pub(crate) use listening::connected;
pub(crate) use share::differs_from_share;
pub(crate) use show::{Show, report};

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
        inspects::ALL,
        service::ALL,
        strangers::ALL,
        listening::ALL,
        image::ALL,
        content::ALL,
    ];
    declared.into_iter().chain([process::ALL, in_force::ALL]).flatten()
}

/// What a control says of a container. Of one of which the engine told nothing, nothing passes.
fn verdict(control: &Control<Subject>, subject: &Subject) -> Verdict {
    match (control.judge)(subject) {
        Verdict::Pass { .. } if !subject.facts.are_complete() => Verdict::untold(facts::SILENT),
        other => other,
    }
}

/// How an audit is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'a> {
    /// The rules that tell what a secret is.
    pub(crate) rules: &'a Rules,
    /// The controls that are asked for.
    pub(crate) pick: &'a Pick,
    /// Are the layers of images read? That takes seconds for each.
    pub(crate) layers: bool,
}

impl<'a> How<'a> {
    /// Layers are read for who names a control of theirs too.
    pub(crate) fn new(rules: &'a Rules, pick: &'a Pick, layers: bool) -> Self {
        Self { rules, pick, layers: layers || content::OF_LAYERS.iter().any(|id| pick.names(id)) }
    }
}

/// Whom an audit is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// All of the composition, with its networks and its engine.
    Composition,
    /// Containers that somebody asked for, by name or id; never none.
    Named(Vec<String>),
    /// One that something happened to. It may be gone again: its end is told elsewhere.
    Changed(String),
}

impl Scope {
    /// An audit of these containers, or, without names, of the composition.
    pub(crate) fn of(names: Vec<String>) -> Self {
        if names.is_empty() { Self::Composition } else { Self::Named(names) }
    }

    /// The verdict on a container that is not there, which the policy wants or somebody asked for.
    fn missing(&self, name: &str) -> Verdict {
        match self {
            Self::Composition => Verdict::differs("a container", "none"),
            Self::Named(_) => {
                Verdict::untold(format!("there is no container {name}; docker ps -a lists those there are"))
            }
            Self::Changed(_) => Verdict::NotApplicable,
        }
    }
}

#[cfg(test)]
mod tests;
