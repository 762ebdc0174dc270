//! Containers, what runs in them, and what they were made from.

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ContainerTopResponse, ExecInspectResponse, ImageInspect, Volume,
};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder, TopOptionsBuilder,
};

use crate::{Engine, Error};

/// What the engine's API gives: a value, or why it has none.
type Answer<T> = Result<T, Error>;

impl Engine {
    /// All that the engine knows of a container, by name or id.
    ///
    /// # Errors
    /// The engine's; [`crate::is_missing`] where there is none.
    pub async fn container(&self, name: &str) -> Answer<ContainerInspectResponse> {
        self.docker.inspect_container(name, None::<InspectContainerOptions>).await
    }

    /// The containers that run, or `all` there are.
    ///
    /// # Errors
    /// The engine's.
    pub async fn containers(&self, all: bool) -> Answer<Vec<ContainerSummary>> {
        self.docker.list_containers(Some(ListContainersOptionsBuilder::new().all(all).build())).await
    }

    /// The processes of a container, as `ps` with these arguments tells them.
    ///
    /// # Errors
    /// The engine's.
    pub async fn processes(&self, name: &str, ps: &str) -> Answer<ContainerTopResponse> {
        self.docker.top_processes(name, Some(TopOptionsBuilder::new().ps_args(ps).build())).await
    }

    /// Sends a signal to a container's first process: `HUP`, `KILL`, …
    ///
    /// # Errors
    /// The engine's.
    pub async fn signal(&self, name: &str, signal: &str) -> Answer<()> {
        self.docker.kill_container(name, Some(KillContainerOptionsBuilder::new().signal(signal).build())).await
    }

    /// Stops every process of a container where it is.
    ///
    /// # Errors
    /// The engine's.
    pub async fn pause(&self, name: &str) -> Answer<()> {
        self.docker.pause_container(name).await
    }

    /// Lets a paused container go on.
    ///
    /// # Errors
    /// The engine's.
    pub async fn unpause(&self, name: &str) -> Answer<()> {
        self.docker.unpause_container(name).await
    }

    /// A command that was started in a running container.
    ///
    /// # Errors
    /// The engine's.
    pub async fn exec(&self, id: &str) -> Answer<ExecInspectResponse> {
        self.docker.inspect_exec(id).await
    }

    /// An image, by name or id.
    ///
    /// # Errors
    /// The engine's.
    pub async fn image(&self, name: &str) -> Answer<ImageInspect> {
        self.docker.inspect_image(name).await
    }

    /// What made each layer of an image, the newest first.
    ///
    /// # Errors
    /// The engine's.
    pub async fn history(&self, image: &str) -> Answer<Vec<String>> {
        Ok(self.docker.image_history(image).await?.into_iter().map(|layer| layer.created_by).collect())
    }

    /// A volume.
    ///
    /// # Errors
    /// The engine's.
    pub async fn volume(&self, name: &str) -> Answer<Volume> {
        self.docker.inspect_volume(name).await
    }
}
