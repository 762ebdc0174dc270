//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use policy::PolicyArgs;
use record::OutputArgs;

use crate::read::When;
use crate::source::Source;

/// Keep the record: every line of every tool, in DuckDB
///
/// Lines are appended to a spool and are on the disk before anything else happens with them. Who reads
/// folds the spool into the database first, exactly once.
#[derive(Debug, Parser)]
#[command(name = "auditdb", version = record::version(), max_term_width = 110, after_help = EXAMPLES)]
#[command(disable_help_flag = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The record's folder, instead of the policy's audit.directory
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Print help
    #[arg(short, long, action = clap::ArgAction::HelpShort, global = true)]
    help: Option<bool>,
}

const EXAMPLES: &str = "\
Examples:
  scanwatch watch | auditdb ingest --tee | jq -c 'select(.event.severity>=73)'
  auditdb events --since 1h --outcome failure

Exit status: 0 all as the policy says, 1 findings, 2 usage, bad input or environment,
3 nothing failed but something could not be evaluated. See auditdb(1).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Append lines to the record
    Ingest(Ingest),
    /// Compare the refs of a git repository with those of the round before
    Refs(Refs),
    /// Ask the database in SQL; rows come as JSON lines
    Query(Query),
    /// Print records, oldest first
    Events(Box<Events>),
    /// Compute the spool's hash chains again, and hold them against the database
    Verify,
    /// Make the database again from the spool
    Rebuild(Rebuild),
    /// Remove what is older than the policy keeps it
    Prune(Prune),
    /// Print a completion script
    #[command(hide = true)]
    Completions { shell: record::Shell },
}

#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// File of JSON lines; - is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Whose lines these are, whatever they say themselves; without it they must be one of our tools'
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<Source>,
    /// Pass the lines on to standard output, once they are on the disk
    #[arg(long)]
    pub(crate) tee: bool,
}

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false)]
pub(crate) struct RefsOf {
    /// The repository whose `git ls-remote` comes on standard input
    #[arg(long, value_name = "URL", group = "what")]
    pub(crate) repo: Option<String>,
    /// Print the addresses of the policy's repositories, one a line
    #[arg(long, group = "what")]
    pub(crate) list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Refs {
    #[command(flatten)]
    pub(crate) of: RefsOf,
    /// Database of the refs [default: refs.duckdb in the record's folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// Read nothing; record that the repository could not be read, and why
    #[arg(long, value_name = "REASON", conflicts_with = "list")]
    pub(crate) unreachable: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// One SQL statement of DuckDB's; - reads it from standard input
    pub(crate) sql: String,
    /// The most memory it may use
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub(crate) memory: String,
    /// The longest it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// Also where the old database remembers more than the spool holds; the old one is kept beside the new one
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove what came in before this time, instead of the policy's audit.retain
    #[arg(long, value_name = "TIME")]
    pub(crate) older_than: Option<When>,
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// From this time on: RFC 3339, or so long ago, such as 90s, 30m, 1h or 2d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// Up to this time, and not including it
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<When>,
    /// Of this tool or source
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Vec<String>,
    /// With this action, such as ref-moved
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Vec<String>,
    /// With this verdict
    #[arg(long, value_name = "OUTCOME", value_parser = ["success", "failure", "unknown"])]
    pub(crate) outcome: Vec<String>,
    /// At least this bad: 21 low, 47 medium, 73 high, 99 critical
    #[arg(long, value_name = "0..99", value_parser = clap::value_parser!(u8).range(0..=99))]
    pub(crate) severity: Option<u8>,
    /// About this container
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Vec<String>,
    /// The newest so many
    #[arg(long, value_name = "COUNT")]
    pub(crate) limit: Option<u32>,
    /// Go on with what comes in
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_and_option_stands_in_the_manual() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/auditdb.1")).unwrap();
        let mut command = Cli::command();
        command.build();
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
            assert!(page.contains(&format!(".Ss {}\n", sub.get_name())), "{} has no part of its own", sub.get_name());
            for option in sub.get_arguments().filter_map(|argument| argument.get_long()) {
                assert!(page.contains(&format!("Fl Fl {option}")), "--{option} of {}", sub.get_name());
            }
        }
    }
}
