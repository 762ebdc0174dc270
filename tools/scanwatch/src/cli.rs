//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use policy::{Clamd, PolicyArgs};
use record::OutputArgs;

const EXAMPLES: &str = "Examples:
  scanwatch watch | jq -c 'select(.event.severity>=73)'
  find share -type f -print0 | scanwatch scan -0 -

Exit status: 0 nothing found · 1 findings · 2 usage or environment · 3 something was not scanned";

/// Scan what is written to the share with ClamAV, jail what is found, leave a tombstone
#[derive(Debug, Parser)]
#[command(name = "scanwatch", version = record::version(), after_help = EXAMPLES, max_term_width = 100)]
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
    /// Print a completion script for a shell
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The share [default: where the policy's cell.share is mounted]
    #[arg(long, value_name = "DIR")]
    pub(crate) share: Option<PathBuf>,
    /// The jail [default: the policy's warden.jail]
    #[arg(long, value_name = "DIR")]
    pub(crate) jail: Option<PathBuf>,
    /// The most files that wait to be scanned; more are found by walking
    #[arg(long, value_name = "FILES", default_value = "65536", value_parser = at_least_one)]
    pub(crate) queue: usize,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Files and folders; - reads paths from standard input, one a line
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Paths on standard input end with NUL, as find -print0 writes them
    #[arg(short = '0', long = "null")]
    pub(crate) null: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// clamd's socket: a path, or tcp://ADDRESS:PORT [default: the policy's warden.clamd]
    #[arg(long, value_name = "SOCKET", value_parser = clamd)]
    pub(crate) clamd: Option<Clamd>,
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

fn clamd(text: &str) -> Result<Clamd, String> {
    if let Some(address) = text.strip_prefix("tcp://") {
        let expected = "expected tcp://ADDRESS:PORT with an IP address, such as tcp://127.0.0.1:3310";
        return address.parse::<SocketAddr>().map(Clamd::Tcp).map_err(|_| expected.to_owned());
    }
    if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(Clamd::Unix(PathBuf::from(text))) }
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
    fn a_socket_is_a_path_or_an_address() {
        assert_eq!(clamd("/run/c.sock"), Ok(Clamd::Unix("/run/c.sock".into())));
        assert_eq!(clamd("tcp://127.0.0.1:3310"), Ok(Clamd::Tcp("127.0.0.1:3310".parse().unwrap())));
        assert!(clamd("tcp://localhost:3310").is_err() && clamd("").is_err());
    }
}
