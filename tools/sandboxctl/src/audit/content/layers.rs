//! An image as `docker save` writes it: an archive of layers, and one file that says in which order they lie. Layers
//! come in any order, and are read as they come.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, Read, Result};
use std::time::Instant;

use serde::Deserialize;

use super::super::leak::Rules;
use super::budget::Budget;
use super::layer::Layer;
use super::{Searched, archive};

/// The most of an image that is read, in bytes: 16 GiB.
const MOST: u64 = 16 << 30;
/// The most that its description may take, in bytes.
const DESCRIPTION: u64 = 4 << 20;
/// The most layers of one image: engines make 128.
const LAYERS: usize = 512;
/// Why the files that run as another are not known, where all was read.
const LATE: &str = "its layers could not be laid over each other in time";
/// A block of a tar archive, and where its mark is (POSIX.1-2017, pax, "ustar").
const BLOCK: usize = 512;
const MARK: std::ops::Range<usize> = 257..262;

/// What the layers of an image have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layers {
    pub(super) secrets: Searched,
    /// The files that run as another in what a container sees, or why they are not known.
    pub(super) set_id: std::result::Result<Vec<String>, String>,
}

impl Layers {
    /// All the secrets that were found.
    pub(in super::super) fn leaks(&self) -> &Vec<super::Leak> {
        &self.secrets.leaks
    }

    /// The leaks, to complete them.
    pub(in super::super) fn leaks_mut(&mut self) -> &mut Vec<super::Leak> {
        &mut self.secrets.leaks
    }

    /// Reads an image up to this moment, and tells what it did not read by then.
    pub(crate) fn read(from: impl Read, until: Instant, rules: &Rules) -> Self {
        let mut image = Image::default();
        let broken = image.read(Bounded { from, left: MOST, until }, rules).err().map(|error| error.to_string());
        image.settle(broken, until)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    layers: Vec<String>,
}

#[derive(Default)]
struct Image {
    layers: BTreeMap<String, Layer>,
    /// Names of layers that are the same as another (before engine 25).
    links: BTreeMap<String, String>,
    order: Option<Vec<String>>,
    untold: Vec<String>,
}

impl Image {
    fn read(&mut self, from: impl Read, rules: &Rules) -> Result<()> {
        let mut budget = Budget::default();
        archive::each(from, |entry| {
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            budget.count(path.len() + entry.link_name_bytes().map_or(0, |name| name.len()))?;
            if let Some(target) = entry.link_name_bytes() {
                self.links.insert(path, String::from_utf8_lossy(&target).trim_start_matches("../").to_owned());
            } else if path == "manifest.json" {
                self.order = order(entry)?;
            } else {
                let mut head = Vec::new();
                entry.by_ref().take(BLOCK as u64).read_to_end(&mut head)?;
                match form(&head) {
                    Form::Archive => {
                        let layer = Layer::read(head.as_slice().chain(entry), &mut budget, rules)?;
                        self.layers.insert(path, layer);
                    }
                    Form::Compressed => {
                        self.untold.push(format!("the layer {} is compressed", short(&path)));
                    }
                    Form::Other => {}
                }
            }
            Ok(())
        })
    }

    fn settle(mut self, broken: Option<String>, until: Instant) -> Layers {
        let order = self.order.take().unwrap_or_default();
        let mut secrets = Searched { untold: std::mem::take(&mut self.untold), ..Searched::default() };
        let laid = self.lay(&order, until, &mut secrets);
        let whole = match broken {
            Some(why) => Err(format!("the image was not read to its end: {why}")),
            None => laid,
        };
        if let Err(why) = &whole {
            let loose = self.layers.values().flat_map(|layer| &layer.secrets.leaks).filter(|_| order.is_empty());
            loose.for_each(|leak| secrets.push(leak.clone().within("a layer: ")));
            secrets.untold.push(why.clone());
        }
        Layers { set_id: whole.map(|files| files.into_iter().map(|path| format!("/{path}")).collect()), secrets }
    }

    /// Lays the layers over each other: the files that run as another in what is left, or why they are not known.
    fn lay(
        &self,
        order: &[String],
        until: Instant,
        secrets: &mut Searched,
    ) -> std::result::Result<BTreeSet<String>, String> {
        let missing = || Err("a layer is missing in what the engine gave".to_owned());
        let mut set_id = if order.is_empty() { missing() } else { Ok(BTreeSet::new()) };
        for (at, name) in order.iter().enumerate() {
            let Some(layer) = self.layers.get(self.links.get(name).unwrap_or(name)) else {
                set_id = missing();
                continue;
            };
            let place = format!("layer {}: ", at + 1);
            secrets.more += layer.secrets.more;
            layer.secrets.leaks.iter().for_each(|leak| secrets.push(leak.clone().within(&place)));
            layer.secrets.untold.iter().for_each(|why| secrets.add(Err(format!("{place}{why}"))));
            let late = || Instant::now() > until;
            set_id = set_id.and_then(|below| if late() { Err(LATE.to_owned()) } else { Ok(layer.over(below)) });
        }
        set_id
    }
}

/// The layers that the first image of a description has, the lowest first.
fn order(from: impl Read) -> Result<Option<Vec<String>>> {
    let mut text = Vec::new();
    from.take(DESCRIPTION).read_to_end(&mut text)?;
    let read = serde_json::from_slice::<Vec<Manifest>>(&text).map_err(Error::other)?;
    let order = read.into_iter().next().map(|manifest| manifest.layers);
    match &order {
        Some(layers) if layers.len() > LAYERS => Err(Error::other(format!("it has more than {LAYERS} layers"))),
        _ => Ok(order),
    }
}

enum Form {
    Archive,
    Compressed,
    Other,
}

/// gzip (RFC 1952) or Zstandard (RFC 8878) begin with marks of their own; an empty archive is zeros.
fn form(head: &[u8]) -> Form {
    let empty = head.len() == BLOCK && head.iter().all(|byte| *byte == 0);
    if empty || head.get(MARK) == Some(b"ustar") {
        Form::Archive
    } else if head.starts_with(&[0x1f, 0x8b]) || head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Form::Compressed
    } else {
        Form::Other
    }
}

/// Docker's short form of a digest.
fn short(path: &str) -> &str {
    let name = path.rsplit('/').find(|part| part.len() >= 12).unwrap_or(path);
    name.get(..12).unwrap_or(name)
}

/// Reads so much, and so long.
struct Bounded<R> {
    from: R,
    left: u64,
    until: Instant,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.left == 0 || Instant::now() > self.until {
            let what = if self.left == 0 { "it is too large" } else { "it took too long" };
            return Err(Error::other(what));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.from.read(into.get_mut(..most).unwrap_or_default())?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
