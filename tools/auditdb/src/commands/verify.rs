//! `auditdb verify`: holds the record against all that remembers it, or one line against its proof.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer, input};

use crate::keep::prove::checked;
use crate::keep::verify::verify;
use crate::store::Store;

/// The longest proof that is read, in bytes: a line of 1 MiB in base64, and its path.
const LONGEST: u64 = 4 << 20;

/// Holds segments, rows, checkpoints and anchors against each other, or checks one proof.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(store: &Store, output: OutputArgs) -> Result<Exit> {
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Judge, output, false);
    verify(store)?.iter().try_for_each(|record| out.check(record))?;
    out.finish()
}

/// What `--proof` does: a line, proved without the record.
///
/// # Errors
/// If the file cannot be read, or standard output not written.
pub(crate) fn proof(file: &Path, key: &str, output: OutputArgs) -> Result<Exit> {
    let text = read(file).with_context(|| format!("{}: cannot be read as a proof", file.display()))?;
    let mut out = Writer::stdout(Provider::Auditdb, Purpose::Judge, output, false);
    // As `key show` prints them: a line each, and behind the key what it is.
    let public: Vec<&str> = key
        .lines()
        .filter_map(|line| line.strip_prefix("ed25519 ").unwrap_or(line).split_whitespace().next())
        .collect();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        out.check(&checked(line, &public))?;
    }
    out.finish()
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    input::open(file)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        bail!("longer than {LONGEST} bytes");
    }
    Ok(text)
}
