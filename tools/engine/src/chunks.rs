//! What the engine sends chunk by chunk: an image's archive, a container's output.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};

use crate::Error;

/// Bytes, chunk by chunk, as the engine sends them. The request goes out when the first is asked for.
pub struct Chunks(Pin<Box<dyn Stream<Item = Result<Vec<u8>, Error>> + Send>>);

impl std::fmt::Debug for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chunks")
    }
}

impl Chunks {
    pub(crate) fn of(stream: impl Stream<Item = Result<Vec<u8>, Error>> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }

    /// The next chunk; nothing when there are no more.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, Error>> {
        self.0.next().await
    }
}
