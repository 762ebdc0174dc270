//! An nginx that already runs does not see a new certificate until it is told.

use anyhow::Context;
use bollard::Docker;
use bollard::query_parameters::{KillContainerOptionsBuilder, TopOptionsBuilder};

use super::about_container;

/// Sends SIGHUP if the container's first process is nginx (its word for "read it all again"); another one,
/// which still waits for its key, would die of it.
///
/// # Errors
/// If the container went away.
pub(crate) async fn reload(docker: &Docker, container: &str) -> anyhow::Result<()> {
    let options = TopOptionsBuilder::new().ps_args("-eo pid,args").build();
    let top =
        docker.top_processes(container, Some(options)).await.map_err(|error| about_container(container, error))?;
    let serving = top.processes.iter().flatten().flatten().any(|word| word.starts_with("nginx: master process"));
    if serving {
        let options = KillContainerOptionsBuilder::new().signal("HUP").build();
        docker
            .kill_container(container, Some(options))
            .await
            .with_context(|| format!("{container} could not be told to reload"))?;
    }
    Ok(())
}
