//! The Docker engine: the one place where it is found, and where "it is not there" becomes a sentence.

mod exec;
mod nginx;
mod version;

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bollard::{API_DEFAULT_VERSION, Docker};

pub(crate) use exec::feed;
pub(crate) use nginx::reload as reload_nginx;
pub(crate) use version::Version;

const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The longest that one answer of the engine may take. An exec and an event stream have their own bounds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The engine that `DOCKER_HOST` names, spoken to in the newest version of the API that both know.
pub(crate) async fn connect() -> anyhow::Result<Docker> {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    connect_to(host.as_deref().unwrap_or(DEFAULT_HOST)).await
}

async fn connect_to(host: &str) -> anyhow::Result<Docker> {
    let Some(path) = host.strip_prefix("unix://") else {
        bail!("DOCKER_HOST={host}: only a Unix socket is spoken to, such as {DEFAULT_HOST}");
    };
    // Asked first by hand: the kernel's own word tells a missing engine from a missing permission.
    UnixStream::connect(path).map_err(|error| unreachable_engine(path, error))?;
    let docker = Docker::connect_with_unix(host, PATIENCE.as_secs(), API_DEFAULT_VERSION)
        .with_context(|| format!("no Docker engine at {path}"))?;
    docker
        .negotiate_version()
        .await
        .with_context(|| format!("what listens at {path} does not answer as a Docker engine"))
}

fn unreachable_engine(path: &str, error: std::io::Error) -> anyhow::Error {
    let mend = match error.kind() {
        ErrorKind::NotFound => "there is no such socket: start Docker (scripts/setup does), or set DOCKER_HOST",
        ErrorKind::PermissionDenied => "you may not use it: run this as root, or as a member of its group",
        ErrorKind::ConnectionRefused => "nothing listens there any more: start Docker (scripts/setup does)",
        _ => "set DOCKER_HOST to the engine's socket",
    };
    anyhow!(error).context(format!("no Docker engine at {path}; {mend}"))
}

/// What the engine said of a container, with its name and the way to mend it.
pub(crate) fn about_container(name: &str, error: bollard::errors::Error) -> anyhow::Error {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code: 404, .. } => {
            anyhow!("there is no container {name}; start it first: scripts/up")
        }
        error => anyhow!(error).context(format!("the engine could not be asked about {name}")),
    }
}

/// Runs the asynchronous half of a command. One thread: the work is waiting for answers.
pub(crate) fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime did not start")?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(host: &str) -> String {
        format!("{:#}", wait_for(connect_to(host)).unwrap_err())
    }

    #[test]
    fn an_engine_that_is_not_there_is_named_with_the_way_to_mend_it() {
        let text = refusal("unix:///nonexistent/docker.sock");
        assert!(text.contains("/nonexistent/docker.sock") && text.contains("DOCKER_HOST"), "{text}");
    }

    #[test]
    fn an_engine_over_the_network_is_refused() {
        assert!(refusal("tcp://127.0.0.1:2375").contains("only a Unix socket"));
    }

    #[test]
    fn a_socket_that_nobody_listens_at_is_told_from_one_that_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(refusal(&format!("unix://{}", path.display())).contains("nothing listens there"));
    }
}
