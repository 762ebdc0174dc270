//! Asks the kernel, the engine and `/proc` for the facts. Only this file and `firewalls`, `forward`, `moats`, `nat`,
//! `routes`, `rules` touch the machine. They decide nothing, and what cannot be had is written down as such.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use engine::models::{ContainerSummary, Network as DockersNetwork};
use policy::Policy;

use super::facts::{Daemon, DockerContainer, DockerNetwork, Engine, Fact, Facts};
use super::rules::Memory;
use super::{kernel, reachability, routes};
use crate::host::docker;
use crate::host::interfaces::Machine;

/// Whether asking may start an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A person, who may start one by asking where systemd has its socket.
    Person,
    /// A watch, which must not.
    Watch,
}

/// Gathers all facts. `table` says whether the moat's table is there, `standing` which of its rules are as
/// planned: whoever asks has looked already. Who asks again and again brings his memory.
pub(crate) fn gather(
    policy: &Policy,
    table: bool,
    standing: BTreeSet<String>,
    asker: Asker,
    memory: &mut Memory,
) -> Facts {
    let bridges: Vec<&str> = policy.active_networks().map(|network| network.bridge.as_str()).collect();
    let names: BTreeSet<String> = bridges.iter().flat_map(|bridge| kernel::settings(bridge)).collect();
    let machine = Machine::read().map_err(|error| format!("{error:#}"));
    let rules = memory.rules();
    Facts {
        table: Ok(table),
        moats: rules.moats,
        standing,
        over: machine.clone().map(|machine| over(&machine, policy, &bridges)),
        homeward: homeward(&machine, policy),
        uplink: interface(&machine, reachability::SOMEBODY),
        links: machine.map(|machine| machine.links),
        settings: names.into_iter().map(|name| (name.clone(), setting(&name))).collect(),
        forward: rules.forward,
        outbound: rules.outbound,
        firewalls: rules.firewalls,
        engine: docker::wait_for(asked(&bridges, asker)).map_err(|error| format!("{error:#}")),
    }
}

/// Interfaces in the range of a network of ours. Bridges are Docker's, or whoever made them is told by
/// `network-elsewhere`.
fn over(machine: &Machine, policy: &Policy, guarded: &[&str]) -> BTreeMap<String, String> {
    let is_bridge =
        |name: &&str| machine.links.iter().any(|link| link.name == **name && link.kind.as_deref() == Some("bridge"));
    let names: Vec<&str> = machine.links.iter().map(|link| link.name.as_str()).filter(is_bridge).collect();
    let aside: Vec<&str> = guarded.iter().copied().chain(names).collect();
    let seen = policy.active_networks().filter_map(|network| {
        let (interface, theirs, ours) = machine.over(&aside, &network.subnets())?;
        Some((network.name.to_string(), format!("{interface} is on {theirs}, which lies over {ours}")))
    });
    seen.collect()
}

/// The interface to which the kernel sends what is for an address.
fn interface(machine: &Fact<Machine>, to: Ipv4Addr) -> Fact<String> {
    let links = &machine.as_ref().map_err(Clone::clone)?.links;
    routes::towards(to, links).map_err(|error| format!("{error:#}"))
}

/// The one for answers to each network: for the last address that a member may have.
fn homeward(machine: &Fact<Machine>, policy: &Policy) -> BTreeMap<String, Fact<String>> {
    let last = |network: &policy::Network| Ipv4Addr::from(u32::from(network.v4.broadcast()).saturating_sub(1));
    policy.active_networks().map(|network| (network.name.to_string(), interface(machine, last(network)))).collect()
}

/// A setting below `/proc/sys/net`, of this process's network namespace.
fn setting(name: &str) -> Fact<Option<i64>> {
    let swapped = name.chars().map(|letter| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    });
    let path = Path::new("/proc/sys/net").join(swapped.collect::<String>());
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| format!("{} is no number", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

async fn asked(bridges: &[&str], asker: Asker) -> Result<Engine> {
    let docker = match asker {
        Asker::Person => engine::Engine::connect().await?,
        Asker::Watch => engine::Engine::connect_to_running().await?,
    };
    let networks = docker.networks().await.context("Docker lists no networks")?;
    let networks: Vec<DockerNetwork> = networks.into_iter().filter_map(network).collect();
    let running = docker.containers(false).await.context("Docker lists no containers")?;
    let mut containers: Vec<DockerContainer> = running.into_iter().filter_map(container).collect();
    let guarded: Vec<&String> = networks
        .iter()
        .filter(|network| network.bridge.as_deref().is_some_and(|bridge| bridges.contains(&bridge)))
        .map(|network| &network.id)
        .collect();
    let behind = |container: &DockerContainer| container.networks.iter().any(|id| guarded.contains(&id));
    let owners: Vec<String> =
        containers.iter().filter(|one| behind(one)).map(|container| container.id.clone()).collect();
    for container in &mut containers {
        let owner = container.guest_of.as_ref().unwrap_or(&container.id);
        if owners.contains(owner) {
            container.bounding = bounding(&docker, &container.id).await.map_err(|error| format!("{error:#}"));
        }
    }
    let identity = docker.identity().await;
    let rootless = docker.is_rootless().await.map_err(|error| format!("{error:#}"));
    Ok(Engine { identity, rootless, networks, containers, daemon: daemon().map_err(|error| format!("{error:#}")) })
}

fn network(found: DockersNetwork) -> Option<DockerNetwork> {
    let (id, name, driver) = (found.id?, found.name?, found.driver.unwrap_or_default());
    let options = found.options.unwrap_or_default();
    let option = |word: &str| options.get(&format!("com.docker.network.bridge.{word}")).cloned();
    // What Docker calls a bridge that it was given no name for.
    let made_up = || format!("br-{}", id.chars().take(12).collect::<String>());
    let bridge = (driver == "bridge").then(|| option("name").unwrap_or_else(made_up));
    let ranges = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let subnets = ranges.into_iter().filter_map(|range| range.subnet?.parse().ok()).collect();
    let icc = option("enable_icc").is_none_or(|value| value != "false");
    let modes = ["gateway_mode_ipv4", "gateway_mode_ipv6"].into_iter().filter_map(option).collect();
    Some(DockerNetwork { id, name, driver, bridge, subnets, icc, modes })
}

fn container(found: ContainerSummary) -> Option<DockerContainer> {
    let name = found.names.unwrap_or_default().into_iter().next().unwrap_or_default();
    let mode = found.host_config.and_then(|config| config.network_mode).unwrap_or_default();
    let endpoints = found.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    Some(DockerContainer {
        id: found.id?,
        name: name.trim_start_matches('/').to_owned(),
        guest_of: mode.strip_prefix("container:").map(str::to_owned),
        networks: endpoints.into_values().filter_map(|endpoint| endpoint.network_id).collect(),
        bounding: Err("it is not behind the moat, so nobody asked".to_owned()),
    })
}

/// The bounding set of a container's first process, as the kernel tells it.
async fn bounding(docker: &engine::Engine, id: &str) -> Result<u64> {
    let found = docker.container(id).await?;
    let pid = found.state.and_then(|state| state.pid).filter(|pid| *pid > 0).context("it has no process")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("its process could not be looked at")?;
    let bits = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).context("the kernel tells no CapBnd")?;
    Ok(u64::from_str_radix(bits.trim(), 16)?)
}

/// How the daemon of this network namespace was started.
fn daemon() -> Result<Daemon> {
    let here = fs::read_link("/proc/self/ns/net")?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let process = entry?.path();
        let named = fs::read(process.join("comm")).is_ok_and(|name| name == b"dockerd\n");
        if named && fs::read_link(process.join("ns/net")).context("run this as root")? == here {
            found.push((parent(&process), process));
        }
    }
    match without_children(&found).as_slice() {
        [one] => started(one),
        [] => anyhow::bail!("no dockerd runs in this network namespace, so how it was started is not known"),
        _ => anyhow::bail!("several dockerd run in this network namespace; which one answers is not known"),
    }
}

/// The folder of a process's parent.
fn parent(process: &Path) -> Option<PathBuf> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let pid = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Some(Path::new("/proc").join(pid.trim()))
}

/// A daemon that starts a program is two of its name, until the new one is the program.
fn without_children(found: &[(Option<PathBuf>, PathBuf)]) -> Vec<&Path> {
    let is_one = |folder: &PathBuf| found.iter().any(|(_, process)| process == folder);
    found
        .iter()
        .filter(|(parent, _)| !parent.as_ref().is_some_and(is_one))
        .map(|(_, process)| process.as_path())
        .collect()
}

fn started(process: &Path) -> Result<Daemon> {
    let words = |file: &str| -> Result<Vec<String>> {
        let bytes = fs::read(process.join(file)).with_context(|| format!("dockerd's {file} could not be read"))?;
        Ok(bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    };
    let arguments = words("cmdline")?;
    let variables = words("environ")?
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .filter(|(_, value)| !["", "0", "false"].contains(value))
        .map(|(name, _)| name.to_owned())
        .collect();
    let configured = configured(process, &arguments)?;
    Ok(Daemon { arguments, variables, configured })
}

/// What the daemon's configuration file sets; it need not exist unless it was named.
fn configured(process: &Path, arguments: &[String]) -> Result<Vec<String>> {
    let flag = "--config-file";
    let next = |place: usize| arguments.get(place + 1).cloned();
    let named = (0..).zip(arguments).find_map(|(place, argument)| match argument.strip_prefix(flag)? {
        "" => next(place),
        rest => rest.strip_prefix('=').map(str::to_owned),
    });
    let file = named.clone().unwrap_or_else(|| "/etc/docker/daemon.json".to_owned());
    // As the daemon sees it: it may have a root of its own.
    let path: PathBuf = process.join("root").join(file.trim_start_matches('/'));
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => return Ok(Vec::new()),
        read => read.with_context(|| format!("dockerd's configuration {file} could not be read"))?,
    };
    let values: HashMap<String, serde_json::Value> =
        serde_json::from_str(&text).with_context(|| format!("dockerd's configuration {file} is no JSON"))?;
    let set = |value: &serde_json::Value| {
        ![serde_json::json!(false), serde_json::json!(""), serde_json::Value::Null].contains(value)
    };
    Ok(values.into_iter().filter(|(_, value)| set(value)).map(|(key, _)| key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_is_starting_a_program_counts_once_and_two_daemons_are_two() {
        let process = |parent: u32, pid: u32| {
            let folder = |number: u32| Path::new("/proc").join(number.to_string());
            (Some(folder(parent)), folder(pid))
        };
        assert_eq!(without_children(&[process(1, 70), process(70, 71), process(70, 72)]), [Path::new("/proc/70")]);
        assert_eq!(without_children(&[process(1, 70), process(1, 80)]).len(), 2);
        assert_eq!(without_children(&[(None, Path::new("/proc/70").to_owned())]).len(), 1);
    }
}
