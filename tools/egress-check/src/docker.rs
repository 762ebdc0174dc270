//! The one thing asked of Docker: which process is a container, and which networks is it on.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bollard::Docker;
use bollard::models::ContainerInspectResponse;

/// How long Docker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// Docker's 64 hex digits.
    pub(crate) id: String,
    /// Its name, without a slash.
    pub(crate) name: String,
    /// Its first process, in the host's namespace.
    pub(crate) pid: u32,
    /// When it started, in Docker's words: the same word means the same run.
    started: String,
}

/// Finds a running container by name or id. `DOCKER_HOST` says where Docker is.
///
/// # Errors
/// If Docker does not answer, knows no such container, or it is not running.
pub(crate) fn running(name: &str) -> Result<Running> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    ensure!(
        !name.is_empty() && name.bytes().all(sound),
        "{name:?} is no container's name: expected letters, digits, _ . -"
    );
    let docker = Docker::connect_with_defaults().context("DOCKER_HOST does not name a Docker that can be asked")?;
    let answer = wait(docker.inspect_container(name, None))?;
    match answer {
        Ok(found) => read(found, name),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
            bail!("Docker knows no container {name:?}; docker ps lists those that run")
        }
        Err(error) => Err(anyhow!(error).context("Docker does not answer: is it running, and is DOCKER_HOST right?")),
    }
}

fn wait<T>(answer: impl Future<Output = T>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime for Docker")?;
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, answer).await.context("Docker did not answer within 10 s") })
}

fn read(found: ContainerInspectResponse, asked: &str) -> Result<Running> {
    let state = found.state.context("Docker's answer has no State")?;
    let pid = state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    let (Some(pid), Some(true)) = (pid, state.running) else {
        bail!("container {asked:?} is not running, so nothing can be tried from inside it; start it first");
    };
    Ok(Running {
        id: found.id.context("Docker's answer has no Id")?,
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        pid,
        started: state.started_at.unwrap_or_default(),
    })
}
