//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use policy::PolicyArgs;
use record::OutputArgs;

/// The moat: a packet filter around containers. The internet yes, the LAN and the host never.
#[derive(Debug, Parser)]
#[command(name = "netguard", version = record::version(), after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Which policy.
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// How to print.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

const EXAMPLES: &str = "Examples:
  netguard apply && netguard verify
  netguard plan | jq -c 'select(.rule.id==\"cell/host\")'

Exit status: 0 as the policy says, 1 findings, 2 usage or environment, 3 not known.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the rules that the policy asks for, one record a rule
    Plan,
    /// Load the rules, all at once
    Apply(ApplyArgs),
    /// Hold the kernel against the policy, rule by rule
    Verify,
    /// Take the rules away, unless something is still behind them
    Remove(RemoveArgs),
    /// Print a shell's completions
    #[command(hide = true)]
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

/// Of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A plan to load instead of the policy's: a file of `netguard plan` lines, or - for stdin
    #[arg(value_name = "PLAN")]
    pub(crate) plan: Option<PathBuf>,
    /// Change nothing; print what would change, and exit with 1 if anything would
    #[arg(long)]
    pub(crate) check: bool,
}

/// Of `remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Remove the rules even while containers are behind them: they reach the LAN and the host at once
    #[arg(long)]
    pub(crate) force: bool,
}
