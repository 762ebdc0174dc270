//! The one thing asked of Docker: which process is a container, and which networks is it on.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine::models::ContainerInspectResponse;
use engine::{Engine, Identity};

/// How long Docker may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A running container: its ids, its first process, and the engine that runs it.
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
    /// The engine that says so.
    pub(crate) engine: Identity,
}

/// Finds a running container by name or id, on the engine that [`engine::Endpoint`] finds.
///
/// # Errors
/// If Docker does not answer, knows no such container, or it is not running.
pub(crate) fn running(name: &str) -> Result<Running> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    ensure!(
        !name.is_empty() && name.bytes().all(sound),
        "{name:?} is no container's name: expected letters, digits, _ . -"
    );
    engine::wait_at_most(TIMEOUT, async {
        let docker = Engine::connect().await?;
        let found = docker.container(name).await.map_err(|error| engine::about_container(name, error))?;
        read(found, name, docker.identity().await)
    })
}

fn read(found: ContainerInspectResponse, asked: &str, engine: Identity) -> Result<Running> {
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
        engine,
    })
}
