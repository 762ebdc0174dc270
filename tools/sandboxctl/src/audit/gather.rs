//! Asks the engine, everything at once: the answers are slow, the questions are not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::Context;
use engine::models::NetworkInspect;
use engine::{Identity, is_missing};
use futures_util::future::join_all;
use futures_util::join;
use policy::{Policy, Service};

use super::facts::{Engine, Exec, Facts, Life, Mounted};
use super::grants::ROOT_LIKE;
use super::kernel::{Kernel, backing_file, leads_to};
use super::leak::Rules;
use super::{Scope, concerned, in_force, process, share, volumes};

/// A container that was asked for: there is none, or an answer, or why there is no answer.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) found: Option<Result<Facts, String>>,
}

/// All the answers.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) containers: Vec<Named>,
    pub(crate) networks: BTreeMap<String, Result<Option<NetworkInspect>, String>>,
    /// Name to id, of the images that the containers were made from.
    pub(crate) images: HashMap<String, String>,
    pub(crate) engine: Engine,
    /// Which engine answered.
    pub(crate) identity: Identity,
    /// The vault, whose network namespace is the cell's.
    pub(crate) vault: Option<Life>,
}

/// Asks about the containers named, or about all of the composition; secrets are known by these rules.
///
/// # Errors
/// If there is no engine.
pub(crate) async fn all(policy: &Policy, scope: &Scope, rules: &Rules) -> anyhow::Result<Gathered> {
    let docker = engine::Engine::connect().await?;
    let wanted: BTreeSet<String> = match scope {
        Scope::Composition => {
            let ours = Service::ALL.map(|service| policy.container(service).to_owned());
            concerned(&docker, policy).await?.into_iter().chain(ours).collect()
        }
        Scope::Named(names) => names.iter().cloned().collect(),
        Scope::Changed(name) => [name.clone()].into(),
    };
    let (containers, vault, networks, info) = join!(
        join_all(wanted.iter().map(|name| container(&docker, name, rules))),
        container(&docker, policy.container(Service::Vault), rules),
        join_all(policy.active_networks().map(|network| self::network(&docker, network.docker_name()))),
        docker.info(),
    );
    let told = info.unwrap_or_default();
    Ok(Gathered {
        images: images(&docker, &containers).await,
        containers: once(containers),
        networks: networks.into_iter().collect(),
        identity: Identity { id: told.id.clone(), version: told.server_version.clone() },
        engine: Engine::of(told),
        vault: vault.found.and_then(Result::ok).map(|facts| facts.life()),
    })
}

/// Who was asked for by name and by id is one container.
fn once(mut containers: Vec<Named>) -> Vec<Named> {
    let mut seen = BTreeSet::new();
    containers.retain(|named| match &named.found {
        Some(Ok(facts)) => seen.insert(facts.id.clone()),
        _ => true,
    });
    containers
}

async fn concerned(docker: &engine::Engine, policy: &Policy) -> anyhow::Result<BTreeSet<String>> {
    let all = docker.containers(true).await.context("the engine did not list its containers")?;
    let guarded = policy.networks.values().map(policy::Network::docker_name).collect();
    Ok(concerned::names(&all, &guarded))
}

async fn container(docker: &engine::Engine, name: &str, rules: &Rules) -> Named {
    let found = match docker.container(name).await {
        Ok(told) => Some(Facts::of(told, rules).map_err(str::to_owned)),
        Err(error) if is_missing(&error) => None,
        Err(error) => Some(Err(format!("the engine did not answer about this container: {error}"))),
    };
    match found {
        // It may have been asked for by its id: the policy knows it by its name.
        Some(Ok(mut facts)) => {
            facts.mounts = behind_volumes(docker, facts.mounts.take()).await;
            in_effect(&mut facts, docker);
            facts.root_groups = root_groups(docker);
            facts.execs = execs(docker, &facts.exec_ids).await;
            Named { name: facts.name.clone(), found: Some(Ok(facts)) }
        }
        other => Named { name: name.to_owned(), found: other },
    }
}

/// Engines' sockets that are looked for, beside the one that answers us.
const SOCKETS: [&str; 5] = [
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock",
];

/// What a running container really has mounted. Where the kernel can't be asked nothing is known of it; a container that
/// does not run has only what it would be given.
fn in_effect(facts: &mut Facts, docker: &engine::Engine) {
    if facts.running == Some(true) {
        let (looked, processes, limits) =
            (asked(facts, Kernel::look), asked(facts, process::look), asked(facts, in_force::look));
        (facts.processes, facts.in_force) = (Some(processes), Some(limits));
        facts.mounts = match (&looked, facts.mounts.take()) {
            (Ok(kernel), Some(declared)) => Some(kernel.settle(&declared)),
            _ => None,
        };
        let share = looked.as_ref().ok().and_then(share::mount);
        facts.share_image = share.and_then(|mount| backing_file(&mount.device));
        facts.kernel = Some(looked);
    }
    let known: Vec<PathBuf> = SOCKETS.iter().map(PathBuf::from).chain([docker.place().socket.clone()]).collect();
    let sources = facts.mounts.iter().flatten().filter(|mount| mount.kind == "bind").map(|mount| &mount.source);
    facts.sockets = sources.filter(|source| leads_to(source, &known)).cloned().collect();
}

/// Asks the kernel about a container's first process.
fn asked<T>(facts: &Facts, look: impl Fn(&str, i64) -> anyhow::Result<T>) -> Result<T, String> {
    let pid = facts.pid.ok_or("the engine told no process")?;
    look(&facts.id, pid).map_err(|error| format!("{error:#}"))
}

/// What runs in it beside its own program: health checks, and what people started. One that ended meanwhile is
/// gone for good.
async fn execs(docker: &engine::Engine, ids: &[String]) -> Vec<Exec> {
    let answers = join_all(ids.iter().map(|id| docker.exec(id))).await;
    let told = answers.into_iter().filter(|answer| !answer.as_ref().is_err_and(is_missing));
    told.map(|answer| {
        let process = answer.ok().and_then(|exec| exec.process_config).unwrap_or_default();
        // The engine leaves out an empty user: the container's own.
        let user = process.privileged.map(|_| process.user.unwrap_or_default());
        Exec { program: process.entrypoint.unwrap_or_default(), privileged: process.privileged, user }
    })
    .collect()
}

/// A volume that the engine does not tell about leaves all mounts untold: it may be anything.
async fn behind_volumes(docker: &engine::Engine, mounts: Option<Vec<Mounted>>) -> Option<Vec<Mounted>> {
    let mut mounts = mounts?;
    for mount in mounts.iter_mut().filter(|mount| mount.kind == "volume") {
        let volume = docker.volume(mount.volume.as_deref()?).await.ok()?;
        volumes::unmask(mount, &volume);
    }
    Some(mounts)
}

/// The groups that lead to root on this host: those of these names (group(5)), and that of the engine's socket.
fn root_groups(docker: &engine::Engine) -> BTreeSet<u32> {
    let named = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let number = |line: &str| {
        let mut parts = line.split(':');
        let named = parts.next().is_some_and(|name| ROOT_LIKE.contains(&name));
        parts.nth(1).filter(|_| named)?.parse().ok()
    };
    let socket = std::fs::metadata(&docker.place().socket).ok().map(|socket| socket.gid());
    named.lines().filter_map(number).chain(socket).collect()
}

async fn network(docker: &engine::Engine, name: String) -> (String, Result<Option<NetworkInspect>, String>) {
    let found = match docker.network(&name).await {
        Ok(network) => Ok(Some(network)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(format!("the engine did not answer about this network: {error}")),
    };
    (name, found)
}

async fn images(docker: &engine::Engine, containers: &[Named]) -> HashMap<String, String> {
    let facts = containers.iter().filter_map(|named| named.found.as_ref()?.as_ref().ok());
    let names: BTreeSet<String> = facts.filter_map(|facts| facts.image.clone()).collect();
    let answers = join_all(names.iter().map(|name| docker.image(name))).await;
    names.into_iter().zip(answers).filter_map(|(name, answer)| Some((name, answer.ok()?.id?))).collect()
}
