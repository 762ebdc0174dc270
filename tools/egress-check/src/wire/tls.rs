//! TLS: a handshake, and the certificate that was shown. Who signed it is not asked here: a probe
//! wants to know who answered, and any certificate answers that.

use std::net::SocketAddr;

use anyhow::Context;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, AlertDescription, ClientConfig, SupportedProtocolVersion};

use super::{Place, Step, tcp};
use crate::ask::{Ask, Whom};
use crate::pin::AnyCertificate;
use crate::sight::Sight;

/// A client of every version.
pub(super) fn config() -> anyhow::Result<ClientConfig> {
    client(rustls::DEFAULT_VERSIONS)
}

/// A client that takes every certificate whose key the server can prove to hold.
pub(super) fn client(versions: &[&'static SupportedProtocolVersion]) -> anyhow::Result<ClientConfig> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let verifier = std::sync::Arc::new(AnyCertificate::new(&provider));
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .context("TLS has no protocol version")?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// A handshake.
pub(super) async fn ask(place: &Place, target: SocketAddr, ask: &Ask, deadline: Instant) -> Step<Sight> {
    let stream = open(place, target, ask, deadline).await?;
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    Ok(match leaf {
        Some(leaf) => Sight::Tls { leaf: hex(&Sha256::digest(leaf)), bytes: leaf.len() as u64 },
        None => Sight::Answered { bytes: 1, what: "TLS without a certificate".to_owned() },
    })
}

/// Connects and shakes hands. The name sent is the one chosen, else the target's; none for an address.
pub(super) async fn open(
    place: &Place,
    target: SocketAddr,
    ask: &Ask,
    deadline: Instant,
) -> Step<TlsStream<TcpStream>> {
    let name = match (&ask.sni, &ask.whom) {
        (Some(sni), _) => sni.clone(),
        (None, Whom::Name(name)) => name.clone(),
        _ => target.ip().to_string(),
    };
    let name = ServerName::try_from(name).map_err(|_| Sight::NotMade("the SNI is no name".to_owned()))?;
    let stream = tcp::connect(target, deadline).await?;
    let handshake = TlsConnector::from(place.tls.clone()).connect(name, stream);
    match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(Sight::Connected),
    }
}

/// An alert, or something that is no TLS, is an answer all the same.
fn refused(error: &std::io::Error) -> Sight {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(AlertDescription::UnrecognisedName)) => Sight::NameRefused,
        Some(tls) => Sight::Answered { bytes: 1, what: tls.to_string() },
        None => Sight::after_connect(error),
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
