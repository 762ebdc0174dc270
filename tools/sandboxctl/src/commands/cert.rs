//! `sandboxctl cert`: makes, shows and delivers keys and certificates.

use anyhow::{Context, bail};
use policy::{Policy, PolicyArgs, Service};
use tool::{Exit, OutputArgs, Purpose, Writer};

use super::with_records;
use crate::cert::pair::Pair;
use crate::cert::store::{Slot, Store};
use crate::cert::{inspect, make, records};
use crate::cli::{Cert, CertCreate};
use crate::nginx;
use crate::secret::{self, Delivery};

/// Makes the vault's pair, takes one that a person has, or tells its fingerprint.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(what: &Cert, policy: &PolicyArgs, output: OutputArgs) -> anyhow::Result<Exit> {
    match what {
        Cert::Fingerprint { plain: true } => plain(&policy.load()?).map(|()| Exit::Success),
        _ => with_records(policy, output, Purpose::Tell, |policy, out| write(what, policy, out)),
    }
}

/// One record for each certificate that it is about.
fn write(what: &Cert, policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let store = Store::of(policy);
    match what {
        Cert::Create(options) => create(options, policy, &store, out),
        Cert::Show => show(&store, out),
        Cert::Fingerprint { .. } => out.write(&records::shown(&store.read(Slot::Current)?, Slot::Current)),
        Cert::Deliver => deliver(policy, &store, out),
        Cert::Inspect => inspect::run(policy, out),
    }
}

/// Prints the pin of the current certificate, and nothing else.
fn plain(policy: &Policy) -> anyhow::Result<()> {
    let pair = Store::of(policy).read(Slot::Current)?;
    tool::print(format!("{}\n", records::pin(&pair.leaf)).as_bytes())
}

fn create(options: &CertCreate, policy: &Policy, store: &Store, out: &mut Writer) -> anyhow::Result<()> {
    let _alone = store.prepare()?;
    let slot = if options.next { Slot::Next } else { Slot::Current };
    if options.renew && store.holds(Slot::Next) {
        store.promote()?;
        return out.write(&records::renewed(&store.read(Slot::Current)?));
    }
    if !options.renew && store.holds(slot) {
        return out.write(&records::already_there(&store.read(slot)?, slot));
    }
    let pair = make::pair(&make::names(policy), options.days)?;
    store.write(slot, &pair)?;
    out.write(&records::created(&pair, slot))
}

/// A certificate that no longer fits its key, or its time, is a finding.
fn show(store: &Store, out: &mut Writer) -> anyhow::Result<()> {
    for slot in [Slot::Current, Slot::Next] {
        if slot == Slot::Current || store.holds(slot) {
            let pair = store.read(slot)?;
            let verdict = pair.verdict(jiff::Timestamp::now());
            out.check(&records::checked(&pair, slot, &verdict))?;
        }
    }
    Ok(())
}

fn deliver(policy: &Policy, store: &Store, out: &mut Writer) -> anyhow::Result<()> {
    let pair = store.read(Slot::Current)?;
    if let Err(problem) = pair.verdict(jiff::Timestamp::now()) {
        bail!("{}: {}; {}", store.certificate(Slot::Current).display(), problem.what, problem.mend);
    }
    let vault = policy.container(Service::Vault);
    engine::wait_for(hand_over(vault, &pair)).with_context(|| format!("nothing usable was delivered to {vault}"))?;
    out.write(&records::delivered(&pair, vault))
}

async fn hand_over(vault: &str, pair: &Pair) -> anyhow::Result<()> {
    let docker = engine::Engine::connect().await?;
    // The certificate last: the vault starts when it sees both.
    for (name, bytes) in [("vault/key.pem", pair.key()), ("vault/cert.pem", pair.certificate())] {
        secret::deliver(&docker, &Delivery { container: vault, name, bytes }).await?;
    }
    nginx::reload(&docker, vault).await
}
