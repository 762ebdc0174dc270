//! Asks the engine about the images of containers.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::join_all;

use super::super::Rules;
use super::super::image::History;
use super::Named;

/// Name to id, of the images that these containers were made from, as the names stand now.
pub(super) async fn ids(docker: &engine::Engine, containers: &[Named]) -> HashMap<String, String> {
    let facts = containers.iter().filter_map(Named::facts);
    let names: BTreeSet<String> = facts.filter_map(|facts| facts.image.clone()).collect();
    let answers = join_all(names.iter().map(|name| docker.image(name))).await;
    names.into_iter().zip(answers).filter_map(|(name, answer)| Some((name, answer.ok()?.id?))).collect()
}

/// How those images came to be, by id.
pub(super) async fn histories(
    docker: &engine::Engine,
    containers: &[Named],
    rules: &Rules,
) -> HashMap<String, Result<History, String>> {
    let ids: BTreeSet<String> = containers.iter().filter_map(|named| named.facts()?.image_id.clone()).collect();
    let answers = join_all(ids.iter().map(|id| docker.history(id))).await;
    let known = answers.into_iter().map(|answer| match answer {
        Ok(steps) => Ok(History::of(steps, rules)),
        Err(error) => Err(format!("the engine did not tell how the image was built: {error}")),
    });
    ids.into_iter().zip(known).collect()
}
