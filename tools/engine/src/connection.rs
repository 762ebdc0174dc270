//! A connection to the engine, and who answers there.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::endpoint::{Endpoint, Settings};
use crate::{Answer, Version, Work};

/// The longest that one answer of the engine may take. An exec and an event stream have their own bounds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The socket of k3s's own containerd.
const K3S: &str = "/run/k3s/containerd/containerd.sock";

/// An engine that answered. It speaks the newest version of the API that both know.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) docker: Docker,
    endpoint: Endpoint,
}

/// Which engine it is: for the record of what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The id that the engine gave itself.
    pub id: Option<String>,
    /// Its version, in its own words.
    pub version: Option<String>,
}

impl Engine {
    /// The engine that this process's environment means.
    ///
    /// # Errors
    /// If none answers there, with the reason and the way to mend it.
    pub fn connect() -> Work<'static, Result<Self>> {
        Box::pin(async { Self::connect_to(Endpoint::find(&Settings::of_process())?).await })
    }

    /// For those who watch: an engine that runs already. systemd starts one for whoever connects to its socket, and a
    /// watcher must never be the one who does.
    ///
    /// # Errors
    /// If none runs, and as [`Engine::connect`].
    pub fn connect_to_running() -> Work<'static, Result<Self>> {
        Box::pin(async {
            let endpoint = Endpoint::find(&Settings::of_process())?;
            anyhow::ensure!(
                crate::running::may_be_asked(&endpoint.socket),
                "no engine runs on this machine, or it is being stopped"
            );
            Self::connect_to(endpoint).await
        })
    }

    /// The engine at this endpoint.
    ///
    /// # Errors
    /// As [`Engine::connect`].
    pub fn connect_to(endpoint: Endpoint) -> Work<'static, Result<Self>> {
        Box::pin(Self::negotiate(endpoint))
    }

    async fn negotiate(endpoint: Endpoint) -> Result<Self> {
        let path = &endpoint.socket;
        // Asked first by hand: the kernel's own word tells a missing engine from a missing permission.
        UnixStream::connect(path).map_err(|error| unreachable(path, error))?;
        let host = format!("unix://{}", path.display());
        let docker = Docker::connect_with_unix(&host, TIMEOUT.as_secs(), API_DEFAULT_VERSION)
            .with_context(|| format!("no Docker engine at {}", path.display()))?;
        let docker = docker
            .negotiate_version()
            .await
            .with_context(|| format!("what listens at {} does not answer as a Docker engine", path.display()))?;
        Ok(Self { docker, endpoint })
    }

    /// Where the engine was found, and who said so.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the engine tells of itself.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn info(&self) -> Answer<'_, bollard::models::SystemInfo> {
        Box::pin(self.docker.info())
    }

    /// What it calls itself; nothing where it does not tell.
    pub fn product(&self) -> Work<'_, Option<String>> {
        Box::pin(async { product(&self.docker.version().await.ok()?).map(str::to_owned) })
    }

    /// Is it an ordinary user's? Its bridges then lie in a network namespace of its own.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn is_rootless(&self) -> Result<bool, crate::Error> {
        let options = self.info().await?.security_options.unwrap_or_default();
        Ok(options.iter().any(|option| option.split(',').any(|word| word == "name=rootless")))
    }

    /// Its id and version; what it does not tell is absent.
    pub async fn identity(&self) -> Identity {
        match self.info().await {
            Ok(info) => Identity { id: info.id, version: info.server_version },
            Err(_) => Identity { id: None, version: None },
        }
    }

    /// The version that decisions rest on; nothing where it is not told.
    pub async fn version(&self) -> Option<Version> {
        self.identity().await.version.and_then(|version| version.parse().ok())
    }

    /// Do its containers reach the internet over IPv6, by addresses that nobody routes? Yes where it does not tell.
    pub async fn masquerades_v6(&self) -> bool {
        let Ok(info) = self.info().await else { return true };
        let version = info.server_version.and_then(|version| version.parse().ok());
        masquerades_v6(self.product().await.as_deref(), version, info.experimental_build == Some(true))
    }
}

/// Docker masquerades IPv6 from this version on; before, only where it was started with `--experimental --ip6tables`.
const MASQUERADES_V6: Version = Version::new(27, 0, 0);

fn masquerades_v6(product: Option<&str>, version: Option<Version>, is_experimental: bool) -> bool {
    product != Some("Engine") || is_experimental || version.is_none_or(|version| version >= MASQUERADES_V6)
}

/// The name of an engine's first part: `Engine` is Docker, `Podman Engine` is Podman.
#[must_use]
pub fn product(told: &bollard::models::SystemVersion) -> Option<&str> {
    told.components.as_ref()?.first().map(|part| part.name.as_str())
}

impl From<Identity> for record::cellblock::Engine {
    fn from(identity: Identity) -> Self {
        Self { id: identity.id, version: identity.version }
    }
}

fn unreachable(path: &Path, error: std::io::Error) -> anyhow::Error {
    let mend = match error.kind() {
        ErrorKind::NotFound if Path::new(K3S).exists() => {
            "k3s runs here, and is no Docker engine: what it runs is not supported. Install Docker beside it (scripts/setup does)"
        }
        ErrorKind::NotFound => "there is no such socket: start Docker (scripts/setup does), or set DOCKER_HOST",
        ErrorKind::PermissionDenied => "you may not use it: run this as root, or as a member of its group",
        ErrorKind::ConnectionRefused => "nothing listens there any more: start Docker (scripts/setup does)",
        _ => "set DOCKER_HOST to the engine's socket",
    };
    anyhow!(error).context(format!("no Docker engine at {}; {mend}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait_for;

    fn refusal(socket: &Path) -> String {
        let endpoint = Endpoint { socket: socket.to_owned(), said_by: "a test".to_owned() };
        format!("{:#}", wait_for(Engine::connect_to(endpoint)).unwrap_err())
    }

    #[test]
    fn docker_before_27_masquerades_no_ipv6_unless_it_was_told_to() {
        let (old, new) = (Version::new(26, 1, 5), Version::new(27, 0, 1));
        assert!(!masquerades_v6(Some("Engine"), Some(old), false));
        assert!(masquerades_v6(Some("Engine"), Some(old), true));
        assert!(masquerades_v6(Some("Engine"), Some(new), false));
        assert!(masquerades_v6(Some("Engine"), None, false), "it does not tell");
        assert!(masquerades_v6(Some("Podman Engine"), Some(Version::new(5, 8, 6)), false));
    }

    #[test]
    fn an_engine_that_is_not_there_is_named_with_the_way_to_mend_it() {
        let text = refusal(Path::new("/nonexistent/docker.sock"));
        assert!(text.contains("/nonexistent/docker.sock") && text.contains("DOCKER_HOST"), "{text}");
    }

    #[test]
    fn a_socket_that_nobody_listens_at_is_told_from_one_that_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(refusal(&path).contains("nothing listens there"));
    }
}
