//! Does the gate open anybody's TLS? Where the policy asks for it (`tls = "inspect"`) that is a deviation. Its owner
//! accepts it with a waiver, and nobody overlooks it. The policy alone does not tell: what an earlier one asked for may
//! still be in the gate and trusted in the cell.

use record::Severity::Medium;

use super::control::{Control, Verdict};
use super::facts::Subject;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[Control::new(
    "cellblock-tls-inspected",
    "opens no TLS session of the cell's",
    Medium,
    "write tls = \"verify\" or \"passthrough\" for the names and run scripts/up, or accept it with a [[waiver]]",
    inspects,
)];

fn inspects(subject: &Subject) -> Verdict {
    if let Some(path) = &subject.expect.left {
        return Verdict::untold(format!(
            "the policy asks for none, but {} of an earlier start is there, and the gate may hold its keys: run scripts/up",
            path.display()
        ));
    }
    match &subject.expect.inspects {
        Some(names) => Verdict::none_of("none", names),
        None => Verdict::NotApplicable,
    }
}
