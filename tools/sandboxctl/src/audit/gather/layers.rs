//! Asks the engine for whole images, one after the other, and reads their layers as they come.

use std::collections::{BTreeSet, HashMap};
use std::io::{Error, Read};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, channel};

use super::super::Rules;
use super::super::content::layers::Layers;
use super::Named;

/// The longest that one image may take: an engine gives some 50 MB a second.
const IMAGE_LIMIT: Duration = Duration::from_secs(300);
/// Pieces that wait to be read.
const AHEAD: usize = 16;

/// What is in the layers of the images of these containers, by id.
pub(super) async fn all(
    docker: &engine::Engine,
    containers: &[Named],
    rules: &Rules,
) -> HashMap<String, Result<Layers, String>> {
    let ids: BTreeSet<String> = containers.iter().filter_map(|named| named.facts()?.image_id.clone()).collect();
    let mut all = HashMap::new();
    for id in ids {
        let read = one(docker, &id, rules).await;
        all.insert(id, read);
    }
    all
}

async fn one(docker: &engine::Engine, id: &str, rules: &Rules) -> Result<Layers, String> {
    let (give, take) = channel(AHEAD);
    let (until, rules) = (Instant::now() + IMAGE_LIMIT, rules.clone());
    let reader =
        tokio::task::spawn_blocking(move || Layers::read(Pieces { take, held: Vec::new(), at: 0 }, until, &rules));
    let mut export = docker.export(id);
    let pump = async {
        while let Some(piece) = export.next().await {
            let failed = piece.is_err();
            // Nobody takes it any more where a bound was reached.
            if give.send(piece.map_err(|error| error.to_string())).await.is_err() || failed {
                break;
            }
        }
    };
    if tokio::time::timeout(IMAGE_LIMIT, pump).await.is_err() {
        let _ = give.send(Err("the engine took too long".to_owned())).await;
    }
    drop(give);
    reader.await.map_err(|_| "the layers could not be read".to_owned())
}

/// What the engine sends, as something to read from.
struct Pieces {
    take: Receiver<Result<Vec<u8>, String>>,
    held: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.at >= self.held.len() {
            match self.take.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => (self.held, self.at) = (piece, 0),
                Some(Err(why)) => return Err(Error::other(why)),
            }
        }
        let rest = self.held.get(self.at..).unwrap_or_default();
        let many = rest.len().min(into.len());
        let (Some(from), Some(to)) = (rest.get(..many), into.get_mut(..many)) else { return Ok(0) };
        to.copy_from_slice(from);
        self.at += many;
        Ok(many)
    }
}
