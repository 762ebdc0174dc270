//! Which engine is meant: as the docker command line decides it, so that `docker ps` and our tools see the same one.
//!
//! In this order (docker-context(1)): `DOCKER_HOST`; the context that `DOCKER_CONTEXT` names; the `currentContext` of
//! the configuration file; `unix:///var/run/docker.sock`. A context is a file below the configuration folder, named
//! by the SHA-256 of the context's name.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};

const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// The name of the context that is no file: what `DOCKER_HOST` says, else the usual place.
const DEFAULT_CONTEXT: &str = "default";
/// The most of a configuration file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What decides where the engine is: the environment, and the folder of the docker command line's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `DOCKER_HOST`, where it is set and not empty.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`, where it is set and not empty.
    pub context: Option<String>,
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub configuration: Option<PathBuf>,
}

impl Settings {
    /// Reads the environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker"));
        Self {
            host: set("DOCKER_HOST"),
            context: set("DOCKER_CONTEXT"),
            configuration: set("DOCKER_CONFIG").map(PathBuf::from).or_else(home),
        }
    }
}

/// The engine's socket, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The path of the engine's Unix socket.
    pub socket: PathBuf,
    /// `DOCKER_HOST=…`, `the context NAME` or `the usual place`.
    pub said_by: String,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Endpoints")]
    endpoints: HashMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

impl Endpoint {
    /// Finds it.
    ///
    /// # Errors
    /// If the named context does not exist or cannot be read, or the engine is at no Unix socket.
    pub fn find(settings: &Settings) -> Result<Self> {
        if let Some(host) = &settings.host {
            return Self::at(host, format!("DOCKER_HOST={host}"));
        }
        let name = match &settings.context {
            Some(name) => name.clone(),
            None => current_context(settings)?,
        };
        if name.is_empty() || name == DEFAULT_CONTEXT {
            return Self::at(DEFAULT_HOST, "the usual place".to_owned());
        }
        Self::at(&host_of(settings, &name)?, format!("the context {name}"))
    }

    fn at(host: &str, said_by: String) -> Result<Self> {
        let Some(path) = host.strip_prefix("unix://") else {
            bail!(
                "{said_by}: the engine is at {host}, and only a Unix socket of this machine is spoken to, such as {DEFAULT_HOST}: an engine elsewhere has other processes than this host's /proc"
            );
        };
        ensure!(path.starts_with('/'), "{said_by}: {host} names no absolute path; write unix:///var/run/docker.sock");
        Ok(Self { socket: path.into(), said_by })
    }
}

/// The context that `docker context use` chose; empty for none.
fn current_context(settings: &Settings) -> Result<String> {
    let Some(folder) = &settings.configuration else { return Ok(String::new()) };
    let path = folder.join("config.json");
    match read(&path)? {
        None => Ok(String::new()),
        Some(text) => {
            let found: Configuration = serde_json::from_str(&text)
                .with_context(|| format!("{}: no configuration of docker's", path.display()))?;
            Ok(found.current_context)
        }
    }
}

fn host_of(settings: &Settings, name: &str) -> Result<String> {
    let folder = settings
        .configuration
        .as_deref()
        .with_context(|| format!("the context {name}: neither DOCKER_CONFIG nor HOME says where contexts are kept"))?;
    let digest = hex::encode(Sha256::digest(name));
    let path = folder.join("contexts/meta").join(digest).join("meta.json");
    let text = read(&path)?.with_context(|| {
        format!("there is no context {name} ({}); docker context ls lists those there are", path.display())
    })?;
    let meta: Meta =
        serde_json::from_str(&text).with_context(|| format!("{}: no context of docker's", path.display()))?;
    let host = meta.endpoints.get("docker").map(|endpoint| endpoint.host.clone()).unwrap_or_default();
    Ok(if host.is_empty() { DEFAULT_HOST.to_owned() } else { host })
}

/// A file's text; nothing where there is none.
fn read(path: &Path) -> Result<Option<String>> {
    let size = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        found => found.with_context(|| path.display().to_string())?.len(),
    };
    ensure!(size <= LARGEST, "{}: larger than {LARGEST} bytes", path.display());
    fs::read_to_string(path).map(Some).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration folder with these contexts, the first of them chosen.
    fn configured(contexts: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        for (name, host) in contexts {
            let digest = hex::encode(Sha256::digest(name));
            let meta = folder.path().join("contexts/meta").join(digest);
            fs::create_dir_all(&meta).unwrap();
            let text = format!(
                r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
            );
            fs::write(meta.join("meta.json"), text).unwrap();
        }
        if let Some((name, _)) = contexts.first() {
            let text = format!(r#"{{"auths":{{}},"currentContext":"{name}"}}"#);
            fs::write(folder.path().join("config.json"), text).unwrap();
        }
        let settings = Settings { configuration: Some(folder.path().to_owned()), ..Settings::default() };
        (folder, settings)
    }

    fn socket(settings: &Settings) -> PathBuf {
        Endpoint::find(settings).unwrap().socket
    }

    fn refusal(settings: &Settings) -> String {
        format!("{:#}", Endpoint::find(settings).unwrap_err())
    }

    #[test]
    fn with_nothing_said_the_engine_is_at_the_usual_place() {
        assert_eq!(socket(&Settings::default()), Path::new("/var/run/docker.sock"));
        let (_folder, settings) = configured(&[]);
        assert_eq!(socket(&settings), Path::new("/var/run/docker.sock"));
    }

    #[test]
    fn the_host_wins_over_contexts_and_a_context_that_is_named_over_the_one_in_use() {
        let (_folder, mut settings) = configured(&[("rootless", "unix:///run/user/7/docker.sock"), ("b", "unix:///b")]);
        assert_eq!(socket(&settings), Path::new("/run/user/7/docker.sock"));
        settings.context = Some("b".to_owned());
        assert_eq!(socket(&settings), Path::new("/b"));
        settings.context = Some("default".to_owned());
        assert_eq!(socket(&settings), Path::new("/var/run/docker.sock"));
        settings.host = Some("unix:///c".to_owned());
        assert_eq!(socket(&settings), Path::new("/c"));
    }

    #[test]
    fn an_engine_elsewhere_is_refused_whoever_names_it() {
        let (_folder, mut settings) = configured(&[("far", "ssh://me@elsewhere")]);
        assert!(refusal(&settings).contains("the context far") && refusal(&settings).contains("only a Unix socket"));
        for host in
            ["tcp://127.0.0.1:2375", "http://localhost", "ssh://x", "fd://", "unix://relative", "/run/docker.sock"]
        {
            settings.host = Some(host.to_owned());
            assert!(refusal(&settings).contains("DOCKER_HOST="), "{host}");
        }
    }

    #[test]
    fn a_context_that_is_not_there_or_broken_is_an_error_and_not_the_usual_place() {
        let (folder, mut settings) = configured(&[("a", "unix:///a")]);
        settings.context = Some("nowhere".to_owned());
        assert!(refusal(&settings).contains("no context nowhere"));
        settings.context = None;
        fs::write(folder.path().join("config.json"), "{").unwrap();
        assert!(refusal(&settings).contains("config.json"));
    }
}
