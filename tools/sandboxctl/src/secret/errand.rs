//! One delivery: an exec of `install` in the container, as the container's own user, with no shell.

use anyhow::{Context, anyhow, bail};
use engine::Engine;

use super::target;

/// What goes where.
pub(crate) struct Errand<'a> {
    /// The container.
    pub(crate) container: &'a str,
    /// The name below `/run/secrets`.
    pub(crate) name: &'a str,
    /// The secret.
    pub(crate) bytes: &'a [u8],
}

impl Errand<'_> {
    /// The file in the container.
    pub(crate) fn path(&self) -> String {
        path(self.name)
    }
}

/// Where a secret of this name is, in its container.
pub(super) fn path(name: &str) -> String {
    format!("/run/secrets/{name}")
}

/// Puts the secret there, or says why not; never on a disk.
pub(crate) async fn deliver(docker: &Engine, errand: &Errand<'_>) -> anyhow::Result<()> {
    let container = errand.container;
    let found = docker.container(container).await.map_err(|error| engine::about_container(container, error))?;
    if !found.state.as_ref().and_then(|state| state.running).unwrap_or(false) {
        bail!("{container} is not running; start it first: scripts/up");
    }
    let path = errand.path();
    if !target::is_in_memory(&path, &target::mounts(&found)) {
        bail!(
            "{path} of {container} is not on a tmpfs: the secret would stay on a disk; give the service a tmpfs at /run/secrets"
        );
    }
    let command = ["install", "-D", "-m", "0400", "/dev/stdin", &path];
    let done = docker
        .feed(container, &command, errand.bytes)
        .await
        .with_context(|| format!("{path} could not be written in {container}"))?;
    match done.exit_code {
        0 => Ok(()),
        code => {
            Err(anyhow!("{path} could not be written in {container}: install ended with {code}: {}", done.complaint))
        }
    }
}
