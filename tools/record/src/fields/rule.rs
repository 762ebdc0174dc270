//! `rule.*` and `vulnerability.*`: what decided, and what is weak.

use super::field_set;

field_set! {
    /// `rule.*`: the packet rule, signature, probe or control that a verdict rests on.
    Rule {
        /// Stable id, the same from run to run.
        id: String,
        /// A name for people.
        name: String,
        /// What family it belongs to.
        category: String,
        /// What it says, in a sentence.
        description: String,
        /// Where it comes from: a link, a CIS id, an RFC.
        reference: String,
        /// The set that holds it, with its version.
        ruleset: String,
        /// The rule's own version.
        version: String,
    }
}

field_set! {
    /// `vulnerability.*`: a known weakness of a part.
    Vulnerability {
        /// CVE or other id.
        id: String,
        /// What the weakness is, in a sentence.
        description: String,
        /// `Low`, `Medium`, `High` or `Critical`.
        severity: String,
        /// Where to read about it.
        reference: String,
    }
}
