//! Containers, what runs in them, and what they were made from.

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ContainerTopResponse, ExecInspectResponse, ImageInspect, Volume,
};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder, TopOptionsBuilder,
};

use crate::{Answer, Engine};

impl Engine {
    /// All that the engine knows of a container, by name or id.
    ///
    /// # Errors
    /// The engine's; [`crate::is_missing`] where there is none.
    pub fn container<'a>(&'a self, name: &'a str) -> Answer<'a, ContainerInspectResponse> {
        Box::pin(self.docker.inspect_container(name, None::<InspectContainerOptions>))
    }

    /// The containers that run, or `all` there are.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn containers(&self, all: bool) -> Answer<'_, Vec<ContainerSummary>> {
        Box::pin(self.docker.list_containers(Some(ListContainersOptionsBuilder::new().all(all).build())))
    }

    /// The processes of a container, as `ps` with these arguments tells them.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn processes<'a>(&'a self, name: &'a str, ps: &'a str) -> Answer<'a, ContainerTopResponse> {
        Box::pin(self.docker.top_processes(name, Some(TopOptionsBuilder::new().ps_args(ps).build())))
    }

    /// Sends a signal to a container's first process: `HUP`, `KILL`, …
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn signal<'a>(&'a self, name: &'a str, signal: &'a str) -> Answer<'a, ()> {
        Box::pin(self.docker.kill_container(name, Some(KillContainerOptionsBuilder::new().signal(signal).build())))
    }

    /// Stops every process of a container where it is.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn pause<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        Box::pin(self.docker.pause_container(name))
    }

    /// Lets a paused container go on.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn unpause<'a>(&'a self, name: &'a str) -> Answer<'a, ()> {
        Box::pin(self.docker.unpause_container(name))
    }

    /// A command that was started in a running container.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn exec<'a>(&'a self, id: &'a str) -> Answer<'a, ExecInspectResponse> {
        Box::pin(self.docker.inspect_exec(id))
    }

    /// An image, by name or id.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn image<'a>(&'a self, name: &'a str) -> Answer<'a, ImageInspect> {
        Box::pin(self.docker.inspect_image(name))
    }

    /// What made each layer of an image, the newest first.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn history<'a>(&'a self, image: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            Ok(self.docker.image_history(image).await?.into_iter().map(|layer| layer.created_by).collect())
        })
    }

    /// A volume.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn volume<'a>(&'a self, name: &'a str) -> Answer<'a, Volume> {
        Box::pin(self.docker.inspect_volume(name))
    }
}
