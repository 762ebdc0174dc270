//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use policy::PolicyArgs;
use tool::OutputArgs;

use crate::backend::Choice;

/// The moat: a packet filter around containers. The internet yes, the LAN and the host never
#[derive(Debug, Parser)]
#[command(name = "netguard", version = tool::version(), after_help = EXAMPLES, disable_help_flag = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Who speaks to the kernel; the same for every command of one moat
    #[arg(long, value_name = "PROGRAM", value_enum, default_value_t = Choice::Auto, global = true)]
    pub(crate) backend: Choice,
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort, global = true)]
    help: Option<bool>,
}

const EXAMPLES: &str = "Examples:
  netguard apply && netguard verify
  netguard explain 192.168.1.10:445/tcp 0x7f.1 '[2001:db8::1]:53/udp'

Exit status: 0 as the policy says, 1 findings, 2 usage or environment, 3 not known.";

/// The subcommands of netguard.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the rules that the policy asks for, one record a rule
    Plan,
    /// Load the rules, all at once
    Apply(ApplyArgs),
    /// Hold the kernel against the policy, rule by rule
    Verify(VerifyArgs),
    /// Keep the rules: load them again when anything changes them, follow the host's networks
    Watch(WatchArgs),
    /// Print who tried what: denied flows, with packets, bytes and the reason
    Denied(DeniedArgs),
    /// Say what the moat does with packets to an address, and by which rule
    Explain(ExplainArgs),
    /// Take the rules away, unless something is still behind them
    Remove(RemoveArgs),
    /// Print a shell's completions
    #[command(hide = true)]
    Completions {
        /// For which shell.
        shell: tool::Shell,
    },
}

/// Whose rules, whether they are loaded or only compared, and what there is in their place.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A plan to load instead of the policy's: a file of `netguard plan` lines, or - for stdin
    #[arg(value_name = "PLAN", conflicts_with = "keep")]
    pub(crate) plan: Option<PathBuf>,
    /// Change nothing; print what would change, and exit with 1 if anything would
    #[arg(long, conflicts_with = "keep")]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) last: LastGood,
}

/// What a watch has while the policy cannot be read.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) last: LastGood,
}

/// The file of rules for a time when the policy cannot be read.
#[derive(Debug, Args)]
pub(crate) struct LastGood {
    /// Keep the rules that were loaded in this file, and load them from there while the policy cannot be read
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
}

/// What becomes of the answer.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// If all of it holds, permit Docker to start what is behind the moat; a verify that fails takes that back
    #[arg(long)]
    pub(crate) permit: bool,
    /// Only look: the permit stays as it is
    #[arg(long, conflicts_with = "permit")]
    pub(crate) look: bool,
}

/// One look or many, and how often.
#[derive(Debug, Args)]
pub(crate) struct DeniedArgs {
    /// Go on: each flow when it is first seen, then what is new of it
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Seconds between two looks, with --follow
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(crate) interval: u64,
}

/// Packets, by where they come from and where they go.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// ADDR, ADDR:PORT/PROTO, or - for lines of them on stdin; in any notation that a resolver takes
    #[arg(value_name = "TARGET", required = true)]
    pub(crate) targets: Vec<String>,
    /// The network that the packet comes from
    #[arg(long, value_name = "NETWORK", default_value = "cell")]
    pub(crate) from: String,
}

/// What happens where somebody would lose their moat.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Remove the rules even while containers are behind them: they reach the LAN and the host at once
    #[arg(long)]
    pub(crate) force: bool,
}
