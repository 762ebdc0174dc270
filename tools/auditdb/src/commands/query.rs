//! `auditdb query`: asks the database in SQL.

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tool::Exit;

use crate::cli::Query;
use crate::read;
use crate::read::sheet::Rows;
use crate::store::Store;

/// The longest statement that is read from standard input, in bytes.
const LONGEST: u64 = 1 << 20;

/// Runs one statement that reads.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &Query, store: &Store) -> Result<Exit> {
    let rows = rows(args)?;
    let asked = read::Query {
        statement: &statement(&args.sql)?,
        rows,
        to: args.to.as_deref(),
        memory: &args.memory,
        limit: Duration::from_secs(args.timeout),
    };
    let state = read::query(&asked, store)?;
    Ok(if state.reservations().is_empty() { Exit::Success } else { Exit::Unknown })
}

fn statement(given: &str) -> Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut sql = String::new();
    io::stdin().take(LONGEST + 1).read_to_string(&mut sql).context("standard input cannot be read as SQL")?;
    if sql.len() as u64 > LONGEST {
        bail!("standard input: longer than {LONGEST} bytes, and so no statement");
    }
    Ok(sql)
}

/// How the rows come: a table where a person looks, lines where a program does, unless said.
fn rows(args: &Query) -> Result<Rows> {
    let terminal = args.to.is_none() && io::stdout().is_terminal();
    let rows = args.output.unwrap_or(if terminal { Rows::Table } else { Rows::Jsonl });
    ensure!(
        !(terminal && rows == Rows::Parquet),
        "--output parquet: is nothing to look at; --to FILE writes it, or redirect standard output"
    );
    Ok(rows)
}
