//! Keeps an eye on the engine: is it there, is it itself, are its signatures the same? And on the queue.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use record::Action;

use crate::clamd::EngineVersion;
use crate::clamd::engine::Change;
use crate::clamd::status::{OwnSignatures, own_signatures};
use crate::pipeline::shared::Shared;
use crate::records;

/// How often the keeper asks an engine that answers.
const CALM: Duration = Duration::from_secs(10);
/// How often while it does not answer.
const AWAY: Duration = Duration::from_millis(500);
/// Longest wait for each of its answers.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The keeper reports a backlog when the first file has waited for this long, and as often.
const BACKLOG: Duration = Duration::from_secs(10);

/// Whom the keeper calls.
struct Calls<'a> {
    rounds: &'a Sender<&'static str>,
    again: &'a Sender<()>,
}

/// Until the run is stopped.
pub(crate) fn keep(shared: &Shared, rounds: &Sender<&'static str>, again: &Sender<()>) {
    let calls = Calls { rounds, again };
    let (mut doubts, mut own) = (String::new(), None);
    let mut backlog_told = Instant::now();
    loop {
        report_own(shared, &mut own);
        if shared.stop.wait(if shared.engine.is_up() { CALM } else { AWAY }) {
            return;
        }
        if shared.engine.is_up() {
            check(shared, &calls);
        } else {
            try_again(shared, &mut doubts, &calls);
        }
        let backlog = shared.queue.backlog();
        if backlog.oldest >= BACKLOG && backlog_told.elapsed() >= BACKLOG {
            backlog_told = Instant::now();
            shared.report(&records::backlog(backlog));
        }
        if shared.queue.take_overflow() {
            let _ = calls.rounds.try_send("overflow");
        }
    }
}

/// Reports once that the engine refused signatures of one's own, and once more when that is mended.
fn report_own(shared: &Shared, before: &mut Option<OwnSignatures>) {
    let now = own_signatures(shared.engine.address());
    let is_news = match (&*before, &now) {
        (Some(OwnSignatures::Refused(_)), Some(now)) => before.as_ref() != Some(now),
        (_, now) => matches!(now, Some(OwnSignatures::Refused(_))),
    };
    if let (true, Some(now)) = (is_news, &now) {
        shared.report(&records::own_signatures(now));
    }
    if now.is_some() {
        *before = now;
    }
}

fn check(shared: &Shared, calls: &Calls<'_>) {
    let asked = shared.engine.connect().and_then(|mut session| EngineVersion::ask(&mut session, TIMEOUT));
    match asked {
        Ok(engine_version) => renew(shared, &engine_version, calls),
        Err(broken) => shared.engine_lost(&broken),
    }
}

/// Other signatures: everything is to be scanned again.
fn renew(shared: &Shared, engine_version: &EngineVersion, calls: &Calls<'_>) {
    if let Some(before) = shared.engine.name(engine_version) {
        shared.scan_cache().new_epoch();
        shared.crashes().forget_all();
        shared.report(&records::signatures_changed(&before, engine_version));
        let _ = calls.again.try_send(());
    }
}

fn try_again(shared: &Shared, doubts: &mut String, calls: &Calls<'_>) {
    match shared.engine.examine() {
        Change::Up(trust) => {
            doubts.clear();
            let message = format!("clamd at {} answers again; what waited is scanned.", shared.engine.shown());
            let version = &trust.engine_version.version;
            shared.report(&records::scanner_up(Action::ScannerReturned, message, version, shared.queue.backlog()));
            renew(shared, &trust.engine_version, calls);
        }
        Change::Degraded(trust) => {
            let reasons = trust.reasons();
            if *doubts != reasons {
                shared.report(&records::scanner_degraded(&trust.engine_version.version, &reasons, false));
                *doubts = reasons;
            }
        }
        Change::Away(_) => doubts.clear(),
    }
}
