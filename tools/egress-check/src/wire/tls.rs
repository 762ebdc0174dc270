//! TLS: a handshake, and the certificate that was shown. Who signed it is not asked here: a probe
//! wants to know who answered, and any certificate answers that.

use std::net::SocketAddr;

use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, AlertDescription};

use super::{Origin, Step, tcp};
use crate::probe::observation::Observation;
use crate::probe::question::{Ask, ProbeTarget};

/// Makes a TLS handshake, and shows the certificate that the other side presents.
pub(super) async fn ask(origin: &Origin, target: SocketAddr, ask: &Ask, deadline: Instant) -> Step<Observation> {
    let stream = open(origin, target, ask, deadline).await?;
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    Ok(match leaf {
        Some(leaf) => Observation::Tls { leaf: hex::encode(Sha256::digest(leaf)), bytes: leaf.len() as u64 },
        None => Observation::Answered { bytes: 1, what: "TLS without a certificate".to_owned() },
    })
}

/// Connects and shakes hands. The name sent is the one chosen, else the target's; none for an address.
pub(super) async fn open(
    origin: &Origin,
    target: SocketAddr,
    ask: &Ask,
    deadline: Instant,
) -> Step<TlsStream<TcpStream>> {
    let name = match (&ask.sni, &ask.whom) {
        (Some(sni), _) => sni.clone(),
        (None, ProbeTarget::Name(name)) => name.clone(),
        _ => target.ip().to_string(),
    };
    let name = ServerName::try_from(name).map_err(|_| Observation::NotMade("the SNI is no name".to_owned()))?;
    let stream = tcp::connect(target, deadline).await?;
    let handshake = TlsConnector::from(origin.tls.clone()).connect(name, stream);
    match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(Observation::Connected),
    }
}

/// An alert, or something that is no TLS, is an answer all the same.
fn refused(error: &std::io::Error) -> Observation {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(AlertDescription::UnrecognisedName)) => Observation::NameRefused,
        Some(tls) => Observation::Answered { bytes: 1, what: tls.to_string() },
        None => Observation::after_connect(error),
    }
}
