//! Asks the engine, everything at once: the answers are slow, the questions are not.

mod images;
mod inside;
mod layers;
mod mounted_files;
mod namespaces;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use engine::models::{ContainerSummary, NetworkInspect};
use engine::{Identity, is_missing};
use futures_util::future::join_all;
use futures_util::join;
use policy::{Policy, Service};

use super::content::layers::Layers;
use super::content::{Searched, compose};
use super::facts::{DOCKER, Engine, Exec, Facts, Life, Mounted};
use super::grants::ROOT_LIKE;
use super::image::History;
use super::leak::Rules;
use super::strangers::{Composition, is_ours};
use super::tailscale::{Doors, Own};
use super::{How, Scope, audited, tailscale, volumes};
use inside::Shared;

/// A container that was asked for: there is none, or an answer, or why there is no answer.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) found: Option<Result<Facts, String>>,
}

impl Named {
    /// What the engine and the kernel told of it.
    pub(crate) fn facts(&self) -> Option<&Facts> {
        self.found.as_ref()?.as_ref().ok()
    }

    /// The facts, to complete them.
    fn facts_mut(&mut self) -> Option<&mut Facts> {
        self.found.as_mut()?.as_mut().ok()
    }
}

/// All that the engine answered, before any control looks at it.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) containers: Vec<Named>,
    pub(crate) networks: BTreeMap<String, Result<Option<NetworkInspect>, String>>,
    /// Name to id, of the images that the containers were made from.
    pub(crate) images: HashMap<String, String>,
    /// How those images came to be, by id.
    pub(crate) histories: HashMap<String, Result<History, String>>,
    /// What is in their layers, by id, where that was asked for.
    pub(crate) layers: HashMap<String, Result<Layers, String>>,
    pub(crate) engine: Engine,
    /// The engine that answered, so that two are never taken for one.
    pub(crate) identity: Identity,
    /// The vault, whose network namespace is the cell's.
    pub(crate) vault: Option<Life>,
    /// Every other container on the engine, where they were listed: only what they can touch is asked of them.
    pub(crate) others: Vec<Named>,
    /// What of ours they could touch; `None` where nobody is asked about it.
    pub(crate) composition: Option<Composition>,
}

/// Asks about the containers named, or about all of the composition.
///
/// # Errors
/// If there is no engine.
pub(crate) async fn all(policy: &Policy, scope: &Scope, how: &How<'_>) -> anyhow::Result<Gathered> {
    let rules = how.rules;
    let docker = engine::Engine::connect().await?;
    let listed = match scope {
        Scope::Composition => docker.containers(true).await.context("the engine did not list its containers")?,
        _ => Vec::new(),
    };
    let wanted = wanted(policy, scope, &listed);
    let known = |name: &String| wanted.contains(name);
    let others: Vec<String> = listed.iter().filter_map(audited::name).filter(|name| !known(name)).collect();
    let shared = Shared::default();
    let (mut containers, mut others, vault, networks, info, product) = join!(
        join_all(wanted.iter().map(|name| container(&docker, name, rules, &shared))),
        join_all(others.iter().map(|name| stranger(&docker, name, rules, &shared))),
        container(&docker, policy.container(Service::Vault), rules, &shared),
        join_all(policy.active_networks().map(|network| self::network(&docker, network.docker_name()))),
        docker.info(),
        docker.product(),
    );
    let told = info.unwrap_or_default();
    let default_network = default_network(&docker, product.as_deref()).await;
    let tailnet = match scope {
        Scope::Composition => Some(match Own::here() {
            Ok(own) => tailscale::ask(&Doors::of(policy, &listed, own)).await,
            Err(why) => Err(why),
        }),
        _ => None,
    };
    let mut composition = match scope {
        Scope::Composition => Some(composition(&docker, policy, &containers, told.docker_root_dir.as_deref()).await),
        _ => None,
    };
    if let Some(composition) = &mut composition {
        namespaces::look(&docker, &shared.processes, (&mut containers, &mut others), composition).await;
    }
    Ok(Gathered {
        images: images::ids(&docker, &containers).await,
        histories: images::histories(&docker, &containers, rules).await,
        layers: if how.layers { layers::all(&docker, &containers, rules).await } else { HashMap::new() },
        containers: once(containers),
        networks: networks.into_iter().collect(),
        identity: Identity { id: told.id.clone(), version: told.server_version.clone() },
        engine: Engine { tailnet, product, default_network, root_groups: root_groups(&docker), ..Engine::of(told) },
        vault: vault.found.and_then(Result::ok).map(|facts| facts.life()),
        others: once(others),
        composition,
    })
}

/// Podman's default network has the name that its settings give it. By Docker's name, `bridge`, it answers too, from 4
/// on.
async fn default_network(docker: &engine::Engine, product: Option<&str>) -> Option<String> {
    match product {
        None | Some(DOCKER) => None,
        Some(_) => docker.network("bridge").await.ok()?.id,
    }
}

/// Whom an audit of this scope is of, by name; of the composition as far as they are listed.
fn wanted(policy: &Policy, scope: &Scope, listed: &[ContainerSummary]) -> BTreeSet<String> {
    match scope {
        Scope::Composition => {
            let ours = Service::ALL.map(|service| policy.container(service).to_owned());
            let guarded = policy.networks.values().map(policy::Network::docker_name).collect();
            audited::names(listed, &guarded).into_iter().chain(ours).collect()
        }
        Scope::Named(names) => names.iter().cloned().collect(),
        Scope::Changed(name) => [name.clone()].into(),
    }
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

/// What of the composition is within somebody's reach.
async fn composition(
    docker: &engine::Engine,
    policy: &Policy,
    containers: &[Named],
    engine_root: Option<&str>,
) -> Composition {
    let (networks, unlisted) = match docker.networks().await {
        Ok(networks) => (networks, None),
        Err(error) => (Vec::new(), Some(format!("the engine did not list its networks: {error}"))),
    };
    let ours = || containers.iter().filter(|named| is_ours(policy, &named.name));
    let untold = ours().find_map(|named| named.found.as_ref()?.as_ref().err().cloned());
    let ours: Vec<&Facts> = ours().filter_map(Named::facts).collect();
    Composition::of(policy, &ours, &networks, engine_root.map(Path::new)).but_for(unlisted.or(untold))
}

async fn container(docker: &engine::Engine, name: &str, rules: &Rules, shared: &Shared) -> Named {
    let mut named = inspected(docker, name, rules).await;
    if let Some(Ok(facts)) = &mut named.found {
        inside::look(facts, docker, shared);
        facts.execs = execs(docker, &facts.exec_ids).await;
        facts.given = mounted_files::search(facts, rules);
        facts.composed = composed(docker, facts, rules).await;
    }
    named
}

/// What the Compose files have of secrets that it says it was made by. Its image has no say in that.
async fn composed(docker: &engine::Engine, facts: &Facts, rules: &Rules) -> Option<Searched> {
    if !facts.compose.name_files() {
        return None;
    }
    let image = docker.image(facts.image_id.as_deref().unwrap_or_default()).await;
    let image = image.map_err(|error| format!("the engine did not tell of its image: {error}"));
    let labels = image.map(|image| compose::Labels::of(image.config.and_then(|config| config.labels).as_ref()));
    match labels.and_then(|labels| facts.compose.files(&labels)) {
        Ok(files) => compose::search(&files, rules),
        Err(why) => Some(Searched::unread(why)),
    }
}

/// One that only matters for what it can touch: what its processes may do otherwise is its own affair.
/// One that ended while it was looked at is asked about again: strangers come and go, and what has no process any more
/// is what the engine says it is.
async fn stranger(docker: &engine::Engine, name: &str, rules: &Rules, shared: &Shared) -> Named {
    let look = async || {
        let mut named = inspected(docker, name, rules).await;
        if let Some(Ok(facts)) = &mut named.found {
            inside::look_at_mounts(facts, docker, shared);
        }
        named
    };
    let mut named = look().await;
    for _ in 1..LOOKS {
        if named.facts().is_none_or(|facts| facts.mounts.is_some()) {
            break;
        }
        // The kernel knows of an end before the engine does.
        tokio::time::sleep(PAUSE).await;
        named = look().await;
    }
    named
}

/// How often one is asked about whose mounts are not known, and the pause between.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

async fn inspected(docker: &engine::Engine, name: &str, rules: &Rules) -> Named {
    let found = match docker.container(name).await {
        Ok(told) => Some(Facts::of(told, rules).map_err(str::to_owned)),
        Err(error) if is_missing(&error) => None,
        Err(error) => Some(Err(format!("the engine did not answer about this container: {error}"))),
    };
    match found {
        // It may have been asked for by its id: the policy knows it by its name.
        Some(Ok(mut facts)) => {
            facts.mounts = behind_volumes(docker, facts.mounts.take()).await;
            facts.disks = inside::disks(&facts.host);
            Named { name: facts.name.clone(), found: Some(Ok(facts)) }
        }
        other => Named { name: name.to_owned(), found: other },
    }
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
    let socket = std::fs::metadata(&docker.endpoint().socket).ok().map(|socket| socket.gid());
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
