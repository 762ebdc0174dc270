//! A probe's question and its target: all that the wire needs to know, and nothing of the reason.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use record::cellblock::ProbeKind;

/// The target of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ProbeTarget {
    /// One address; nothing resolves it.
    Ip(IpAddr),
    /// An address that means something on one link only, and the interface to that link: link-local, or a group.
    OnLink(IpAddr, String),
    /// A name, resolved where the probe is made, with that place's own resolvers.
    Name(String),
    /// The resolvers of the place itself: its `resolv.conf`, whatever stands in it.
    OwnResolvers,
    /// A path in the place's own file tree.
    Path(String),
}

/// How a line names the resolvers of the place where a probe is made.
pub(crate) const OWN_RESOLVERS: &str = "resolv.conf";

impl ProbeTarget {
    /// Reads what a line says: an address, a path, `resolv.conf`, or else a name.
    pub(crate) fn read(text: &str) -> Self {
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return Self::Ip(ip);
        }
        if let Some((Ok(ip), interface)) = text.split_once('%').map(|(ip, interface)| (ip.parse(), interface)) {
            return Self::OnLink(ip, interface.to_owned());
        }
        match text {
            OWN_RESOLVERS => Self::OwnResolvers,
            path if path.starts_with('/') => Self::Path(path.to_owned()),
            name => {
                let plain = name.trim_end_matches('.').to_ascii_lowercase();
                // Written plainly it may be something else: "RESOLV.CONF", "192.0.2.1.".
                if plain == name { Self::Name(plain) } else { Self::read(&plain) }
            }
        }
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => f.pad(&ip.to_string()),
            Self::OnLink(ip, interface) => f.pad(&format!("{ip}%{interface}")),
            Self::Name(text) | Self::Path(text) => f.pad(text),
            Self::OwnResolvers => f.pad(OWN_RESOLVERS),
        }
    }
}

/// What to ask a DNS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The name; a label of its own goes before it when `unique`.
    pub(crate) name: String,
    /// `A`, `AAAA`, `TXT`, …
    pub(crate) kind: String,
    /// Put a random label before the name?
    pub(crate) unique: bool,
}

/// An HTTP request without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The method, as it is sent.
    pub(crate) method: String,
    /// What goes into the `Host` header.
    pub(crate) host: String,
    /// The path, from its slash.
    pub(crate) path: String,
}

/// One question to the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The protocol that is tried.
    pub(crate) kind: ProbeKind,
    /// The target: an address, a name, or a socket's path.
    pub(crate) whom: ProbeTarget,
    /// The target's port; 0 where the protocol has none.
    pub(crate) port: u16,
    /// The name in the TLS handshake; none is sent where there is none.
    pub(crate) sni: Option<String>,
    /// The HTTP request, for the kinds that make one.
    pub(crate) request: Option<Request>,
    /// The DNS question, for the kinds that ask one.
    pub(crate) question: Option<Question>,
}

impl Ask {
    /// A question with nothing but a kind and a target.
    pub(crate) fn new(kind: ProbeKind, whom: ProbeTarget, port: u16) -> Self {
        Self { kind, whom, port, sni: None, request: None, question: None }
    }

    /// The name that HTTP and TLS name the target by when nobody chose one.
    pub(crate) fn host(&self) -> String {
        match (&self.request, &self.sni) {
            (Some(request), _) => request.host.clone(),
            (None, Some(sni)) => sni.clone(),
            (None, None) => match &self.whom {
                ProbeTarget::Ip(IpAddr::V6(ip)) | ProbeTarget::OnLink(IpAddr::V6(ip), _) => format!("[{ip}]"),
                ProbeTarget::OnLink(ip, _) => ip.to_string(),
                whom => whom.to_string(),
            },
        }
    }
}

impl fmt::Display for Ask {
    /// `tcp 192.168.1.1:80`, `http github.com:80 GET example.com/`, `dns resolv.conf A example.com`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(kind_name(self.kind))?;
        match &self.whom {
            ProbeTarget::Ip(ip) if self.port > 0 => write!(f, " {}", SocketAddr::new(*ip, self.port))?,
            ProbeTarget::OnLink(IpAddr::V6(_), _) if self.port > 0 => write!(f, " [{}]:{}", self.whom, self.port)?,
            whom @ (ProbeTarget::Name(_) | ProbeTarget::OnLink(..)) if self.port > 0 => {
                write!(f, " {whom}:{}", self.port)?;
            }
            whom => write!(f, " {whom}")?,
        }
        if let Some(sni) = &self.sni {
            write!(f, " SNI {sni}")?;
        }
        if let Some(Request { method, host, path }) = &self.request {
            write!(f, " {method} {host}{path}")?;
        }
        if let Some(Question { name, kind, unique }) = &self.question {
            write!(f, " {kind} {}{name}", if *unique { "<unique>." } else { "" })?;
        }
        Ok(())
    }
}

/// The kind's name, as a line has it in `network.protocol`.
pub(crate) const fn kind_name(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Tcp => "tcp",
        ProbeKind::Udp => "udp",
        ProbeKind::Icmp => "icmp",
        ProbeKind::Http => "http",
        ProbeKind::Https => "https",
        ProbeKind::Tls => "tls",
        ProbeKind::Ws => "ws",
        ProbeKind::Wss => "wss",
        ProbeKind::Dns => "dns",
        ProbeKind::DnsTcp => "dns-tcp",
        ProbeKind::Dot => "dot",
        ProbeKind::Doh => "doh",
        ProbeKind::Quic => "quic",
        ProbeKind::Unix => "unix",
        ProbeKind::Raw => "raw",
        ProbeKind::Forged => "forged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_as_what_it_looks_like() {
        assert_eq!(ProbeTarget::read("[2001:db8::1]"), ProbeTarget::Ip("2001:db8::1".parse().unwrap()));
        assert_eq!(ProbeTarget::read("10.0.0.1"), ProbeTarget::Ip("10.0.0.1".parse().unwrap()));
        assert_eq!(ProbeTarget::read("fe80::1%eth0"), ProbeTarget::OnLink("fe80::1".parse().unwrap(), "eth0".into()));
        assert_eq!(ProbeTarget::read("resolv.conf"), ProbeTarget::OwnResolvers);
        assert_eq!(ProbeTarget::read("/run/docker.sock"), ProbeTarget::Path("/run/docker.sock".into()));
        assert_eq!(ProbeTarget::read("GitHub.com."), ProbeTarget::Name("github.com".into()));
        assert_eq!(ProbeTarget::read("RESOLV.CONF."), ProbeTarget::OwnResolvers);
        assert_eq!(ProbeTarget::read("192.0.2.1."), ProbeTarget::read("192.0.2.1"));
    }

    #[test]
    fn a_question_reads_like_one() {
        let mut ask = Ask::new(ProbeKind::Http, ProbeTarget::Ip("fd00::2".parse().unwrap()), 80);
        ask.request = Some(Request { method: "GET".into(), host: "example.com".into(), path: "/".into() });
        assert_eq!(ask.to_string(), "http [fd00::2]:80 GET example.com/");
        assert_eq!(
            Ask::new(ProbeKind::Tcp, ProbeTarget::read("fe80::1%eth0"), 22).to_string(),
            "tcp [fe80::1%eth0]:22"
        );
        let group = Ask::new(ProbeKind::Udp, ProbeTarget::read("224.0.0.251%eth0"), 5353);
        assert_eq!(group.to_string(), "udp 224.0.0.251%eth0:5353");
    }
}
