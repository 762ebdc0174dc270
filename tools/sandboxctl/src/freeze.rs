//! The kill switch. Freezing does all it can in whatever state things are: it takes the cell's bridges down, which
//! takes no engine. Then it pauses the cell. Then it takes the cell off every network, and the vault with it: the cell
//! lives in the vault's network namespace. What one step could not do stops no other. Then it looks: what is told is
//! how things are, not what was asked for.

mod evidence;
mod link;
mod standing;
mod trigger;

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use engine::models::{EndpointIpamConfig, EndpointSettings, NetworkConnectRequest};
use engine::{Engine, Families, wait_for};
use policy::{Network, Policy, Service};
use tool::Writer;

use standing::{Asked, Standing, frozen, networks_of, thawed};
pub(crate) use trigger::Trigger;

/// Closes the moat for the cell, pauses it and cuts its network.
///
/// # Errors
/// If the record cannot be written. What could not be done is in the record.
pub(crate) fn freeze(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let mut troubles: Vec<String> = Vec::new();
    let mut note = |done: anyhow::Result<()>| troubles.extend(done.err().map(|error| format!("{error:#}")));
    cell_networks(policy).for_each(|network| note(link::set(network.bridge.as_str(), false)));
    let engine = wait_for(Engine::connect());
    if let Ok(engine) = &engine {
        let done = wait_for(async { Ok(hold(engine, policy).await) });
        done.unwrap_or_default().into_iter().for_each(&mut note);
    }
    let cell = policy.container(Service::Cell);
    let asked = engine.as_ref().ok().cloned();
    let after = standing(engine, policy);
    out.check(&frozen(cell, &after, &troubles))?;
    out.flush()?;
    // Only now: nobody waits for it, and what is paused does not run away.
    let records = asked.map_or_else(Vec::new, |engine| evidence::gather(&engine, cell));
    records.iter().try_for_each(|record| out.write(record))
}

/// Every step is tried, whatever became of the one before.
async fn hold(engine: &Engine, policy: &Policy) -> Vec<anyhow::Result<()>> {
    let cell = policy.container(Service::Cell);
    let mut done = Vec::new();
    if may_run(engine.container(cell).await) {
        done.push(engine.pause(cell).await.with_context(|| format!("{cell} could not be paused")));
    }
    for name in [policy.container(Service::Vault), cell] {
        for network in to_cut(engine.container(name).await, policy) {
            let left = engine.leave_network(&network, name).await;
            done.push(left.with_context(|| format!("the network {network} of {name} could not be cut")));
        }
    }
    done
}

/// Does it run, or is that not known? What cannot be asked can still be paused.
fn may_run(asked: Asked) -> bool {
    match asked {
        Ok(found) => found.state.is_none_or(|state| state.running == Some(true) && state.paused != Some(true)),
        Err(error) => !engine::is_missing(&error),
    }
}

/// The networks that it is on; where that cannot be asked, all that it could be on.
fn to_cut(asked: Asked, policy: &Policy) -> BTreeSet<String> {
    let missing = asked.as_ref().is_err_and(engine::is_missing);
    let all = || cell_networks(policy).map(Network::docker_name).collect();
    match asked.map(networks_of) {
        _ if missing => BTreeSet::new(),
        Ok(Ok(networks)) => networks,
        Ok(Err(_)) | Err(_) => all(),
    }
}

/// Gives the vault its networks back, then lets the cell run.
///
/// # Errors
/// If there is no engine, no vault or no cell to let go, or one of the steps fails.
pub(crate) fn thaw(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let engine = wait_for(Engine::connect())?;
    wait_for(let_go(&engine, policy))?;
    let wanted: Vec<String> = cell_networks(policy).map(Network::docker_name).collect();
    let after = standing(Ok(engine), policy);
    out.check(&thawed(policy.container(Service::Cell), &after, &wanted))
}

async fn let_go(engine: &Engine, policy: &Policy) -> anyhow::Result<()> {
    let (vault, cell) = (policy.container(Service::Vault), policy.container(Service::Cell));
    let found = engine.container(vault).await.map_err(|error| engine::about_container(vault, error))?;
    let Ok(before) = networks_of(found) else { bail!("the engine did not tell the networks of {vault}") };
    for network in cell_networks(policy) {
        let name = network.docker_name();
        if !before.contains(&name) {
            let given = engine.join_network(&name, place(vault, network, Families::here())).await;
            given.with_context(|| format!("the network {name} could not be given back"))?;
        }
        link::set(network.bridge.as_str(), true)?;
    }
    let found = engine.container(cell).await.map_err(|error| engine::about_container(cell, error))?;
    if found.state.and_then(|state| state.paused) == Some(true) {
        engine.unpause(cell).await.with_context(|| format!("{cell} could not be let go"))?;
    }
    Ok(())
}

/// The networks that the cell reaches anything by: the vault's.
fn cell_networks(policy: &Policy) -> impl Iterator<Item = &Network> {
    policy.active_networks().filter(|network| network.address_of(Service::Vault).is_some())
}

/// The vault's own addresses: the moat and the certificate know it by them.
fn place(vault: &str, network: &Network, families: Families) -> NetworkConnectRequest {
    let ipam_config = network.address_of(Service::Vault).map(|(v4, v6)| EndpointIpamConfig {
        ipv4_address: Some(v4.to_string()),
        ipv6_address: families.has_v6().then(|| v6.to_string()),
        ..EndpointIpamConfig::default()
    });
    NetworkConnectRequest {
        container: vault.to_owned(),
        endpoint_config: Some(EndpointSettings { ipam_config, ..EndpointSettings::default() }),
    }
}

/// How things are, asked anew.
fn standing(engine: anyhow::Result<Engine>, policy: &Policy) -> Standing {
    let ours: BTreeSet<String> = cell_networks(policy).map(Network::docker_name).collect();
    let bridges: Vec<&str> = cell_networks(policy).map(|network| network.bridge.as_str()).collect();
    let open = link::up(&bridges).map_err(|error| format!("{error:#}"));
    let names = (policy.container(Service::Cell), policy.container(Service::Vault));
    let told = engine
        .and_then(|engine| wait_for(async { Ok((engine.container(names.0).await, engine.container(names.1).await)) }));
    match told {
        Ok((cell, vault)) => Standing::from_engine(cell, vault, ours, open),
        Err(error) => Standing::unknown(&format!("{error:#}"), ours, open),
    }
}
