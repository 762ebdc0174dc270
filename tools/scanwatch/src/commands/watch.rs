//! `watch`: the warden at work.

use std::sync::Arc;

use policy::Policy;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::clamd::engine::Engine;
use crate::cli::WatchArgs;
use crate::failpoint;
use crate::jail::Jail;
use crate::pipeline::engine_check::rely_on;
use crate::pipeline::output::Output;
use crate::pipeline::shared::{OnFound, Options, Shared};
use crate::records;
use crate::share::directory::Root;
use crate::sources::Source;
use crate::stop::signals;
use crate::watch::{recovery, run};

/// Watches the share until SIGTERM or SIGINT.
pub(crate) fn watch(args: &WatchArgs, policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let share = args.share.folder(policy);
    let mut warden = policy.warden.clone();
    warden.clamd = args.engine.clamd.address(policy);
    if let Some(step) = args.die_at {
        failpoint::die_at(step);
    }
    let signals = signals()?;
    let root = Arc::new(Root::open(&share)?);
    let jail = Jail::open(&args.jail.settings(policy), Some(&share))?;
    jail.prove_writable()?;
    let engine = Engine::new(warden.clamd.clone(), args.engine.allow_degraded);
    let output = Output::new(Writer::stdout(Provider::Scanwatch, Purpose::Tell, output, true));
    let options = Options { capacity: args.queue, quiet_clean: args.engine.quiet_clean, changed_since: None };
    let shared = Shared::new(warden, OnFound::Quarantine(jail), engine, output, options)?;
    rely_on(&shared)?;
    let watches = Source::open(args.source, &root)?;
    if let OnFound::Quarantine(jail) = &shared.on_found {
        recovery::recover(&shared, jail, &root)?;
        shared.report(&records::started(&share, jail.shown()));
    }
    run(&shared, &root, &watches, args.engine.connections, &signals);
    shared.output.finish()
}
