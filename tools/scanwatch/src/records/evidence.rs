//! Records of `hash`: what is on the share, by its content.

use std::path::Path;

use record::fields::Hash;
use record::{Action, Category, Kind, Outcome, Record, Severity, Type};
use rustix::fs::Stat;

use super::{at, record};
use crate::share::file_state::describe;

/// A file and its SHA-256, in hex.
pub(crate) fn hashed(path: &Path, stat: &Stat, sha256: &str) -> Record {
    let mut record = record(Action::FileHashed, format!("{} has the SHA-256 {sha256}.", path.display()));
    let mut file = at(&mut record, path);
    describe(&mut file, stat);
    file.hash = Some(Hash { sha256: Some(sha256.to_owned()) });
    record.file = Some(file);
    record.kind(Kind::State).about(Category::File, Type::Info).outcome(Outcome::Success)
}

/// A file or folder that could not be read.
pub(crate) fn unhashed(path: &Path, why: &str) -> Record {
    nothing_of(path, format!("{} could not be read; what is in it is not known.", path.display()), why)
}

/// Files for which number or time did not suffice.
pub(crate) fn left_out(share: &Path, why: &str) -> Record {
    nothing_of(share, format!("Some files below {} were left out.", share.display()), why)
}

fn nothing_of(path: &Path, message: String, why: &str) -> Record {
    let mut record = record(Action::FileHashed, message);
    let file = at(&mut record, path);
    record.file = Some(file);
    record
        .kind(Kind::State)
        .about(Category::File, Type::Error)
        .severity(Severity::Low)
        .outcome(Outcome::Unknown)
        .reason(why)
}
