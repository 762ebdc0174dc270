//! The kill switch. Freezing pauses the cell first, because that takes effect at once, then takes the vault,
//! whose network namespace the cell lives in, off every network. What was done is then looked at: what is told
//! is how things are, not what was asked for.

use anyhow::{Context, bail};
use bollard::Docker;
use bollard::models::{EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};
use bollard::query_parameters::InspectContainerOptions;
use policy::{Network, Policy, Service};
use record::fields::Container;
use record::{Action, Category, Outcome, Provider, Record, Severity, Type, Writer};

use crate::engine;

/// How the cell stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    running: bool,
    paused: bool,
    /// The networks of the vault, sorted.
    networks: Vec<String>,
}

/// Pauses the cell and cuts its network.
///
/// # Errors
/// If there is no engine, or no vault or cell to freeze.
pub(crate) async fn freeze(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let docker = engine::connect().await?;
    let before = standing(&docker, policy).await?;
    let cell = policy.container(Service::Cell);
    if before.running && !before.paused {
        docker.pause_container(cell).await.with_context(|| format!("{cell} could not be paused"))?;
    }
    for network in &before.networks {
        let request =
            NetworkDisconnectRequest { container: policy.container(Service::Vault).to_owned(), force: Some(true) };
        docker
            .disconnect_network(network, request)
            .await
            .with_context(|| format!("the network {network} could not be cut"))?;
    }
    let after = standing(&docker, policy).await?;
    out.check(&frozen(cell, &after))
}

/// Gives the vault its networks back, then lets the cell run.
///
/// # Errors
/// As [`freeze`].
pub(crate) async fn thaw(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let docker = engine::connect().await?;
    let before = standing(&docker, policy).await?;
    let (vault, cell) = (policy.container(Service::Vault), policy.container(Service::Cell));
    for network in homes(policy).filter(|network| !before.networks.contains(&network.docker_name())) {
        let name = network.docker_name();
        docker
            .connect_network(&name, place(vault, network))
            .await
            .with_context(|| format!("the network {name} could not be given back"))?;
    }
    if before.paused {
        docker.unpause_container(cell).await.with_context(|| format!("{cell} could not be let go"))?;
    }
    let wanted: Vec<String> = homes(policy).map(Network::docker_name).collect();
    let after = standing(&docker, policy).await?;
    out.check(&thawed(cell, &after, &wanted))
}

fn homes(policy: &Policy) -> impl Iterator<Item = &Network> {
    policy.active_networks().filter(|network| network.address_of(Service::Vault).is_some())
}

/// The vault's own addresses: the moat and the certificate know it by them.
fn place(vault: &str, network: &Network) -> NetworkConnectRequest {
    let ipam_config = network.address_of(Service::Vault).map(|(v4, v6)| EndpointIpamConfig {
        ipv4_address: Some(v4.to_string()),
        ipv6_address: Some(v6.to_string()),
        ..EndpointIpamConfig::default()
    });
    NetworkConnectRequest {
        container: vault.to_owned(),
        endpoint_config: Some(EndpointSettings { ipam_config, ..EndpointSettings::default() }),
    }
}

async fn standing(docker: &Docker, policy: &Policy) -> anyhow::Result<Standing> {
    let ask = |service| async move {
        let name = policy.container(service);
        docker
            .inspect_container(name, None::<InspectContainerOptions>)
            .await
            .map_err(|error| engine::about_container(name, error))
    };
    let (vault, cell) = (ask(Service::Vault).await?, ask(Service::Cell).await?);
    let Some(networks) = vault.network_settings.and_then(|settings| settings.networks) else {
        bail!("the engine did not tell the networks of the vault");
    };
    let state = cell.state.unwrap_or_default();
    let mut networks: Vec<String> = networks.into_keys().filter(|name| name != "none").collect();
    networks.sort();
    Ok(Standing { running: state.running == Some(true), paused: state.paused == Some(true), networks })
}

fn frozen(cell: &str, now: &Standing) -> Record {
    let still = now.paused || !now.running;
    let state = if now.paused {
        "is paused"
    } else if now.running {
        "runs on"
    } else {
        "does not run"
    };
    let network = if now.networks.is_empty() {
        "its network is cut".to_owned()
    } else {
        format!("it is still on {}", now.networks.join(", "))
    };
    let record = Record::new(Provider::Sandboxctl, Action::CellFrozen, format!("{cell} {state}, and {network}."));
    finished(record, cell, still && now.networks.is_empty(), "sandboxctl freeze again, or docker kill CELL")
}

fn thawed(cell: &str, now: &Standing, wanted: &[String]) -> Record {
    let state = if now.paused {
        "is still paused"
    } else if now.running {
        "runs"
    } else {
        "does not run"
    };
    let networks = if now.networks.is_empty() { "no network".to_owned() } else { now.networks.join(", ") };
    let record = Record::new(Provider::Sandboxctl, Action::CellThawed, format!("{cell} {state}, on {networks}."));
    let whole = wanted.iter().all(|name| now.networks.contains(name)) && now.networks.len() == wanted.len();
    finished(record, cell, now.running && !now.paused && whole, "scripts/up")
}

fn finished(mut record: Record, cell: &str, well: bool, mend: &str) -> Record {
    record.container = Some(Container::named(cell));
    let record = record.about(Category::Process, Type::Change);
    if well {
        return record.outcome(Outcome::Success).severity(Severity::Medium);
    }
    let mut record = record.outcome(Outcome::Failure).severity(Severity::Critical);
    record.own().mend = Some(mend.to_owned());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(running: bool, paused: bool, networks: &[&str]) -> Standing {
        Standing { running, paused, networks: networks.iter().map(|&name| name.to_owned()).collect() }
    }

    #[test]
    fn only_a_cell_that_is_still_and_cut_off_is_frozen() {
        let outcome = |standing: Standing| frozen("cell", &standing).event.outcome;
        assert_eq!(outcome(now(true, true, &[])), Some(Outcome::Success));
        assert_eq!(outcome(now(false, false, &[])), Some(Outcome::Success), "a cell that is dead is still");
        assert_eq!(outcome(now(true, false, &[])), Some(Outcome::Failure));
        assert_eq!(outcome(now(true, true, &["cellblock-cell"])), Some(Outcome::Failure));
    }

    #[test]
    fn only_a_cell_that_runs_on_its_own_networks_is_thawed() {
        let wanted = ["cellblock-cell".to_owned()];
        let outcome = |standing: Standing| thawed("cell", &standing, &wanted).event.outcome;
        assert_eq!(outcome(now(true, false, &["cellblock-cell"])), Some(Outcome::Success));
        assert_eq!(outcome(now(true, false, &["bridge", "cellblock-cell"])), Some(Outcome::Failure));
        assert_eq!(outcome(now(true, true, &["cellblock-cell"])), Some(Outcome::Failure));
        assert_eq!(outcome(now(false, false, &["cellblock-cell"])), Some(Outcome::Failure));
    }
}
