//! What the engine does, as it does it.

use std::pin::Pin;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions;
use futures_util::{Stream, StreamExt};

use crate::{Engine, Error};

/// The engine's events from now on. It ends when the engine does.
pub struct Events(Pin<Box<dyn Stream<Item = Result<EventMessage, Error>> + Send>>);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// The next one; nothing when the engine ended. The request goes out with the first call.
    pub async fn next(&mut self) -> Option<Result<EventMessage, Error>> {
        self.0.next().await
    }
}

impl Engine {
    /// Subscribes to all of the engine's events.
    #[must_use]
    pub fn events(&self) -> Events {
        Events(Box::pin(self.docker.events(None::<EventsOptions>)))
    }
}
