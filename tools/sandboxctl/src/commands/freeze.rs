//! `sandboxctl freeze`: the kill switch, pulled at once or at the end of a pipe.

use std::io::BufRead;

use policy::{Policy, PolicyArgs};
use record::{Lines, Outcome};
use tool::{Exit, OutputArgs, Purpose, Writer};

use super::with_records;
use crate::freeze::{Trigger, freeze};

/// Freezes the cell, at once or when a record asks for it.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(trigger: &Trigger, policy: &PolicyArgs, output: OutputArgs) -> anyhow::Result<Exit> {
    with_records(policy, output, Purpose::Judge, |policy, out| when(policy, trigger, std::io::stdin().lock(), out))
}

/// Freezes at once, or when a record comes that lets it fire. What is no record fires nothing, and nobody knows what it
/// was.
///
/// # Errors
/// As [`freeze`].
fn when(policy: &Policy, trigger: &Trigger, input: impl BufRead, out: &mut Writer) -> anyhow::Result<()> {
    if !trigger.waits() {
        return freeze(policy, out);
    }
    for line in Lines::new(input) {
        match line {
            Ok(line) if trigger.fires(&line.record) => {
                eprintln!("sandboxctl: freezing: {}", record::escape(&line.record.message));
                return freeze(policy, out);
            }
            Ok(_) => out.count(Outcome::Success),
            Err(error) => {
                eprintln!("sandboxctl: {error}");
                out.count(Outcome::Unknown);
            }
        }
    }
    Ok(())
}
