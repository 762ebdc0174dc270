//! The command line.

mod places;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use policy::PolicyArgs;
use tool::OutputArgs;

use crate::failpoint::Step;
use crate::sources::SourceKind;
pub(crate) use places::{ClamdArgs, JailArgs, ShareArgs};

const EXAMPLES: &str = "Examples:
  scanwatch watch | jq -c 'select(.event.severity>=73)'
  find share -type f -print0 | scanwatch scan -0 -

Exit status: 0 nothing found · 1 findings · 2 usage or environment · 3 something was not scanned";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "scanwatch",
    about = "Scan what is written to the share with ClamAV, jail what is found, leave a tombstone"
)]
#[command(version = tool::version(), after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_flag = true)]
pub(crate) struct Cli {
    // The short help for both: it fits a screen, and the man page has the rest.
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort, global = true)]
    help: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch the share until SIGTERM or SIGINT: scan what changes, jail what is found
    Watch(WatchArgs),
    /// Scan files and folders once, and tell; nothing is touched
    Scan(ScanArgs),
    /// Tell the SHA-256 of every file on the share: evidence, or what a later look is held against
    Hash(HashArgs),
    /// Show, bring back or remove what is in the jail
    #[command(subcommand)]
    Jail(JailCommand),
    /// Test what the warden rests on: engine, signatures, share and jail
    SelfTest(SelfTestArgs),
    /// Print a completion script for a shell
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: tool::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) share: ShareArgs,
    #[command(flatten)]
    pub(crate) jail: JailArgs,
    /// What tells of changes; fanotify takes no watches, but root, and tells of a whole file system
    #[arg(long, value_name = "SOURCE", default_value = "inotify")]
    pub(crate) source: SourceKind,
    /// The most files that wait to be scanned; more are found by walking
    #[arg(long, value_name = "FILES", default_value = "65536", value_parser = at_least_one)]
    pub(crate) queue: usize,
    /// For tests: die by SIGKILL at this step of taking a file away
    #[arg(long, value_name = "STEP", hide = true)]
    pub(crate) die_at: Option<Step>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JailCommand {
    /// One record for each entry, the oldest first
    List {
        #[command(flatten)]
        jail: JailArgs,
    },
    /// All facts of entries, and whether their content is still whole
    Show {
        /// Ids, or starts of ids that fit one entry
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        jail: JailArgs,
    },
    /// Bring a file back; refused over what is there, and while it is still detected
    Restore(RestoreArgs),
    /// Remove entries for good
    Purge {
        /// Only entries jailed longer ago than this: 90s, 15m, 12h, 30d
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: Duration,
        #[command(flatten)]
        jail: JailArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The id, or a start of it that fits one entry
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Bring it back as this file, instead of to its place in the share
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// Although it is detected: allow its hash from now on, for this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) allow: Option<String>,
    #[command(flatten)]
    pub(crate) share: ShareArgs,
    #[command(flatten)]
    pub(crate) jail: JailArgs,
    #[command(flatten)]
    pub(crate) clamd: ClamdArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SelfTestArgs {
    #[command(flatten)]
    pub(crate) share: ShareArgs,
    #[command(flatten)]
    pub(crate) jail: JailArgs,
    #[command(flatten)]
    pub(crate) clamd: ClamdArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Files and folders; - reads paths from standard input, one a line
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Paths on standard input end with NUL, as find -print0 writes them
    #[arg(short = '0', long = "null")]
    pub(crate) null: bool,
    /// Only what changed within this time, by the kernel's ctime: 90s, 15m, 12h, 30d
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) changed_since: Option<Duration>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HashArgs {
    #[command(flatten)]
    pub(crate) share: ShareArgs,
    /// The most files that are told, the newest change first
    #[arg(long, value_name = "FILES", default_value = "100000", value_parser = at_least_one)]
    pub(crate) most: usize,
    /// The largest file that is read: 100MiB, 2GiB [default: the policy's limit for scans]
    #[arg(long, value_name = "SIZE")]
    pub(crate) largest: Option<policy::Bytes>,
    /// The longest it may take: 90s, 15m, 12h
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = age)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    #[command(flatten)]
    pub(crate) clamd: ClamdArgs,
    /// Connections to clamd, 1 to 64
    #[arg(long, value_name = "N", default_value = "4", value_parser = connections)]
    pub(crate) connections: usize,
    /// Go on with a clamd that misses the planted marker, or is silent about its limits
    #[arg(long)]
    pub(crate) allow_degraded: bool,
    /// Count clean files, and print no line for each
    #[arg(long)]
    pub(crate) quiet_clean: bool,
}

/// A duration as the policy writes it; none at all is an age too.
fn age(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number and s, m, h or d, such as 30d".to_owned();
    match text {
        "0s" | "0m" | "0h" | "0d" => Ok(Duration::ZERO),
        // Nobody means so young a file: 30ms for 30m would purge nearly all.
        _ if text.ends_with("ms") => Err(expected()),
        _ => tool::duration::parse(text).map_err(|_| expected()),
    }
}

fn connections(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=64).contains(number))
        .ok_or_else(|| "expected a number from 1 to 64".to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number >= 1).ok_or_else(|| "expected a number of at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use policy::Clamd;

    fn walk(command: &clap::Command, visit: &mut impl FnMut(&clap::Command)) {
        visit(command);
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(sub, visit);
        }
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_subcommand_and_every_option_stands_in_the_man_page() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/scanwatch.1");
        let page = std::fs::read_to_string(page).unwrap();
        walk(&Cli::command(), &mut |command| {
            if !command.is_hide_set() {
                assert!(
                    page.contains(&format!(".Cm {}", command.get_name())) || command.get_name() == "scanwatch",
                    "{}",
                    command.get_name()
                );
            }
            for long in command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(clap::Arg::get_long) {
                assert!(page.contains(&format!("Fl Fl {long}")), "--{long} of {}", command.get_name());
            }
        });
    }

    #[test]
    fn an_age_is_a_number_and_a_unit() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(age("0s"), Ok(Duration::ZERO));
        for wrong in ["", "d", "30", "-1d", "1.5h", "30dd", "30ms", "1w", "99999999999999999d", "ä"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_socket_is_a_path_or_an_address() {
        assert_eq!(places::address("/run/c.sock"), Ok(Clamd::Unix("/run/c.sock".into())));
        assert_eq!(places::address("tcp://127.0.0.1:3310"), Ok(Clamd::Tcp("127.0.0.1:3310".parse().unwrap())));
        assert!(places::address("tcp://localhost:3310").is_err() && places::address("").is_err());
    }
}
