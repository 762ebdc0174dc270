//! A line that is no record becomes a record of its own: what it was, why it was refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use record::cellblock::Rejected;
use record::{Action, Category, Kind, Provider, Record, Severity, Type};
use sha2::{Digest, Sha256};

use super::scan::Fault;
use crate::source::Source;

/// How much of a refused line is kept, in bytes; its length and hash are always those of the whole.
pub(crate) const KEPT: usize = 64 << 10;

/// What is wrong with a line, as far as it matters to whoever reads the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The line is no record.
    Broken,
    /// It is one, and gives itself out for another tool's.
    False,
}

/// The record of a refused line.
pub(crate) fn rejected(raw: &[u8], source: Option<&Source>, claim: Claim, fault: &Fault) -> Record {
    let whole = Whole { bytes: raw.len() as u64, sha256: hex::encode(Sha256::digest(raw)) };
    let kept = raw.get(..KEPT.min(raw.len())).unwrap_or_default();
    build(kept, whole, source, claim, format!("byte {}: {}", fault.column, fault.reason))
}

/// The record of a line that is held, and longer than a record may be.
pub(crate) fn rejected_as_too_long(raw: &[u8], source: Option<&Source>) -> Record {
    too_long(raw, raw.len() as u64, &Sha256::digest(raw), source)
}

/// The record of a line too long to be held: its start, its length and its hash.
pub(crate) fn too_long(start: &[u8], bytes: u64, sha256: &[u8], source: Option<&Source>) -> Record {
    let whole = Whole { bytes, sha256: hex::encode(sha256) };
    let kept = start.get(..KEPT.min(start.len())).unwrap_or_default();
    build(kept, whole, source, Claim::Broken, format!("longer than {} bytes", record::MAX_LINE))
}

struct Whole {
    bytes: u64,
    sha256: String,
}

fn build(kept: &[u8], whole: Whole, source: Option<&Source>, claim: Claim, reason: String) -> Record {
    let line = String::from_utf8_lossy(kept).into_owned();
    let exact = if std::str::from_utf8(kept).is_ok() { None } else { Some(STANDARD.encode(kept)) };
    let name = source.map_or("an unknown source", Source::as_str);
    let (severity, kind) = match claim {
        Claim::Broken => (Severity::Low, Kind::PipelineError),
        Claim::False => (Severity::High, Kind::Alert),
    };
    let mut record =
        Record::new(Provider::Auditdb, Action::LineRejected, format!("A line from {name} is no record of its own."))
            .kind(kind)
            .about(Category::Database, Type::Error)
            .severity(severity)
            .reason(reason);
    record.own().rejected = Some(Rejected {
        source: source.map(ToString::to_string),
        line,
        line_base64: exact,
        bytes: whole.bytes,
        sha256: whole.sha256,
    });
    record
}
