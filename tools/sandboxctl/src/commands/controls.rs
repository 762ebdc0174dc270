//! `sandboxctl controls`: lists the controls of an audit.

use tool::{Exit, OutputArgs};

use crate::audit;

/// Lists the controls that the audit knows.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(output: OutputArgs) -> anyhow::Result<Exit> {
    audit::list(output).map(|()| Exit::Success)
}
