//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use policy::PolicyArgs;
use tool::OutputArgs;

use crate::export::Form;
use crate::read::sheet::Rows;
use crate::read::{Filters, Shape};
use crate::source::{Named, Source};
use crate::store::StoreArgs;
use crate::when::When;

/// Keep the record: every line of every tool, in DuckDB
///
/// Lines are appended to a spool and are on the disk before anything else happens with them. Who reads
/// folds the spool into the database first, exactly once.
#[derive(Debug, Parser)]
#[command(name = "auditdb", version = tool::version(), max_term_width = 110, after_help = EXAMPLES)]
#[command(disable_help_flag = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
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
    /// Ask the database in SQL
    Query(Query),
    /// Print records, oldest first
    Events(Box<Events>),
    /// Write records for other programs: csv, sarif, junit, ocsf, parquet
    Export(Box<Export>),
    /// Tell what matters: layers, findings, refusals, incidents, gaps
    Report(Report),
    /// Hold the record against its chains, its checkpoints, its anchors and its database
    Verify(Verify),
    /// Print a proof that a line is in the record, for who does not have it
    Prove(Prove),
    /// Show the public half of the key that signs the checkpoints, or let a new key follow it
    Key(Key),
    /// Make the database again from the spool
    Rebuild(Rebuild),
    /// Remove what is older than the policy keeps it
    Prune(Prune),
    /// Print a completion script
    #[command(hide = true)]
    Completions { shell: tool::Shell },
}

#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// File of JSON lines; - is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Follow the log of this container, from where it was left, instead of a file
    #[arg(long, value_name = "CONTAINER", conflicts_with = "file", requires = "provider")]
    pub(crate) from_docker: Option<String>,
    /// Whose lines these are, whatever they say themselves; without it they must be one of our tools'
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<Source>,
    /// The input is all that its source wrote: tell where the numbers that it gives its lines leave some out
    #[arg(long, requires = "provider")]
    pub(crate) whole: bool,
    /// Instead of one file, each of these, as its own source's lines, all in one segment; give it as often as there are
    /// files
    #[arg(long, value_name = "NAME=FILE", conflicts_with_all = ["file", "from_docker", "provider", "whole"])]
    pub(crate) each: Vec<Named>,
    /// Pass the lines on to standard output, once they are on the disk
    #[arg(long)]
    pub(crate) tee: bool,
}

/// What is asked of the refs that the record tells of, instead of a new round.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct RefsAsked {
    /// Print the addresses of the policy's repositories, one a line
    #[arg(long, conflicts_with_all = ["repo", "unreachable"])]
    pub(crate) list: bool,
    /// Print where all refs pointed at this time
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<When>,
    /// Print the changes of this ref
    #[arg(long, value_name = "REF")]
    pub(crate) history: Option<String>,
    /// Print from when to when this ref pointed where, and how long that exposed who used it
    #[arg(long, value_name = "REF")]
    pub(crate) window: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Refs {
    /// The repository whose `git ls-remote` comes on standard input, or that is asked about
    #[arg(long, value_name = "URL", required_unless_present_any = ["list", "at", "history", "window"])]
    pub(crate) repo: Option<String>,
    #[command(flatten)]
    pub(crate) asked: RefsAsked,
    /// Keep the commits of the repository in a mirror below this folder, and tell what a change means by them
    #[arg(long, value_name = "DIR", conflicts_with_all = ["list", "at", "history", "window", "unreachable"])]
    pub(crate) fetch: Option<PathBuf>,
    /// Database of the refs [default: refs.duckdb in the record's folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// Read nothing; record that the repository could not be read, and why
    #[arg(long, value_name = "REASON", conflicts_with_all = ["at", "history", "window"])]
    pub(crate) unreachable: Option<String>,
}

#[derive(Debug, Args)]
#[allow(rustdoc::broken_intra_doc_links, reason = "it is the help's text too, where [NAME] may be left out")]
pub(crate) struct Query {
    /// One SQL statement of DuckDB's; - reads it from standard input, .schema [NAME] tells what there is to ask
    pub(crate) sql: String,
    /// How rows are printed: a table on a terminal and jsonl elsewhere, unless said
    #[arg(long, short, value_enum)]
    pub(crate) output: Option<Rows>,
    /// The file to write, all at once, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// The most memory it may use
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub(crate) memory: String,
    /// The longest it may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Instead of the record, this proof of one line; - is standard input
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) proof: Option<PathBuf>,
    /// The public half of the key that must have signed it, or all lines that `auditdb key show` prints
    #[arg(long, value_name = "PUB", requires = "proof")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// The line's event.id
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Key {
    /// What to do with it
    #[arg(value_parser = ["show", "rotate"])]
    pub(crate) what: String,
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
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// The newest so many; 10 where no number is given
    #[arg(long, short = 'n', visible_alias = "lines", value_name = "COUNT", num_args = 0..=1, default_missing_value = "10")]
    pub(crate) limit: Option<u32>,
    /// The newest first
    #[arg(long, short, conflicts_with = "follow")]
    pub(crate) reverse: bool,
    /// A line for a person, the line as JSON, or the message alone, instead of --format
    #[arg(long, short, value_enum)]
    pub(crate) output: Option<Shape>,
    /// Go on with what comes in
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// As what
    #[arg(value_enum)]
    pub(crate) form: Form,
    /// The file to write, all at once; - is standard output. With parquet or --since-last a folder
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
    /// Only what came in since the last time that this went to the same folder
    #[arg(long)]
    pub(crate) since_last: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// From this time on, such as 24h, 1w or RFC 3339 [default: 1w]
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// Write a page for a browser into this file instead
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
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
