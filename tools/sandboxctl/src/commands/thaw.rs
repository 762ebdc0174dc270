//! `sandboxctl thaw`: gives the cell its network back, and lets it run.

use policy::PolicyArgs;
use tool::{Exit, OutputArgs, Purpose};

use super::with_records;
use crate::freeze::thaw;

/// Undoes a freeze.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(policy: &PolicyArgs, output: OutputArgs) -> anyhow::Result<Exit> {
    with_records(policy, output, Purpose::Judge, thaw)
}
