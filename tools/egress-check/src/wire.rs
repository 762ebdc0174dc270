//! Asks the network one question and says what was seen. Everything here runs in the namespace where
//! the probe is made, and trusts no byte that comes back: what is read has a bound in size and time.

mod addresses;
mod dns;
mod forge;
mod forged;
mod http;
mod icmp;
mod quic;
mod raw;
mod tcp;
mod tls;
mod token;
mod udp;
mod unix;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use record::cellblock::ProbeKind;
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use crate::ask::{Ask, Whom};
use crate::devices::Devices;
use crate::resolv::Resolvers;
use crate::seat::Seat;
use crate::sight::Sight;

pub use dns::answer_in as dns_answer;
pub(crate) use forged::{Inner, Outer, meeting};
pub use quic::quic_answer;
pub(crate) use raw::Whose;
pub(crate) use tls::hex;

/// The unspecified address of the same family: the kernel chooses whence a socket bound to it sends.
pub(crate) const fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Where probes are made: what stands there that a question depends on.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its resolvers, in the order they are asked.
    pub(crate) resolvers: Resolvers,
    /// The root of its file tree.
    pub(crate) tree: OwnedFd,
    /// Where something is mounted in it.
    mounts: Vec<String>,
    whose: Whose,
    /// The devices that it must not lose meanwhile.
    devices: Option<Devices>,
    tls: Arc<ClientConfig>,
    quic: Arc<ClientConfig>,
}

/// The part in a meeting with the other seat, for a probe that takes both.
#[derive(Debug)]
pub(crate) enum Part {
    /// It forges.
    Inner(Inner),
    /// It sees what arrives.
    Outer(Outer),
}

impl Place {
    /// What is seen from a seat, and whose capabilities count there.
    ///
    /// # Errors
    /// If the TLS library has no usable cipher suite.
    pub(crate) fn new(seat: Seat, whose: Whose) -> anyhow::Result<Self> {
        let Seat { resolvers, tree, mounts, devices, .. } = seat;
        let (tls, quic) = (Arc::new(tls::config()?), Arc::new(quic::config()?));
        Ok(Self { resolvers, tree, mounts, whose, devices, tls, quic })
    }

    /// What was seen, unless nothing was and the place has lost a cable by now: then it was not tried.
    pub(crate) fn attest(&self, sight: Sight) -> Sight {
        if sight.is_evidence() {
            return sight;
        }
        match self.devices.as_ref().and_then(Devices::lost) {
            Some(device) => Sight::NotMade(format!("{device} was taken away meanwhile: was the container ended?")),
            None => sight,
        }
    }
}

/// What came of a step: what it was for, or a sight that ends the probe.
type Step<T> = Result<T, Sight>;

/// Asks, and waits no longer than `patience`.
pub(crate) async fn observe(place: &Place, ask: &Ask, patience: Duration) -> Sight {
    let deadline = Instant::now() + patience;
    match tokio::time::timeout_at(deadline + Duration::from_millis(50), attempt(place, ask, deadline)).await {
        Ok(Ok(sight) | Err(sight)) => sight,
        // Each step ends by itself at the deadline. One that was kept busy past it has been talked to.
        Err(_) => Sight::Unfinished,
    }
}

/// Takes part in a meeting; its own patience is longer, since the other side has to come too.
pub(crate) async fn meet(ask: &Ask, part: Part, patience: Duration) -> Sight {
    let Whom::Ip(ip) = ask.whom else { return Sight::NotMade("no address to speak for".to_owned()) };
    let source = SocketAddr::new(ip, ask.port);
    let met = match part {
        Part::Inner(inner) => inner.ask(source).await,
        Part::Outer(outer) => outer.ask(source, patience).await,
    };
    met.unwrap_or_else(|sight| sight)
}

async fn attempt(place: &Place, ask: &Ask, deadline: Instant) -> Step<Sight> {
    if let Whom::Path(path) = &ask.whom {
        return unix::ask(place, path, deadline).await;
    }
    if let (ProbeKind::Raw, Whom::Ip(family)) = (ask.kind, &ask.whom) {
        return Ok(raw::ask(place.whose, *family));
    }
    if ask.whom == Whom::OwnResolvers {
        return dns::ask_own(place, ask, deadline).await;
    }
    let target = target(place, ask, deadline).await?;
    match ask.kind {
        ProbeKind::Tcp => tcp::ask(target, deadline).await,
        ProbeKind::Udp => udp::ask(target, ask, deadline).await,
        ProbeKind::Icmp => icmp::ask(target, deadline).await,
        ProbeKind::Quic => quic::ask(place, target, ask, deadline).await,
        ProbeKind::Tls => tls::ask(place, target, ask, deadline).await,
        ProbeKind::Http | ProbeKind::Https | ProbeKind::Ws | ProbeKind::Wss => {
            http::ask(place, target, ask, deadline).await
        }
        ProbeKind::Dns | ProbeKind::DnsTcp | ProbeKind::Dot | ProbeKind::Doh => {
            dns::ask(place, target, ask, deadline).await
        }
        ProbeKind::Forged => Err(Sight::NotMade("whether it arrives is seen from outside: --control".to_owned())),
        ProbeKind::Unix | ProbeKind::Raw => Err(Sight::NotMade("not a question to an address".to_owned())),
    }
}

/// The address behind whom is asked. A name is resolved with half of the time that is left.
async fn target(place: &Place, ask: &Ask, deadline: Instant) -> Step<SocketAddr> {
    let target = match &ask.whom {
        Whom::Ip(ip) => SocketAddr::new(*ip, ask.port),
        Whom::OnLink(IpAddr::V6(ip), interface) => {
            SocketAddrV6::new(*ip, ask.port, 0, addresses::index(interface)?).into()
        }
        Whom::OnLink(ip, _) => SocketAddr::new(*ip, ask.port),
        Whom::Name(name) => {
            let left = deadline.saturating_duration_since(Instant::now());
            SocketAddr::new(dns::resolve(place, name, Instant::now() + left / 2).await?, ask.port)
        }
        Whom::OwnResolvers | Whom::Path(_) => return Err(Sight::NotMade("no address".to_owned())),
    };
    // Without this, "no address to send from" could not be told from "no port left to send from".
    if target.is_ipv6() && !target.ip().is_loopback() && !addresses::has_v6() {
        return Err(Sight::Unreachable("no IPv6 here".to_owned()));
    }
    Ok(target)
}
