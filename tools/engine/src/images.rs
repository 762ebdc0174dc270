//! An image as the engine hands it out: what `docker save` writes.

use futures_util::StreamExt;

use crate::{Chunks, Engine};

impl Engine {
    /// An image with all its layers, as a tar archive (OCI image layout from engine 25 on).
    #[must_use]
    pub fn export(&self, image: &str) -> Chunks {
        Chunks::of(self.docker.export_image(image).map(|chunk| chunk.map(|chunk| chunk.to_vec())))
    }
}
