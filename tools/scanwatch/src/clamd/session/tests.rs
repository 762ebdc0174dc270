//! A clamd made of a script: what it says, and what the session makes of it.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::*;

/// A server that reads until it has seen `commands` NULs, says `reply`, and closes.
fn server(commands: usize, reply: &'static [u8]) -> (tempfile::TempDir, Clamd) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clamd.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut seen = 0;
        let mut bytes = [0; 256];
        while seen < commands {
            let read = peer.read(&mut bytes).unwrap();
            seen += bytes[..read].iter().filter(|byte| **byte == 0).count();
        }
        peer.write_all(reply).unwrap();
    });
    (dir, Clamd::Unix(path))
}

fn ask(reply: &'static [u8]) -> Result<Answer, Broken> {
    // IDSESSION, then FILDES with the byte that carries the descriptor: three NULs.
    let (_dir, address) = server(3, reply);
    let mut session = Session::connect(&address)?;
    let file = tempfile::tempfile().unwrap();
    let id = session.submit(file.as_fd(), 0)?;
    session.answer(id, Duration::from_secs(5))
}

#[test]
fn an_answer_to_what_was_asked_is_believed() {
    assert_eq!(ask(b"1: fd[5]: OK\0").unwrap(), Answer::Clean);
}

#[test]
fn an_answer_to_what_was_not_asked_ends_the_session() {
    assert!(matches!(ask(b"2: fd[5]: OK\0"), Err(Broken::Garbled(_))));
}

#[test]
fn an_answer_cut_off_is_no_answer() {
    assert!(matches!(ask(b"1: fd[5]: OK"), Err(Broken::Gone(_))));
    assert!(matches!(ask(b""), Err(Broken::Gone(_))));
}

#[test]
fn a_reply_without_an_end_is_not_collected_for_ever() {
    static LONG: [u8; 3 * MAX_FRAME] = [b'x'; 3 * MAX_FRAME];
    assert!(matches!(ask(&LONG), Err(Broken::Garbled(_))));
}

#[test]
fn answers_may_come_in_another_order_and_in_pieces() {
    let (_dir, address) = server(5, b"2: fd[6]: X FOUND\x001: fd[5]: OK\0");
    let mut session = Session::connect(&address).unwrap();
    let file = tempfile::tempfile().unwrap();
    assert_eq!(session.submit(file.as_fd(), 0).unwrap(), 1);
    assert_eq!(session.submit(file.as_fd(), 0).unwrap(), 2);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        answers.extend(session.receive().unwrap());
    }
    assert_eq!(answers, [(2, Answer::Found("X".to_owned())), (1, Answer::Clean)]);
}

#[test]
fn a_clamd_that_says_nothing_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clamd.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let mut session = Session::connect(&Clamd::Unix(path)).unwrap();
    let file = tempfile::tempfile().unwrap();
    let id = session.submit(file.as_fd(), 0).unwrap();
    assert!(matches!(session.answer(id, Duration::from_millis(50)), Err(Broken::Gone(_))));
}
