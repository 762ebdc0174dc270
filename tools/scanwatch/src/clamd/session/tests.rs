//! A clamd made of a script: what it says, and what the session makes of it.

use std::io::{Read, Seek, Write};
use std::net::TcpListener;
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

#[test]
fn whatever_else_it_says_is_never_clean_and_ends_the_session() {
    let table: &[&[u8]] = &[
        b"\0",
        b"\0\0\0\x001: fd[5]: OK\0",
        b"OK\0",
        b"fd[5]: OK\0",
        b"0: fd[5]: OK\0",
        b"2: fd[5]: OK\x001: fd[5]: OK\0",
        b"1: fd[5]: OK\n\0",
        b"1: fd[5]: OK 1: fd[5]: OK\0",
        b"1: /etc/passwd: OK\0",
        b"1: fd[5]: \xff FOUND\0",
        b"1: fd[5]: \0",
        b"1: UNKNOWN COMMAND\0",
        b"COMMAND READ TIMED OUT\0",
        b"HTTP/1.1 200 OK\r\n\r\n\0",
        b"18446744073709551617: fd[5]: OK\0",
    ];
    for reply in table {
        assert!(matches!(ask(reply), Err(Broken::Garbled(_))), "{}", String::from_utf8_lossy(reply));
    }
}

/// What a clamd on TCP was sent, as the content of the chunks of one INSTREAM.
fn chunks(peer: &mut impl Read) -> Vec<Vec<u8>> {
    let mut commands = [0; b"zIDSESSION\0zINSTREAM\0".len()];
    peer.read_exact(&mut commands).unwrap();
    assert_eq!(&commands, b"zIDSESSION\0zINSTREAM\0");
    let mut chunks = Vec::new();
    loop {
        let mut length = [0; 4];
        peer.read_exact(&mut length).unwrap();
        let mut chunk = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        if chunk.is_empty() {
            return chunks;
        }
        peer.read_exact(&mut chunk).unwrap();
        chunks.push(chunk);
    }
}

/// Sends a file over TCP, which is said to have `size` bytes.
fn stream(content: &[u8], size: u64) -> (Vec<Vec<u8>>, Answer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Clamd::Tcp(listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let chunks = chunks(&mut peer);
        peer.write_all(b"1: stream: OK\0").unwrap();
        chunks
    });
    let mut session = Session::connect(&address).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    let id = session.submit(file.as_fd(), size).unwrap();
    let answer = session.answer(id, Duration::from_secs(30)).unwrap();
    assert_eq!(file.stream_position().unwrap(), content.len() as u64, "its offset is left alone");
    (server.join().unwrap(), answer)
}

#[test]
fn over_tcp_the_content_is_streamed_in_chunks_and_an_empty_one_ends_it() {
    let content: Vec<u8> = (0..150_000_u32).flat_map(u32::to_le_bytes).take(150_000).collect();
    let (chunks, answer) = stream(&content, 150_000);
    assert_eq!(chunks.iter().map(Vec::len).collect::<Vec<_>>(), [CHUNK, CHUNK, 150_000 - 2 * CHUNK]);
    assert_eq!((chunks.concat(), answer), (content, Answer::Clean));
    assert_eq!(stream(b"", 0).0, Vec::<Vec<u8>>::new());
    assert_eq!(stream(b"it shrank", 100).0, [b"it shrank".to_vec()], "what is there, and an end");
}

#[test]
fn a_clamd_that_ends_a_stream_in_the_middle_called_nothing_clean() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Clamd::Tcp(listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.read_exact(&mut [0; 1000]).unwrap();
        peer.write_all(b"1: INSTREAM size limit exceeded. ERROR\0").unwrap();
    });
    let mut session = Session::connect(&address).unwrap();
    let file = tempfile::tempfile().unwrap();
    file.set_len(64 << 20).unwrap();
    let answer = session.submit(file.as_fd(), 64 << 20).and_then(|id| session.answer(id, Duration::from_secs(30)));
    assert!(matches!(answer, Err(Broken::Gone(_)) | Ok(Answer::Failed(_))), "{answer:?}");
    server.join().unwrap();
}
