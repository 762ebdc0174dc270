//! Asks the engine, everything at once: the answers are slow, the questions are not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, bail};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::NetworkInspect;
use bollard::query_parameters::{InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder};
use futures_util::future::join_all;
use futures_util::join;
use policy::{Policy, Service};

use super::facts::{Engine, Exec, Facts, Life, Mounted};
use super::{concerned, volumes};
use crate::engine;

/// A container that was asked for: there is none, or an answer, or why there is no answer.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) found: Option<Result<Facts, &'static str>>,
}

/// All the answers.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) containers: Vec<Named>,
    pub(crate) networks: BTreeMap<String, Result<Option<NetworkInspect>, String>>,
    /// Name to id, of the images that the containers were made from.
    pub(crate) images: HashMap<String, String>,
    pub(crate) engine: Engine,
    /// The vault, whose network namespace is the cell's.
    pub(crate) vault: Option<Life>,
}

/// Asks about the containers named, or about all of the composition.
///
/// # Errors
/// If there is no engine, or one of the containers named does not exist.
pub(crate) async fn all(policy: &Policy, names: &[String]) -> anyhow::Result<Gathered> {
    let docker = engine::connect().await?;
    let mut wanted: BTreeSet<String> = names.iter().cloned().collect();
    if names.is_empty() {
        wanted = concerned(&docker, policy).await?;
        wanted.extend(Service::ALL.map(|service| policy.container(service).to_owned()));
    }
    let (containers, vault, networks, info) = join!(
        join_all(wanted.iter().map(|name| container(&docker, name))),
        container(&docker, policy.container(Service::Vault)),
        join_all(policy.active_networks().map(|network| self::network(&docker, network.docker_name()))),
        docker.info(),
    );
    if let Some(missing) = containers.iter().find(|named| named.found.is_none() && names.contains(&named.name)) {
        bail!("there is no container {}; docker ps -a lists those there are", missing.name);
    }
    Ok(Gathered {
        images: images(&docker, &containers).await,
        containers,
        networks: networks.into_iter().collect(),
        engine: info.map(Engine::of).unwrap_or_default(),
        vault: vault.found.and_then(Result::ok).map(|facts| facts.life()),
    })
}

async fn concerned(docker: &Docker, policy: &Policy) -> anyhow::Result<BTreeSet<String>> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let all = docker.list_containers(Some(options)).await.context("the engine did not list its containers")?;
    let guarded = policy.networks.values().map(policy::Network::docker_name).collect();
    Ok(concerned::names(&all, &guarded))
}

async fn container(docker: &Docker, name: &str) -> Named {
    let found = match docker.inspect_container(name, None::<InspectContainerOptions>).await {
        Ok(told) => Some(Facts::of(told)),
        Err(error) if is_missing(&error) => None,
        Err(_) => Some(Err("the engine did not answer about this container")),
    };
    match found {
        // It may have been asked for by its id: the policy knows it by its name.
        Some(Ok(mut facts)) => {
            facts.mounts = behind_volumes(docker, facts.mounts.take()).await;
            facts.execs = execs(docker, &facts.exec_ids).await;
            Named { name: facts.name.clone(), found: Some(Ok(facts)) }
        }
        other => Named { name: name.to_owned(), found: other },
    }
}

/// What runs in it beside its own program: health checks, and what people started. One that ended meanwhile is
/// gone for good.
async fn execs(docker: &Docker, ids: &[String]) -> Vec<Exec> {
    let answers = join_all(ids.iter().map(|id| docker.inspect_exec(id))).await;
    let told = answers.into_iter().filter(|answer| !answer.as_ref().is_err_and(is_missing));
    told.map(|answer| {
        let process = answer.ok().and_then(|exec| exec.process_config).unwrap_or_default();
        Exec { program: process.entrypoint.unwrap_or_default(), privileged: process.privileged }
    })
    .collect()
}

/// A volume that the engine does not tell about leaves all mounts untold: it may be anything.
async fn behind_volumes(docker: &Docker, mounts: Option<Vec<Mounted>>) -> Option<Vec<Mounted>> {
    let mut mounts = mounts?;
    for mount in mounts.iter_mut().filter(|mount| mount.kind == "volume") {
        let volume = docker.inspect_volume(mount.volume.as_deref()?).await.ok()?;
        volumes::unmask(mount, &volume);
    }
    Some(mounts)
}

async fn network(docker: &Docker, name: String) -> (String, Result<Option<NetworkInspect>, String>) {
    let found = match docker.inspect_network(&name, None::<InspectNetworkOptions>).await {
        Ok(network) => Ok(Some(network)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(format!("the engine did not answer about this network: {error}")),
    };
    (name, found)
}

async fn images(docker: &Docker, containers: &[Named]) -> HashMap<String, String> {
    let facts = containers.iter().filter_map(|named| named.found.as_ref()?.as_ref().ok());
    let names: BTreeSet<String> = facts.filter_map(|facts| facts.image.clone()).collect();
    let answers = join_all(names.iter().map(|name| docker.inspect_image(name))).await;
    names.into_iter().zip(answers).filter_map(|(name, answer)| Some((name, answer.ok()?.id?))).collect()
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}
