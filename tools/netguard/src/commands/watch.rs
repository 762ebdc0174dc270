//! `netguard watch`: follows until SIGINT or SIGTERM comes.

use std::path::Path;

use anyhow::Result;
use policy::PolicyArgs;
use tool::{Exit, Stop, Writer};

use crate::backend::Choice;
use crate::watch;

/// Keeps the moat as planned, until SIGINT or SIGTERM.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(choice: Choice, policy: &PolicyArgs, keep: Option<&Path>, mut writer: Writer) -> Result<Exit> {
    let stop = Stop::listen()?;
    watch::run(choice, policy, keep, &stop, &mut writer)?;
    writer.finish()
}
