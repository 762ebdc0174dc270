//! Keeps an eye on the engine: is it there, is it itself, are its signatures the same? And on the queue.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use record::Action;

use crate::beside::{OwnSignatures, own_signatures};
use crate::clamd::Edition;
use crate::court::Court;
use crate::engine::Change;
use crate::tell;

/// How often the engine is looked at while it is there.
const CALM: Duration = Duration::from_secs(10);
/// How often while it is not.
const AWAY: Duration = Duration::from_millis(500);
/// Longest wait for each of its answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// A backlog is told when the first has waited for this long, and as often.
const BACKLOG: Duration = Duration::from_secs(10);

/// Whom the keeper calls.
struct Calls<'a> {
    rounds: &'a Sender<&'static str>,
    again: &'a Sender<()>,
}

/// Until the run is stopped.
pub(crate) fn keep(court: &Court, rounds: &Sender<&'static str>, again: &Sender<()>) {
    let calls = Calls { rounds, again };
    let (mut doubts, mut own) = (String::new(), None);
    let mut backlog_told = Instant::now();
    loop {
        tell_own(court, &mut own);
        if court.stop.wait(if court.engine.is_up() { CALM } else { AWAY }) {
            return;
        }
        if court.engine.is_up() {
            check(court, &calls);
        } else {
            try_again(court, &mut doubts, &calls);
        }
        let backlog = court.queue.backlog();
        if backlog.oldest >= BACKLOG && backlog_told.elapsed() >= BACKLOG {
            backlog_told = Instant::now();
            court.tell(&tell::backlog(backlog));
        }
        if court.queue.take_overflow() {
            let _ = calls.rounds.try_send("overflow");
        }
    }
}

/// Signatures of one's own that were refused are told once, and once more when that is mended.
fn tell_own(court: &Court, before: &mut Option<OwnSignatures>) {
    let now = own_signatures(court.engine.address());
    let is_news = match (&*before, &now) {
        (Some(OwnSignatures::Refused(_)), Some(now)) => before.as_ref() != Some(now),
        (_, now) => matches!(now, Some(OwnSignatures::Refused(_))),
    };
    if let (true, Some(now)) = (is_news, &now) {
        court.tell(&tell::own_signatures(now));
    }
    if now.is_some() {
        *before = now;
    }
}

fn check(court: &Court, calls: &Calls<'_>) {
    let asked = court.engine.connect().and_then(|mut session| Edition::ask(&mut session, PATIENCE));
    match asked {
        Ok(edition) => renew(court, &edition, calls),
        Err(broken) => court.engine_lost(&broken),
    }
}

/// Other signatures: everything is to be scanned again.
fn renew(court: &Court, edition: &Edition, calls: &Calls<'_>) {
    if let Some(before) = court.engine.name(edition) {
        court.known().new_epoch();
        court.tell(&tell::signatures_changed(&before, edition));
        let _ = calls.again.try_send(());
    }
}

fn try_again(court: &Court, doubts: &mut String, calls: &Calls<'_>) {
    match court.engine.examine() {
        Change::Up(trust) => {
            doubts.clear();
            let message = format!("clamd at {} answers again; what waited is scanned.", court.engine.shown());
            let version = &trust.edition.version;
            court.tell(&tell::scanner_up(Action::ScannerReturned, message, version, court.queue.backlog()));
            renew(court, &trust.edition, calls);
        }
        Change::Degraded(trust) => {
            let reasons = trust.reasons();
            if *doubts != reasons {
                court.tell(&tell::scanner_degraded(&trust.edition.version, &reasons, false));
                *doubts = reasons;
            }
        }
        Change::Away(_) => doubts.clear(),
    }
}
