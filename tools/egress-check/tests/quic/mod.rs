//! A real QUIC server, of a stack that is not ours, for tests and for the lab. It offers HTTP/3 and no word of it.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, ServerConfig};
use rustls::pki_types::PrivateKeyDer;

/// How it meets a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It goes on with the handshake.
    Welcomes,
    /// It wants the client's address to be shown first, with a Retry packet.
    Retries,
}

/// Binds it, and gives it with the address that it has.
pub(crate) fn bind(address: SocketAddr, protocol: &str) -> (Endpoint, SocketAddr) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::server(config, address).unwrap();
    let bound = endpoint.local_addr().unwrap();
    (endpoint, bound)
}

/// Serves until nobody asks any more; `seen` is told the name in each handshake that it goes on with.
pub(crate) async fn serve(endpoint: Endpoint, manner: Manner, seen: impl Fn(String) + Clone + Send + 'static) {
    while let Some(incoming) = endpoint.accept().await {
        if manner == Manner::Retries && incoming.may_retry() {
            incoming.retry().unwrap();
            continue;
        }
        let Ok(mut connecting) = incoming.accept() else { continue };
        let seen = seen.clone();
        tokio::spawn(async move {
            if let Ok(data) = connecting.handshake_data().await {
                let data = data.downcast::<quinn::crypto::rustls::HandshakeData>().unwrap();
                seen(data.server_name.unwrap_or_else(|| "no name".to_owned()));
            }
            let _ = connecting.await;
        });
    }
}
