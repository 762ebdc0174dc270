//! The flags that say which policy is meant.

use std::path::PathBuf;

use crate::locate::locate;
use crate::{Policy, PolicyError};

const POLICY_HELP: &str =
    "Policy [default: $CELLBLOCK_POLICY, ./policy.toml, ./compose/policy.toml, /etc/cellblock/policy.toml]";
const ROOT_HELP: &str = "Folder where the policy's relative paths start [default: the folder above compose/, \
                         /var/lib/cellblock for /etc/cellblock, else the policy's]";

/// The two flags that every tool takes; `#[command(flatten)]` them.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PolicyArgs {
    /// The policy; without it, see [`crate::locate()`].
    #[arg(long, value_name = "FILE", global = true, help = POLICY_HELP)]
    pub policy: Option<PathBuf>,
    /// Where its relative paths start; without it, see [`Policy::load`].
    #[arg(long, value_name = "DIR", global = true, help = ROOT_HELP)]
    pub root: Option<PathBuf>,
}

impl PolicyArgs {
    /// Finds, reads and checks the policy.
    ///
    /// # Errors
    /// As [`crate::locate()`] and [`Policy::load`].
    pub fn load(&self) -> Result<Policy, PolicyError> {
        Policy::load(&locate(self.policy.as_deref())?, self.root.as_deref())
    }
}
