//! TCP, then TLS, then WebSocket: as far as it goes, and where it stopped.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{HandshakeError, Message};

use super::certificate::{self, Shown};
use super::deadline_stream::DeadlineStream;
use crate::address::Address;
use crate::tls;

/// Most of a first message that is taken.
const MOST: usize = 64 * 1024;
/// The most characters of it that a record has.
const MOST_CHARACTERS: usize = 256;

/// How far a connection to the vault went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nobody took the connection.
    Nobody(String),
    /// Somebody did, and speaks no TLS.
    NoTls(String),
    /// A certificate was shown, and no WebSocket opened.
    NoWebSocket(Box<Shown>, String),
    /// A certificate was shown, and who is behind it wants to know who asks before a WebSocket opens (HTTP 401).
    WantsToken(Box<Shown>),
    /// All of it; with the server's first message, where one came.
    WebSocket(Box<Shown>, Option<String>),
}

impl Found {
    /// What was shown, where anything was.
    pub(crate) fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Nobody(_) | Self::NoTls(_) => None,
            Self::NoWebSocket(shown, _) | Self::WantsToken(shown) | Self::WebSocket(shown, _) => Some(shown),
        }
    }

    /// The certificate's pin, where one was shown and a WebSocket opened behind it. A 401 is no ground for trust: many
    /// a server that is no agent answers so.
    pub(crate) fn leaf(&self) -> Option<policy::Pin> {
        if let Self::WebSocket(shown, _) = self { Some(shown.leaf) } else { None }
    }
}

/// Connects and shakes hands; each step may take `timeout`.
///
/// # Errors
/// If this machine cannot even try.
pub(crate) fn greet(address: &Address, timeout: Duration) -> Result<Found> {
    let stream = match connect(address, timeout) {
        Ok(stream) => stream,
        Err(error) => return Ok(Found::Nobody(error.to_string())),
    };
    let mut session = session(address)?;
    let mut stream = DeadlineStream::new(stream, timeout);
    if let Err(error) = session.complete_io(&mut stream) {
        return Ok(Found::NoTls(spell(&error)));
    }
    let Some(chain) = session.peer_certificates() else {
        return Ok(Found::NoTls("it showed no certificate".to_owned()));
    };
    let shown = Box::new(certificate::read(chain)?);
    stream.extend(timeout);
    Ok(match upgrade(address, StreamOwned::new(session, stream)) {
        Ok(greeting) => Found::WebSocket(shown, greeting),
        Err(Refused::WantsToken) => Found::WantsToken(shown),
        Err(Refused::Other(why)) => Found::NoWebSocket(shown, why),
    })
}

fn connect(address: &Address, timeout: Duration) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
    for target in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&target, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn session(address: &Address) -> Result<ClientConnection> {
    let config = tls::client(rustls::DEFAULT_VERSIONS)?;
    let name =
        ServerName::try_from(address.host.clone()).with_context(|| format!("{:?} is no host's name", address.host))?;
    ClientConnection::new(Arc::new(config), name).context("TLS cannot begin")
}

/// Why no WebSocket opened.
enum Refused {
    /// RFC 9110, 15.5.2: the request lacks valid credentials. The vault itself never answers so; the agent behind it
    /// may.
    WantsToken,
    Other(String),
}

/// The server's first message, where one comes in time; or why there is no WebSocket.
fn upgrade(
    address: &Address,
    stream: StreamOwned<ClientConnection, DeadlineStream>,
) -> Result<Option<String>, Refused> {
    let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
    let opened = tungstenite::client::client_with_config(&address.uri, stream, Some(config));
    let (mut socket, _) = opened.map_err(|error| match error {
        HandshakeError::Failure(tungstenite::Error::Http(answer)) if answer.status() == 401 => Refused::WantsToken,
        HandshakeError::Failure(tungstenite::Error::Http(answer)) => {
            Refused::Other(format!("it answered HTTP {}", answer.status()))
        }
        HandshakeError::Failure(tungstenite::Error::Io(error)) => Refused::Other(spell(&error)),
        HandshakeError::Failure(error) => Refused::Other(error.to_string()),
        HandshakeError::Interrupted(_) => Refused::Other("it did not answer in time".to_owned()),
    })?;
    let greeting = match socket.read() {
        Ok(Message::Text(text)) => Some(text.chars().take(MOST_CHARACTERS).collect()),
        Ok(Message::Binary(bytes)) => Some(format!("{} bytes", bytes.len())),
        _ => None,
    };
    // A polite end; who does not wait for it loses nothing.
    let _ = socket.close(None);
    let _ = socket.flush();
    Ok(greeting)
}

fn spell(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        _ => error.to_string(),
    }
}
