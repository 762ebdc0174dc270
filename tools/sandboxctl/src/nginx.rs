//! An nginx that already runs reads a new certificate only after a signal.

use anyhow::Context;
use engine::Engine;

/// Sends SIGHUP if the container's first process is nginx (its word for "read it all again"); another one,
/// which still waits for its key, would die of it.
///
/// # Errors
/// If the container went away.
pub(crate) async fn reload(docker: &Engine, container: &str) -> anyhow::Result<()> {
    let top =
        docker.processes(container, "-eo pid,args").await.map_err(|error| engine::about_container(container, error))?;
    let serving = top.processes.iter().flatten().flatten().any(|word| word.starts_with("nginx: master process"));
    if serving {
        docker.signal(container, "HUP").await.with_context(|| format!("{container} could not be told to reload"))?;
    }
    Ok(())
}
