//! Asks the network one question and says what was seen. Everything here runs in the namespace where the probe is made,
//! and trusts no byte that comes back. What is read has a bound in size and time.

mod addresses;
mod dns;
mod forge;
mod forged;
mod http;
mod icmp;
mod quic;
mod raw;
pub(crate) mod source_address;
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

use crate::namespace::devices::Devices;
use crate::namespace::resolv::Resolvers;
use crate::namespace::vantage::Vantage;
use crate::probe::observation::Observation;
use crate::probe::question::{Ask, ProbeTarget};

pub use dns::answer_in as dns_answer;
pub(crate) use forged::{Inner, Outer, meeting};
pub use quic::quic_answer;
pub(crate) use raw::RawAs;

/// The unspecified address of the same family: the kernel chooses whence a socket bound to it sends.
pub(crate) const fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Where probes are made: what stands there that a question depends on.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Its resolvers, in the order in which a probe asks them.
    pub(crate) resolvers: Resolvers,
    /// The root of its file tree.
    pub(crate) tree: OwnedFd,
    /// Where something is mounted in it.
    mounts: Vec<String>,
    whose: RawAs,
    /// The devices that it must not lose meanwhile.
    devices: Option<Devices>,
    tls: Arc<ClientConfig>,
    quic: Arc<ClientConfig>,
}

/// The part in a meeting with the other vantage, for a probe that takes both.
#[derive(Debug)]
pub(crate) enum Part {
    /// The vantage inside, which forges the packet.
    Inner(Inner),
    /// The vantage outside, which sees what arrives.
    Outer(Outer),
}

impl Origin {
    /// What is seen from a vantage, and whose capabilities count there.
    ///
    /// # Errors
    /// If the TLS library has no usable cipher suite.
    pub(crate) fn new(vantage: Vantage, whose: RawAs) -> anyhow::Result<Self> {
        let Vantage { resolvers, tree, mounts, devices, .. } = vantage;
        let tls = Arc::new(crate::tls::client(rustls::DEFAULT_VERSIONS)?);
        let quic = Arc::new(quic::config()?);
        Ok(Self { resolvers, tree, mounts, whose, devices, tls, quic })
    }

    /// What was seen, unless nothing was and the place has lost a cable by now: then it was not tried.
    pub(crate) fn attest(&self, observation: Observation) -> Observation {
        if observation.is_evidence() {
            return observation;
        }
        match self.devices.as_ref().and_then(Devices::lost) {
            Some(device) => {
                Observation::NotMade(format!("{device} was taken away meanwhile: was the container ended?"))
            }
            None => observation,
        }
    }
}

/// What came of a step: what it was for, or an observation that ends the probe.
type Step<T> = Result<T, Observation>;

/// Asks, and waits no longer than `timeout`.
pub(crate) async fn observe(origin: &Origin, ask: &Ask, timeout: Duration) -> Observation {
    let deadline = Instant::now() + timeout;
    match tokio::time::timeout_at(deadline + Duration::from_millis(50), attempt(origin, ask, deadline)).await {
        Ok(Ok(observation) | Err(observation)) => observation,
        // Each step ends by itself at the deadline. One that was kept busy past it has been talked to.
        Err(_) => Observation::Unfinished,
    }
}

/// Takes part in a meeting; its own timeout is longer, since the other side has to come too.
pub(crate) async fn meet(ask: &Ask, part: Part, timeout: Duration) -> Observation {
    let ProbeTarget::Ip(ip) = ask.whom else { return Observation::NotMade("no address to speak for".to_owned()) };
    let source = SocketAddr::new(ip, ask.port);
    let met = match part {
        Part::Inner(inner) => inner.ask(source).await,
        Part::Outer(outer) => outer.ask(source, timeout).await,
    };
    met.unwrap_or_else(|observation| observation)
}

async fn attempt(origin: &Origin, ask: &Ask, deadline: Instant) -> Step<Observation> {
    if let ProbeTarget::Path(path) = &ask.whom {
        return unix::ask(origin, path, deadline).await;
    }
    if let (ProbeKind::Raw, ProbeTarget::Ip(family)) = (ask.kind, &ask.whom) {
        return Ok(raw::ask(origin.whose, *family));
    }
    if ask.whom == ProbeTarget::OwnResolvers {
        return dns::ask_own(origin, ask, deadline).await;
    }
    let target = target(origin, ask, deadline).await?;
    match ask.kind {
        ProbeKind::Tcp => tcp::ask(target, deadline).await,
        ProbeKind::Udp => udp::ask(target, ask, deadline).await,
        ProbeKind::Icmp => icmp::ask(target, deadline).await,
        ProbeKind::Quic => quic::ask(origin, target, ask, deadline).await,
        ProbeKind::Tls => tls::ask(origin, target, ask, deadline).await,
        ProbeKind::Http | ProbeKind::Https | ProbeKind::Ws | ProbeKind::Wss => {
            http::ask(origin, target, ask, deadline).await
        }
        ProbeKind::Dns | ProbeKind::DnsTcp | ProbeKind::Dot | ProbeKind::Doh => {
            dns::ask(origin, target, ask, deadline).await
        }
        ProbeKind::Forged => Err(Observation::NotMade("whether it arrives is seen from outside: --control".to_owned())),
        ProbeKind::Unix | ProbeKind::Raw => Err(Observation::NotMade("not a question to an address".to_owned())),
    }
}

/// The address behind whom is asked. A name is resolved with half of the time that is left.
async fn target(origin: &Origin, ask: &Ask, deadline: Instant) -> Step<SocketAddr> {
    let target = match &ask.whom {
        ProbeTarget::Ip(ip) => SocketAddr::new(*ip, ask.port),
        ProbeTarget::OnLink(IpAddr::V6(ip), interface) => {
            SocketAddrV6::new(*ip, ask.port, 0, addresses::index(interface)?).into()
        }
        ProbeTarget::OnLink(ip, _) => SocketAddr::new(*ip, ask.port),
        ProbeTarget::Name(name) => {
            let left = deadline.saturating_duration_since(Instant::now());
            SocketAddr::new(dns::resolve(origin, name, Instant::now() + left / 2).await?, ask.port)
        }
        ProbeTarget::OwnResolvers | ProbeTarget::Path(_) => return Err(Observation::NotMade("no address".to_owned())),
    };
    // Without this, "no address to send from" could not be told from "no port left to send from".
    if target.is_ipv6() && !target.ip().is_loopback() && !addresses::has_v6() {
        return Err(Observation::Unreachable("no IPv6 here".to_owned()));
    }
    Ok(target)
}
