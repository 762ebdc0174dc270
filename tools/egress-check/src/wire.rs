//! Asks the network one question and says what was seen. Everything here runs in the namespace where
//! the probe is made, and trusts no byte that comes back: what is read has a bound in size and time.

mod dns;
mod http;
mod icmp;
mod quic;
mod tcp;
mod tls;
mod udp;
mod unix;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use record::cellblock::ProbeKind;
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use crate::ask::{Ask, Whom};
use crate::sight::Sight;

pub(crate) use tls::hex;

/// Where probes are made: what stands there that a question depends on.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its resolvers, in the order they are asked.
    pub(crate) resolvers: Vec<IpAddr>,
    /// The root of its file tree.
    pub(crate) tree: OwnedFd,
    tls: Arc<ClientConfig>,
}

impl Place {
    /// A place with these resolvers and this file tree.
    ///
    /// # Errors
    /// If the TLS library has no usable cipher suite.
    pub(crate) fn new(resolvers: Vec<IpAddr>, tree: OwnedFd) -> anyhow::Result<Self> {
        Ok(Self { resolvers, tree, tls: Arc::new(tls::config()?) })
    }
}

/// What came of a step: what it was for, or a sight that ends the probe.
type Step<T> = Result<T, Sight>;

/// Asks, and waits no longer than `patience`.
pub(crate) async fn observe(place: &Place, ask: &Ask, patience: Duration) -> Sight {
    let deadline = Instant::now() + patience;
    match tokio::time::timeout_at(deadline + Duration::from_millis(50), attempt(place, ask, deadline)).await {
        Ok(Ok(sight) | Err(sight)) => sight,
        Err(_) => Sight::Silent,
    }
}

async fn attempt(place: &Place, ask: &Ask, deadline: Instant) -> Step<Sight> {
    if let Whom::Path(path) = &ask.whom {
        return unix::ask(&place.tree, path, deadline).await;
    }
    if ask.whom == Whom::OwnResolvers {
        return dns::ask_own(place, ask, deadline).await;
    }
    let target = SocketAddr::new(address(place, &ask.whom, deadline).await?, ask.port);
    match ask.kind {
        ProbeKind::Tcp => tcp::ask(target, deadline).await,
        ProbeKind::Udp => udp::ask(target, deadline).await,
        ProbeKind::Icmp => icmp::ask(target.ip(), deadline).await,
        ProbeKind::Quic => quic::ask(target, deadline).await,
        ProbeKind::Tls => tls::ask(place, target, ask, deadline).await,
        ProbeKind::Http | ProbeKind::Https | ProbeKind::Ws | ProbeKind::Wss => {
            http::ask(place, target, ask, deadline).await
        }
        ProbeKind::Dns | ProbeKind::DnsTcp | ProbeKind::Dot | ProbeKind::Doh => {
            dns::ask(place, target, ask, deadline).await
        }
        ProbeKind::Unix => Err(Sight::NotMade("a socket has a path, not an address".to_owned())),
    }
}

/// The address behind whom is asked. A name is resolved with half of the time that is left.
async fn address(place: &Place, whom: &Whom, deadline: Instant) -> Step<IpAddr> {
    match whom {
        Whom::Ip(ip) => Ok(*ip),
        Whom::Name(name) => {
            let left = deadline.saturating_duration_since(Instant::now());
            dns::resolve(place, name, Instant::now() + left / 2).await
        }
        Whom::OwnResolvers | Whom::Path(_) => Err(Sight::NotMade("no address".to_owned())),
    }
}
