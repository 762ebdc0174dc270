//! One delivery: an exec of `install` in the container, as the container's own user, with no shell.

use anyhow::{Context, anyhow, bail};
use engine::Engine;
use rustix::rand::{GetRandomFlags, getrandom};

use super::target;

/// A secret on its way into a container's tmpfs.
pub(crate) struct Delivery<'a> {
    /// The container that gets it.
    pub(crate) container: &'a str,
    /// The name below `/run/secrets`.
    pub(crate) name: &'a str,
    /// The secret's content.
    pub(crate) bytes: &'a [u8],
}

impl Delivery<'_> {
    /// The file in the container.
    pub(crate) fn path(&self) -> String {
        path(self.name)
    }
}

/// Where a secret of this name is, in its container.
pub(super) fn path(name: &str) -> String {
    format!("/run/secrets/{name}")
}

/// Puts the secret there, or says why not; never on a disk. Who reads it meanwhile gets the one of before or this one,
/// whole: the gate reads it for each request.
pub(crate) async fn deliver(docker: &Engine, delivery: &Delivery<'_>) -> anyhow::Result<()> {
    let (container, path) = (delivery.container, delivery.path());
    in_memory(docker, container, &path).await?;
    let draft = draft(&path)?;
    let written = done(docker, container, &["install", "-D", "-m", "0400", "/dev/stdin", &draft], delivery.bytes).await;
    let put = match written {
        Ok(()) => done(docker, container, &["mv", "-fT", &draft, &path], &[]).await,
        failed => failed,
    };
    if put.is_err() {
        // Half a secret is a secret too; and why the writing failed says more than why this does.
        drop(done(docker, container, &["rm", "-f", &draft], &[]).await);
    }
    put.with_context(|| format!("{path} could not be written in {container}"))?;
    // Of a delivery that was killed half-way. A living one has its draft for a shorter time. The secret is there: that
    // an old draft stays is no failure of this.
    if let Err(error) = swept(docker, container, &path, &["-mmin", "+1"]).await {
        eprintln!("sandboxctl: {error:#}");
    }
    Ok(())
}

/// Takes a secret away; whether there was one.
pub(super) async fn drop_from(docker: &Engine, container: &str, name: &str) -> anyhow::Result<bool> {
    let path = path(name);
    in_memory(docker, container, &path).await?;
    let there = is_there(docker, container, &["test", "-e", &path]).await.map_err(anyhow::Error::msg)?;
    done(docker, container, &["rm", "-f", &path, &draft_of_before(&path)], &[])
        .await
        .with_context(|| format!("{path} could not be taken out of {container}"))?;
    // A folder that is not there holds none.
    if is_there(docker, container, &["test", "-d", "/run/secrets"]).await.map_err(anyhow::Error::msg)? {
        swept(docker, container, &path, &[]).await?;
    }
    Ok(there)
}

/// Takes away a folder of secrets with all that is in it.
///
/// # Errors
/// If the container does not run, or it could not be done.
pub(crate) async fn clear(docker: &Engine, container: &str, folder: &str) -> anyhow::Result<()> {
    let path = path(folder);
    in_memory(docker, container, &path).await?;
    done(docker, container, &["rm", "-rf", &path], &[])
        .await
        .with_context(|| format!("{path} could not be taken out of {container}"))
}

/// What `test` says in the container; why nobody can tell, where it says neither yes nor no.
pub(super) async fn is_there(docker: &Engine, container: &str, test: &[&str]) -> Result<bool, String> {
    match docker.feed(container, test, &[]).await {
        Ok(done) if done.exit_code == 0 => Ok(true),
        Ok(done) if done.exit_code == 1 => Ok(false),
        Ok(done) => Err(format!("test ended with {} in {container}: {}", done.exit_code, done.complaint)),
        Err(error) => Err(format!("{container} could not be asked: {error:#}")),
    }
}

/// Beside it, under a name that no credential has: what reads the secret by its name never sees half of it. Each
/// delivery has its own: of two at once, none moves the other's away.
fn draft(path: &str) -> anyhow::Result<String> {
    let mut number = [0; 8];
    getrandom(&mut number, GetRandomFlags::empty()).context("the kernel gave no random number")?;
    Ok(drafts(path, &hex::encode(number)))
}

/// Its drafts, by their number or by a pattern for it.
fn drafts(path: &str, number: &str) -> String {
    hidden_beside(path, &format!("{number}.new"))
}

/// The one name that every draft had in an earlier version.
fn draft_of_before(path: &str) -> String {
    hidden_beside(path, "new")
}

fn hidden_beside(path: &str, ending: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    format!("{folder}/.{name}.{ending}")
}

/// Takes the drafts away that deliveries left behind, those that a test of find(1) picks.
async fn swept(docker: &Engine, container: &str, path: &str, test: &[&str]) -> anyhow::Result<()> {
    let pattern = drafts(path, "*");
    let Some((folder, name)) = pattern.rsplit_once('/') else { return Ok(()) };
    // Another delivery may take its draft away while find looks at it.
    let find = ["find", folder, "-ignore_readdir_race", "-maxdepth", "1", "-name", name];
    let command = [&find, test, &["-delete"]].concat();
    done(docker, container, &command, &[]).await.with_context(|| format!("drafts of {path} may be left in {container}"))
}

/// Only of a container that runs, and only where what is written goes to no disk.
async fn in_memory(docker: &Engine, container: &str, path: &str) -> anyhow::Result<()> {
    let found = docker.container(container).await.map_err(|error| engine::about_container(container, error))?;
    if !found.state.as_ref().and_then(|state| state.running).unwrap_or(false) {
        bail!("{container} is not running; start it first: scripts/up");
    }
    if !target::is_in_memory(path, &target::mounts(&found)) {
        bail!(
            "{path} of {container} is not on a tmpfs: the secret would stay on a disk; give the service a tmpfs at /run/secrets"
        );
    }
    Ok(())
}

async fn done(docker: &Engine, container: &str, command: &[&str], input: &[u8]) -> anyhow::Result<()> {
    let done = docker.feed(container, command, input).await?;
    match done.exit_code {
        0 => Ok(()),
        code => Err(anyhow!("{} ended with {code}: {}", command.first().unwrap_or(&""), done.complaint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_lies_beside_the_secret_under_a_name_that_no_credential_has() {
        assert_eq!(drafts(&path("github-token"), "0a"), "/run/secrets/.github-token.0a.new");
        assert_eq!(drafts(&path("vault/key.pem"), "*"), "/run/secrets/vault/.key.pem.*.new");
        assert_eq!(draft_of_before(&path("github-token")), "/run/secrets/.github-token.new");
    }

    #[test]
    fn two_deliveries_of_one_secret_have_each_a_draft_of_its_own() {
        let path = path("github-token");
        assert_ne!(draft(&path).unwrap(), draft(&path).unwrap());
    }
}
