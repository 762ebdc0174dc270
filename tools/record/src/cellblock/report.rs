//! `cellblock.report`: what `auditdb report` folds out of the record.

use crate::fields::field_set;

field_set! {
    /// A part of a report.
    Report {
        /// The layer that it is about: `moat`, `gate`, `vault`, `warden`, `monitor`, `cell`, `host` or `record`.
        layer: String,
        /// Of a finding: `new`, `open` or `mended`.
        standing: String,
        /// The hash that names a finding: of its tool, action, rule and target.
        fingerprint: String,
        /// How often it was recorded.
        count: u64,
        /// Lines in each of equal slots of time, from `event.start` to `event.end`.
        lines: Vec<u64>,
        /// Requests and connections among them that the gate let through.
        requests: Vec<u64>,
        /// What the gate or the moat refused among them.
        refusals: Vec<u64>,
    }
}
