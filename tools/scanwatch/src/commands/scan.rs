//! `scan`: files and folders once, for cron and pipes. It reports what it finds, and touches nothing.

mod input;
mod progress;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use policy::Policy;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::clamd::engine::Engine;
use crate::cli::ScanArgs;
use crate::pipeline::engine_check::rely_on;
use crate::pipeline::output::Output;
use crate::pipeline::shared::{OnFound, Options, Shared};
use crate::pipeline::worker::Worker;
use crate::share::directory::Root;
use crate::stop::{Stop, signals, wait};
use input::Input;

/// Files that wait at most: the walk waits for room, so more would only cost memory.
const CAPACITY: usize = 4096;

/// Scans everything that is given.
pub(crate) fn scan(args: &ScanArgs, policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let mut warden = policy.warden.clone();
    warden.clamd = args.engine.clamd.address(policy);
    let signals = signals()?;
    let input = input::parse(args)?;
    let root = Arc::new(Root::open(Path::new("/"))?);
    let engine = Engine::new(warden.clamd.clone(), args.engine.allow_degraded);
    let output = Output::new(Writer::stdout(Provider::Scanwatch, Purpose::Judge, output, false));
    let changed_since = args.changed_since.map(ago).transpose()?;
    let options = Options { capacity: CAPACITY, quiet_clean: args.engine.quiet_clean, changed_since };
    let shared = Shared::new(warden, OnFound::Report, engine, output, options)?;
    rely_on(&shared)?;
    let finished = Stop::new()?;
    run(&shared, &root, &input, args.engine.connections, (&signals, &finished));
    shared.output.finish()
}

/// A time that long ago, in nanoseconds since 1970.
fn ago(age: Duration) -> anyhow::Result<i64> {
    let then = SystemTime::now().checked_sub(age).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    then.and_then(|time| i64::try_from(time.as_nanos()).ok()).context("--changed-since is longer ago than files can be")
}

fn run(shared: &Shared, root: &Arc<Root>, input: &Input, workers: usize, ends: (&UnixStream, &Stop)) {
    let (signals, finished) = ends;
    std::thread::scope(|scope| {
        scope.spawn(|| shared.queue.tend());
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(|| Worker::new(shared).run())).collect();
        scope.spawn(move || {
            while !finished.is_raised() && !shared.stop.is_raised() {
                let ready = wait(&[signals.as_fd(), finished.as_fd(), shared.stop.as_fd()], None);
                if ready.first() == Some(&true) {
                    shared.output.fail(anyhow::anyhow!("cut off by a signal; the scan is not complete"), &shared.stop);
                }
            }
            shared.queue.stop();
        });
        let bar = progress::spinner();
        input::feed(shared, root, input, &bar);
        shared.queue.close();
        for worker in running {
            if worker.join().is_err() {
                shared.output.fail(anyhow::anyhow!("a scanning thread fell; the scan is not complete"), &shared.stop);
            }
        }
        bar.finish_and_clear();
        finished.raise();
    });
}
