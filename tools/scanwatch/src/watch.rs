//! `watch`: the warden at work. Each thread has one thing to do, and ends when the run is stopped:
//! the listener (inotify), the walker of new folders, the walker of rounds, the one who scans again, the
//! keeper of the engine, the one who sees to remains, the one who tends the waiting room, and the lanes.

mod again;
mod keeper;
mod listener;
mod new_folders;
mod recovery;
mod remains;
mod rounds;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use crossbeam_channel::bounded;
use policy::Policy;
use record::{Action, Exit, Provider, Purpose, Writer};
use signal_hook::consts::{SIGINT, SIGIO, SIGTERM};
use signal_hook::low_level::pipe;

use crate::cli::WatchArgs;
use crate::court::{Court, Duty, Options};
use crate::engine::{Change, Engine};
use crate::failpoint;
use crate::jail::Jail;
use crate::lane::Lane;
use crate::place::Place;
use crate::source::Source;
use crate::stop::wait;
use crate::tell;
use crate::voice::Voice;
use new_folders::NewFolders;

/// Watches the share until SIGTERM or SIGINT.
pub(crate) fn watch(args: &WatchArgs, policy: &Policy, output: record::OutputArgs) -> anyhow::Result<Exit> {
    let share = args.share.clone().unwrap_or_else(|| policy.cell.share.folder());
    let mut settings = policy.warden.jail.clone();
    if let Some(jail) = &args.jail {
        settings.path.clone_from(jail);
    }
    let mut warden = policy.warden.clone();
    if let Some(clamd) = &args.engine.clamd {
        warden.clamd = clamd.clone();
    }
    if let Some(step) = args.die_at {
        failpoint::die_at(step);
    }
    let signals = signals()?;
    let place = Arc::new(Place::open(&share)?);
    let jail = Jail::open(&settings, Some(&share))?;
    jail.prove_writable()?;
    let engine = Engine::new(warden.clamd.clone(), args.engine.allow_degraded);
    let voice = Voice::new(Writer::stdout(Provider::Scanwatch, Purpose::Tell, output, true));
    let options = Options { capacity: args.queue, quiet_clean: args.engine.quiet_clean, changed_since: None };
    let court = Court::new(warden, Duty::Guard(jail), engine, voice, options)?;
    rely_on(&court)?;
    let watches = Source::open(args.source, &place)?;
    if let Duty::Guard(jail) = &court.duty {
        recovery::recover(&court, jail, &place)?;
        court.tell(&tell::started(&share, jail.shown()));
    }
    run(&court, &place, &watches, args.engine.connections, &signals);
    court.voice.finish()
}

/// No file is believed to be clean before the engine has shown that it sees.
pub(crate) fn rely_on(court: &Court) -> anyhow::Result<()> {
    let shown = court.engine.shown();
    let change = court.engine.examine();
    if let Change::Up(trust) = &change {
        court.engine.name(&trust.edition);
    }
    match change {
        Change::Up(trust) if trust.doubts.is_empty() => {
            let message = format!("clamd at {shown} flags the planted marker and what exceeds its limits.");
            let record =
                tell::scanner_up(Action::ScannerVerified, message, &trust.edition.version, court.queue.backlog());
            court.tell(&record);
        }
        Change::Up(trust) => court.tell(&tell::scanner_degraded(&trust.edition.version, &trust.reasons(), true)),
        Change::Degraded(trust) => {
            bail!(
                "clamd at {shown} ({}) cannot be relied on: {}. --allow-degraded uses it all the same",
                trust.edition.version,
                trust.reasons()
            )
        }
        Change::Away(error) if court.engine.allows_degraded() && matches!(court.duty, Duty::Guard(_)) => {
            court.tell(&tell::scanner_unavailable(&shown, &error.to_string(), court.queue.backlog()));
        }
        Change::Away(error) => {
            bail!("clamd at {shown} does not answer: {error}. Start it, or name its socket with --clamd")
        }
    }
    Ok(())
}

fn run(court: &Court, place: &Arc<Place>, watches: &Source, lanes: usize, signals: &UnixStream) {
    // Unbounded would hide an overflow; both are small, and what does not fit is found by walking.
    let (want_round, rounds) = bounded(4);
    let folders = &NewFolders::new();
    let (want_again, again) = bounded(1);
    std::thread::scope(|scope| {
        scope.spawn(|| court.queue.tend());
        for _ in 0..lanes {
            scope.spawn(|| Lane::new(court).run());
        }
        let want = want_round.clone();
        scope.spawn(move || listener::listen(court, place, watches, folders, &want));
        scope.spawn(move || rounds::walk_folders(court, place, watches, folders));
        let want = want_again.clone();
        scope.spawn(move || rounds::make_rounds(court, place, watches, &rounds, &want));
        scope.spawn(move || again::scan_again(court, place, &again));
        scope.spawn(|| remains::see_to(court, &court.remains.1));
        scope.spawn(move || keeper::keep(court, &want_round, &want_again));
        while !court.stop.is_raised() {
            if wait(&[signals.as_fd(), court.stop.as_fd()], None).first() == Some(&true) {
                court.stop.raise();
            }
        }
        court.queue.stop();
    });
}

/// A descriptor that is readable when the run is to end. SIGIO comes when a lease of ours is broken in
/// the instant it is held, and would end us: it is only taken note of.
pub(crate) fn signals() -> anyhow::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair().context("signals cannot be received")?;
    for signal in [SIGTERM, SIGINT] {
        pipe::register(signal, theirs.try_clone()?).context("signals cannot be received")?;
    }
    signal_hook::flag::register(SIGIO, Arc::default()).context("signals cannot be received")?;
    Ok(ours)
}

/// How often all of the share is walked when the kernel gives too few watches, at most.
const WITHOUT_WATCHES: Duration = Duration::from_secs(30);
