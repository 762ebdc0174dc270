//! What a container says on its standard output, with the engine's time of each chunk.

use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt};

use crate::{Answer, Chunks, Engine};

impl Engine {
    /// The last lines of a container, so many of both streams together.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn last_lines(&self, name: &str, most: usize) -> Answer<'_, Vec<String>> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&most.to_string()).build();
        let chunks = self.docker.logs(name, Some(options));
        Box::pin(chunks.map_ok(|chunk| String::from_utf8_lossy(&chunk.into_bytes()).into_owned()).try_collect())
    }

    /// What a container has said on its standard output from that second on (seconds since 1970): its lines, in pieces
    /// of any size.
    #[must_use]
    pub fn said(&self, name: &str, since: i32) -> Chunks {
        self.output(name, LogsOptionsBuilder::new().stdout(true).since(since).build())
    }

    /// Follows a container's standard output, from that second on (seconds since 1970). Old chunks come first, and it
    /// ends when the container or the engine does.
    ///
    /// A chunk is its time in RFC 3339, a space, and a line with its break. A part of a long line has none.
    #[must_use]
    pub fn logs(&self, name: &str, since: i32) -> Chunks {
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).timestamps(true).since(since).build();
        self.output(name, options)
    }

    fn output(&self, name: &str, options: LogsOptions) -> Chunks {
        let chunks = self.docker.logs(name, Some(options));
        Chunks::of(chunks.map(|chunk| chunk.map(|chunk| LogOutput::into_bytes(chunk).to_vec())))
    }
}
