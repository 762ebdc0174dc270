//! Keeps an eye on the engine: is it there, is it itself, are its signatures the same? And on the queue.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use record::Action;

use crate::clamd::Answer;
use crate::court::Court;
use crate::engine::Change;
use crate::tell;

/// How often the engine is looked at while it is there.
const CALM: Duration = Duration::from_secs(10);
/// How often while it is not.
const AWAY: Duration = Duration::from_millis(500);
/// A backlog is told when the first has waited for this long, and as often.
const BACKLOG: Duration = Duration::from_secs(10);

/// Until the run is stopped.
pub(crate) fn keep(court: &Court, rounds: &Sender<&'static str>) {
    let mut doubts = String::new();
    let mut backlog_told = Instant::now();
    while !court.stop.wait(if court.engine.is_up() { CALM } else { AWAY }) {
        if court.engine.is_up() {
            check(court, rounds);
        } else {
            try_again(court, &mut doubts, rounds);
        }
        let backlog = court.queue.backlog();
        if backlog.oldest >= BACKLOG && backlog_told.elapsed() >= BACKLOG {
            backlog_told = Instant::now();
            court.tell(&tell::backlog(backlog));
        }
        if court.queue.take_overflow() {
            let _ = rounds.try_send("overflow");
        }
    }
}

fn check(court: &Court, rounds: &Sender<&'static str>) {
    let asked = court.engine.connect().and_then(|mut session| {
        let id = session.ask_version()?;
        session.answer(id, CALM)
    });
    match asked {
        Ok(Answer::Version(version)) => renamed(court, &version, rounds),
        Ok(_) => {}
        Err(broken) => court.engine_lost(&broken),
    }
}

fn renamed(court: &Court, version: &str, rounds: &Sender<&'static str>) {
    let (before, _) = court.engine.names();
    if court.engine.name(version) {
        court.known().new_epoch();
        court.tell(&tell::signatures_changed(&before, version));
        let _ = rounds.try_send("database");
    }
}

fn try_again(court: &Court, doubts: &mut String, rounds: &Sender<&'static str>) {
    let (before, _) = court.engine.names();
    match court.engine.examine() {
        Change::Up(trust) => {
            doubts.clear();
            let message = format!("clamd at {} answers again; what waited is scanned.", court.engine.shown());
            court.tell(&tell::scanner_up(Action::ScannerReturned, message, &trust.version, court.queue.backlog()));
            if &*before != trust.version.as_str() && &*before != "unknown" {
                court.known().new_epoch();
                court.tell(&tell::signatures_changed(&before, &trust.version));
                let _ = rounds.try_send("database");
            }
        }
        Change::Degraded(trust) => {
            let reasons = trust.reasons();
            if *doubts != reasons {
                court.tell(&tell::scanner_degraded(&trust.version, &reasons, false));
                *doubts = reasons;
            }
        }
        Change::Away(_) => doubts.clear(),
    }
}
