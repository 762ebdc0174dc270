//! `jail`: what is in there, and the ways out of it.

mod restore;

use std::time::Duration;

use anyhow::bail;
use jiff::Timestamp;
use policy::Policy;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::{JailArgs, JailCommand};
use crate::jail::{Jail, Whole};
use crate::records;

/// What the subcommand does: `list` and `show` only read, `restore` and `purge` change the jail.
///
/// # Errors
/// If there is no jail, or a record cannot be written.
pub(crate) fn run(command: &JailCommand, policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let writer = Writer::stdout(Provider::Scanwatch, Purpose::Tell, output, false);
    match command {
        JailCommand::List { jail } => list(&open(policy, jail)?, writer),
        JailCommand::Show { ids, jail } => show(&open(policy, jail)?, ids, writer),
        JailCommand::Restore(args) => restore::restore(args, policy, &open(policy, &args.jail)?, writer),
        JailCommand::Purge { older_than, jail } => purge(&open(policy, jail)?, *older_than, writer),
    }
}

fn open(policy: &Policy, jail: &JailArgs) -> anyhow::Result<Jail> {
    Jail::open(&jail.settings(policy), None)
}

fn list(jail: &Jail, mut writer: Writer) -> anyhow::Result<Exit> {
    for entry in jail.entries()? {
        match &entry.facts {
            Some(facts) => writer.write(&records::entry(facts))?,
            None => writer.check(&records::no_facts(&entry.id))?,
        }
    }
    writer.finish()
}

fn show(jail: &Jail, ids: &[String], mut writer: Writer) -> anyhow::Result<Exit> {
    // All are looked up first: a mistyped id is an error, not half an answer.
    let entries: Vec<_> = ids.iter().map(|id| jail.entry(id)).collect::<anyhow::Result<_>>()?;
    for entry in entries {
        let Some(facts) = &entry.facts else {
            writer.check(&records::no_facts(&entry.id))?;
            continue;
        };
        let trouble = match jail.verify(facts) {
            Whole::Yes(_) => None,
            Whole::No(why) => Some(why),
        };
        writer.check(&records::verified(facts, trouble.as_deref(), jail.allows(&facts.sha256).as_deref()))?;
    }
    writer.finish()
}

fn purge(jail: &Jail, older_than: Duration, mut writer: Writer) -> anyhow::Result<Exit> {
    let Ok(limit) = Timestamp::now().checked_sub(older_than) else {
        bail!("--older-than is longer ago than any entry can be");
    };
    for entry in jail.entries()? {
        match &entry.facts {
            Some(facts) if facts.jailed.parse().is_ok_and(|jailed: Timestamp| jailed <= limit) => {
                jail.purge(&entry.id)?;
                writer.write(&records::purged(facts))?;
            }
            Some(_) => {}
            None => writer.check(&records::no_facts(&entry.id))?,
        }
    }
    writer.finish()
}
