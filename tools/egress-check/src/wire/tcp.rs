//! TCP: connect, say something that any server may answer, and wait for the first bytes.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::Step;
use crate::probe::observation::Observation;

/// Most of what is read of an answer.
const MOST: usize = 4096;

/// Printers print what comes to this port (RFC 1179's successor in practice): only listen there.
const PRINTER: u16 = 9100;

/// A connection and its first bytes.
pub(super) async fn ask(target: SocketAddr, deadline: Instant) -> Step<Observation> {
    let mut stream = connect(target, deadline).await?;
    if target.port() != PRINTER {
        // A server that speaks first has spoken already; one that waits for a line gets one.
        stream.write_all(&greeting(target.port())).await.map_err(|error| Observation::after_connect(&error))?;
    }
    let bytes = first_bytes(&mut stream, deadline).await?;
    Ok(Observation::Answered { bytes: bytes.len() as u64, what: first_line(&bytes) })
}

fn greeting(port: u16) -> Vec<u8> {
    if port == 53 {
        return super::dns::framed(&super::dns::version_question());
    }
    b"HEAD / HTTP/1.0\r\n\r\n".to_vec()
}

/// Connects, or says what came of it.
pub(super) async fn connect(target: SocketAddr, deadline: Instant) -> Step<TcpStream> {
    match timeout_at(deadline, TcpStream::connect(target)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Observation::of(&error)),
        Err(_) => Err(Observation::Silent),
    }
}

/// The first bytes that come, at least one.
pub(super) async fn first_bytes(stream: &mut (impl AsyncRead + Unpin), deadline: Instant) -> Step<Vec<u8>> {
    let mut bytes = vec![0; MOST];
    match timeout_at(deadline, stream.read(&mut bytes)).await {
        Err(_) => Err(Observation::Connected),
        Ok(Ok(0)) => Err(Observation::Closed),
        Ok(Ok(read)) => {
            bytes.truncate(read);
            Ok(bytes)
        }
        Ok(Err(error)) => Err(Observation::after_connect(&error)),
    }
}

/// The first line of an answer, cut to 80 characters, with what is no text replaced.
pub(super) fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim().chars().take(80).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_says_is_cut_and_escaped() {
        assert_eq!(first_line(b"SSH-2.0-x\r\nmore"), "SSH-2.0-x");
        assert!(!first_line(b"a\x1b[2Jb").contains('\x1b'));
        assert!(first_line(&[0xff; 5000]).len() < 400);
    }
}
