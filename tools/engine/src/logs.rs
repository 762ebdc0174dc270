//! What a container says on its standard output, with the engine's time of each piece.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, StreamExt};

use crate::{Engine, Error};

/// A container's standard output, old pieces first, then as it comes. It ends when the container or the engine does.
pub struct Logs(Pin<Box<dyn Stream<Item = Result<Vec<u8>, Error>> + Send>>);

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logs")
    }
}

impl Logs {
    /// The next piece: its time in RFC 3339, a space, and a line with its break, or a part of a long one without.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, Error>> {
        self.0.next().await
    }
}

impl Engine {
    /// Follows a container's standard output, from that second on (seconds since 1970).
    #[must_use]
    pub fn logs(&self, name: &str, since: i32) -> Logs {
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).timestamps(true).since(since).build();
        let pieces = self.docker.logs(name, Some(options));
        Logs(Box::pin(pieces.map(|piece| piece.map(|piece| LogOutput::into_bytes(piece).to_vec()))))
    }
}
