//! `scan`: files and folders once, for cron and pipes. What is found is told, nothing is touched.

mod input;
mod progress;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use policy::Policy;
use record::{Exit, OutputArgs, Provider, Purpose, Writer};

use crate::cli::ScanArgs;
use crate::court::{Court, Duty, Options};
use crate::engine::Engine;
use crate::lane::Lane;
use crate::place::Place;
use crate::stop::{Stop, wait};
use crate::voice::Voice;
use crate::watch::{rely_on, signals};
use input::{Given, given};

/// Files that wait at most: the walk waits for room, so more would only cost memory.
const CAPACITY: usize = 4096;

/// Scans everything that is given.
pub(crate) fn scan(args: &ScanArgs, policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let mut warden = policy.warden.clone();
    if let Some(clamd) = &args.engine.clamd {
        warden.clamd = clamd.clone();
    }
    let signals = signals()?;
    let given = given(args)?;
    let place = Arc::new(Place::open(Path::new("/"))?);
    let engine = Engine::new(warden.clamd.clone(), args.engine.allow_degraded);
    let voice = Voice::new(Writer::stdout(Provider::Scanwatch, Purpose::Judge, output, false));
    let changed_since = args.changed_since.map(ago).transpose()?;
    let options = Options { capacity: CAPACITY, quiet_clean: args.engine.quiet_clean, changed_since };
    let court = Court::new(warden, Duty::Look, engine, voice, options)?;
    rely_on(&court)?;
    let finished = Stop::new()?;
    run(&court, &place, &given, args.engine.connections, (&signals, &finished));
    court.voice.finish()
}

/// A time that long ago, in nanoseconds since 1970.
fn ago(age: Duration) -> anyhow::Result<i64> {
    let then = SystemTime::now().checked_sub(age).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    then.and_then(|time| i64::try_from(time.as_nanos()).ok()).context("--changed-since is longer ago than files can be")
}

fn run(court: &Court, place: &Arc<Place>, given: &Given, lanes: usize, ends: (&UnixStream, &Stop)) {
    let (signals, finished) = ends;
    std::thread::scope(|scope| {
        scope.spawn(|| court.queue.tend());
        let workers: Vec<_> = (0..lanes).map(|_| scope.spawn(|| Lane::new(court).run())).collect();
        scope.spawn(move || {
            while !finished.is_raised() && !court.stop.is_raised() {
                let ready = wait(&[signals.as_fd(), finished.as_fd(), court.stop.as_fd()], None);
                if ready.first() == Some(&true) {
                    court.voice.fail(anyhow::anyhow!("cut off by a signal; the scan is not complete"), &court.stop);
                }
            }
            court.queue.stop();
        });
        let bar = progress::spinner();
        input::feed(court, place, given, &bar);
        court.queue.close();
        for worker in workers {
            if worker.join().is_err() {
                court.voice.fail(anyhow::anyhow!("a scanning thread fell; the scan is not complete"), &court.stop);
            }
        }
        bar.finish_and_clear();
        finished.raise();
    });
}
