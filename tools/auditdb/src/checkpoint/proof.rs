//! A proof that one line was in the record when its segment was signed. It has the line, the hashes from it to the
//! segment's root, and the signed checkpoint that names the root. It needs neither the record nor this machine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::wire::{self, About, Checkpoint};
use crate::chain::Link;
use crate::merkle;

/// A proof, one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    pub(crate) format: u32,
    /// The line, byte for byte and without its break, in base64 (RFC 4648 §4).
    pub(crate) line_base64: String,
    /// Which line of the segment it is, from 0.
    pub(crate) index: u64,
    /// The hashes that lead to the root, 64 hex digits each, the nearest first.
    pub(crate) path: Vec<String>,
    /// The signed checkpoint, as it stands in the log.
    pub(crate) checkpoint: String,
}

impl Proof {
    /// Of a line at an index, with the hashes of all lines of its segment.
    pub(crate) fn of(line: &[u8], index: usize, leaves: &[Link], checkpoint: String) -> Self {
        let path = merkle::path(leaves, index).iter().map(ToString::to_string).collect();
        Self { format: 1, line_base64: STANDARD.encode(line), index: index as u64, path, checkpoint }
    }

    /// What is proved: the line, and the checkpoint that the holder of one of these public keys has signed.
    ///
    /// # Errors
    /// Why nothing is.
    pub(crate) fn check(&self, public: &[&str]) -> Result<(Vec<u8>, Checkpoint), String> {
        if self.format != 1 {
            return Err(format!("format {} is not one this auditdb knows", self.format));
        }
        let line = STANDARD.decode(&self.line_base64).map_err(|error| format!("its line is no base64: {error}"))?;
        let (checkpoint, _) = wire::read(&self.checkpoint)?;
        if !public.contains(&checkpoint.key.as_str()) {
            return Err(format!("its checkpoint was signed by {}, which is another key", checkpoint.key));
        }
        let About::Closed(closed) = &checkpoint.about else {
            return Err("its checkpoint says nothing of a whole segment".to_owned());
        };
        let root = self.root(&line, closed.lines)?;
        if root.map(|root| root.to_string()).as_ref() != Some(&closed.tree) {
            return Err(
                "the line is none of the segment's: its path does not lead to the root that was signed".to_owned()
            );
        }
        Ok((line, checkpoint))
    }

    /// Where its path leads, in a tree of so many lines.
    fn root(&self, line: &[u8], lines: u64) -> Result<Option<Link>, String> {
        let path: Result<Vec<Link>, ()> = self.path.iter().map(|hash| hash.parse()).collect();
        let path = path.map_err(|()| "a hash of its path is not 64 hex digits".to_owned())?;
        Ok(merkle::climb(merkle::leaf(line), self.index, lines, &path))
    }

    /// Climbs in trees of several sizes, for a fuzzer, which can sign nothing and so gets no further in
    /// [`Proof::check`].
    pub(crate) fn climb(&self) {
        for lines in [0, 1, self.index, self.index.saturating_add(1), u64::MAX] {
            drop(self.root(self.line_base64.as_bytes(), lines));
        }
    }
}
