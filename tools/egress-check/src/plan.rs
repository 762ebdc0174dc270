//! The plan: policy and surroundings in, probes out. No system call is made here.
//!
//! Each service has a vantage. What its vantage may reach decides its probes: an `open` network the
//! internet and nothing private, a client of the gate its listed names and nothing else.

mod bridges;
mod discovery;
mod draft;
mod engine;
mod forgery;
mod gate;
mod internet;
mod names;
mod private;
mod target;

use anyhow::{Result, bail, ensure};
use policy::{Class, Network, NetworkName, Policy, Service, Shape};

use crate::host::Surroundings;
use crate::probe::Probe;

pub(crate) use target::Target;

/// A service, and the network that it leaves by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'a> {
    /// The service of the composition.
    service: Service,
    /// Its container's name, as Docker has it.
    container: &'a str,
    /// Its network; none where it has none at all.
    network: Option<&'a Network>,
}

/// What a plan may name: one service by its container, or all that leave by a network, or all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// A container of the policy.
    pub(crate) container: Option<String>,
    /// A network of the policy.
    pub(crate) network: Option<String>,
}

/// The probes that the policy asks for, of the services in scope.
///
/// # Errors
/// If nothing in the policy has that container or network.
pub(crate) fn plan(policy: &Policy, around: &Surroundings, scope: &Scope, targets: &[Target]) -> Result<Vec<Probe>> {
    let posts = posts(policy, scope)?;
    Ok(posts.into_iter().flat_map(|post| probes(policy, around, post, targets)).collect())
}

/// The services with a way out that could be wrong. The cell stands for the vault, whose namespace it shares.
fn all_posts(policy: &Policy) -> Vec<Post<'_>> {
    let at = |service, network: Option<&str>| Post {
        service,
        container: policy.container(service),
        network: network.and_then(|name| policy.network(name)),
    };
    vec![
        at(Service::Cell, Some(NetworkName::CELL)),
        at(Service::Monitor, Some(NetworkName::MONITOR)),
        at(Service::Clamd, Some(NetworkName::WARDEN)),
        at(Service::Proxy, Some(NetworkName::EGRESS)),
        at(Service::Warden, None),
    ]
}

fn posts<'a>(policy: &'a Policy, scope: &Scope) -> Result<Vec<Post<'a>>> {
    let mut posts = all_posts(policy);
    if let Some(name) = &scope.network {
        posts.retain(|post| post.network.is_some_and(|network| network.name == *name.as_str()));
        ensure!(
            !posts.is_empty(),
            "no service leaves by a network {name:?}; those of the policy that one leaves by: cell, monitor, warden, egress"
        );
        if let (Some(container), [post, ..]) = (&scope.container, posts.as_slice()) {
            return Ok(vec![Post { container: find_name(policy, container).unwrap_or(post.container), ..*post }]);
        }
    } else if let Some(name) = &scope.container {
        let service = if *name == policy.container(Service::Vault) { policy.container(Service::Cell) } else { name };
        posts.retain(|post| post.container == service);
        if posts.is_empty() {
            bail!("the policy has no container {name:?}; say with --network which of its networks to probe as");
        }
    }
    Ok(posts)
}

fn find_name<'a>(policy: &'a Policy, name: &str) -> Option<&'a str> {
    Service::ALL.into_iter().map(|service| policy.container(service)).find(|container| *container == name)
}

fn probes(policy: &Policy, around: &Surroundings, post: Post<'_>, targets: &[Target]) -> Vec<Probe> {
    let mut draft = draft::Draft::new(post);
    match post.network {
        Some(network) if is_open(policy, network) => {
            internet::must_pass(&mut draft, policy, around, post.service);
            names::must_pass(&mut draft);
            if let Some(model) = model(policy, post) {
                gate::probes(&mut draft, policy, model);
            }
        }
        Some(network) => {
            gate::probes(&mut draft, policy, network);
            internet::must_not(&mut draft, policy);
            names::must_not(&mut draft, policy, network);
        }
        None => internet::must_not(&mut draft, policy),
    }
    target::probes(&mut draft, targets);
    private::probes(&mut draft, policy, around, post);
    private::holes(&mut draft, policy, post);
    forgery::probes(&mut draft, policy, around, post);
    engine::probes(&mut draft, around);
    draft.done()
}

/// Where an open cell finds the gate: it has the names whose key the gate holds.
fn model<'a>(policy: &'a Policy, post: Post<'_>) -> Option<&'a Network> {
    policy.gate_clients().find(|network| post.service == Service::Cell && network.name == NetworkName::MODEL)
}

fn is_open(policy: &Policy, network: &Network) -> bool {
    let proxied_cell = network.name == NetworkName::CELL && policy.cell.network == Shape::Proxied;
    network.class == Class::Open && !proxied_cell
}

#[cfg(test)]
mod tests;
