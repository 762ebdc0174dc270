//! One checkpoint, as a line of JSON:
//!
//! ```text
//! {"checkpoint":{"format":1,"sequence":7,"time":"…","key":"…","previous":"…","about":{"written":{…}}},"root":"…","signature":"…"}
//! ```
//!
//! `root` is SHA-256 over the root before and the line up to its comma: one value stands for all that was ever
//! signed. `signature` is Ed25519 over the words [`DOMAIN`] and the root.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};

use super::key;
use crate::chain::Link;

/// What a signature begins with, so that it can stand for nothing else.
const DOMAIN: &[u8] = b"cellblock checkpoint 1\n";
/// `,"root":"` + 64 digits + `","signature":"` + 88 of base64 + `"}`.
const TAIL: usize = 9 + 64 + 15 + 88 + 2;

/// What the key signs: a state of the record, tied to the checkpoint before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    pub(crate) format: u32,
    /// From 1; one more each time.
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
    /// The public key, 64 hex digits.
    pub(crate) key: String,
    /// The root of the checkpoint before, which ties the two together.
    pub(crate) previous: String,
    pub(crate) about: About,
}

/// The event that a checkpoint is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum About {
    Written(Written),
    Pruned(Pruned),
    Rotated(Rotated),
    Closed(Closed),
    Compacted(Compacted),
    Inherited(Inherited),
}

impl About {
    /// The segment that it is about.
    pub(crate) fn segment(&self) -> Option<&str> {
        match self {
            Self::Written(Written { segment, .. })
            | Self::Pruned(Pruned { segment, .. })
            | Self::Closed(Closed { segment, .. }) => Some(segment),
            Self::Rotated(_) | Self::Compacted(_) | Self::Inherited(_) => None,
        }
    }
}

/// How far a segment was on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) segment: String,
    pub(crate) bytes: u64,
    /// The chain's link at `bytes`.
    pub(crate) head: String,
    pub(crate) lines: u64,
    /// Lines by source; those that nobody vouches for stand under `claimed`.
    pub(crate) sources: BTreeMap<String, u64>,
}

/// A segment that was let go: its tombstone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pruned {
    pub(crate) segment: String,
    pub(crate) lines: u64,
    pub(crate) head: Option<String>,
}

/// A segment that nothing will be added to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closed {
    pub(crate) segment: String,
    pub(crate) lines: u64,
    /// The chain's link at the segment's end.
    pub(crate) head: String,
    /// The root of the Merkle tree over its lines ([`crate::merkle`]).
    pub(crate) tree: String,
}

/// The key that signs from here on: signed by the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotated {
    pub(crate) key: String,
}

/// What stood before it in the log was made shorter ([`super::compact`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compacted {
    /// Segments that sort before this name, and that nothing in the log names, were let go.
    pub(crate) horizon: String,
    /// How many checkpoints were taken out, since the first.
    pub(crate) checkpoints: u64,
    /// Of how many segments the tombstones are among them, and how many lines those had.
    pub(crate) segments: u64,
    pub(crate) lines: u64,
    /// SHA-256 over the roots of those that stay before it, each with a line break behind it.
    pub(crate) kept: String,
}

/// The log begins here, and the record did not: nobody known has signed what was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inherited {
    /// How many segments there were that no writer had open.
    pub(crate) segments: u64,
    /// The name of the last of them.
    pub(crate) last: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    checkpoint: Checkpoint,
    root: String,
    signature: String,
}

impl Checkpoint {
    /// The key that signed it, and the one that it hands over to.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let next = if let About::Rotated(next) = &self.about { Some(next.key.as_str()) } else { None };
        std::iter::once(self.key.as_str()).chain(next)
    }

    /// The line, its break included, and its root.
    pub(super) fn sign(&self, key: &Ed25519KeyPair) -> serde_json::Result<(String, String)> {
        let covered = format!("{{\"checkpoint\":{}", serde_json::to_string(self)?);
        let root = root(&self.previous, &covered);
        let signature = STANDARD.encode(key.sign(&message(&root)));
        Ok((format!("{covered},\"root\":\"{root}\",\"signature\":\"{signature}\"}}\n"), root))
    }
}

/// Reads a line without its break: the checkpoint and its root.
///
/// # Errors
/// Why it is none that its key has signed.
pub(super) fn read(line: &str) -> Result<(Checkpoint, String), String> {
    let Wire { checkpoint, root: said, signature } =
        serde_json::from_str(line).map_err(|error| format!("no checkpoint: {error}"))?;
    let covered = line.len().checked_sub(TAIL).and_then(|end| line.get(..end)).unwrap_or_default();
    if root(&checkpoint.previous, covered) != said {
        return Err("its root does not fit what it says".to_owned());
    }
    let signature = STANDARD.decode(signature).unwrap_or_default();
    let public = checkpoint.key.parse::<Link>().map(|bytes| bytes.bytes()).unwrap_or_default();
    if !key::signed(&public, &message(&said), &signature) {
        return Err("its signature is none of the key that it names".to_owned());
    }
    Ok((checkpoint, said))
}

fn message(root: &str) -> Vec<u8> {
    [DOMAIN, root.as_bytes()].concat()
}

fn root(previous: &str, covered: &str) -> String {
    Link::first(format!("{previous}\n{covered}").as_bytes()).to_string()
}
