//! What a probe saw, as it was, before anybody judges it.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::net::IpAddr;

/// What came of one question to the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    /// Bytes came back, and they answer what was asked.
    Answered {
        /// How many bytes came.
        bytes: u64,
        /// What they were, in a few words.
        what: String,
    },
    /// Bytes came back that answer nothing of what was asked.
    Stray {
        /// How many bytes came.
        bytes: u64,
        /// What they were, in a few words.
        what: String,
    },
    /// An HTTP response came back.
    Http {
        /// The HTTP status, 100 to 599.
        status: u16,
        /// Who it says it is from.
        from: Speaker,
        /// How many bytes were read.
        bytes: u64,
        /// The port that the request came from, where the kernel tells.
        port: Option<u16>,
    },
    /// A certificate was shown and the handshake ended.
    Tls {
        /// SHA-256 of the leaf, hex.
        leaf: String,
        /// The certificate's length in bytes.
        bytes: u64,
    },
    /// The TLS alert `unrecognized_name` (RFC 6066 §3): who is there serves no such name, and says so.
    NameRefused,
    /// A DNS answer came back.
    Dns(Answer),
    /// A handshake ended, and then nothing came.
    Connected,
    /// A handshake ended, and the other end closed without a byte.
    Closed,
    /// A reset, or "port unreachable": somebody said no.
    Refused,
    /// Nothing came in time.
    Silent,
    /// There was no way there, or a filter said so.
    Unreachable(String),
    /// The name led to no address.
    NotResolved(String),
    /// The time was over in the middle of it: the machine was too busy to say what came.
    Unfinished,
    /// It could not be tried at all.
    NotMade(String),
}

/// Who speaks in an HTTP response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// A server: the target, or one behind the gate.
    Server,
    /// The gate, by a code of its rules for names, methods and paths: the request went no further, nor would the next.
    GateRefuses,
    /// The gate, which let the request through and found nobody behind it.
    GateFailed,
    /// Somebody in the gate's form, with a code that no gate of this version has. Or the gate, which kept this request
    /// for another reason than its rules: a limit, a key that is not there.
    GateUnclear,
}

/// What a DNS server answered, as far as a verdict needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …
    pub code: String,
    /// Those of its A and AAAA records, at most 16.
    pub addresses: Vec<IpAddr>,
    /// Does it carry records, or a zone's own SOA (RFC 2308), which nobody inside could make up?
    pub from_outside: bool,
}

impl Observation {
    /// What an error of the system's means for a probe.
    pub(crate) fn of(error: &Error) -> Self {
        // A filter or a route of the place's own (EPERM, EADDRNOTAVAIL with no port left) says nothing of the
        // network's. Whoever sits there may take it away again: never a "nothing came".
        if error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()) {
            return Self::NotMade(format!("refused by the place itself: {error}"));
        }
        match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Self::Refused,
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => Self::Closed,
            ErrorKind::TimedOut => Self::Silent,
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => Self::Unreachable(error.to_string()),
            // EACCES: a filter on the way answered "prohibited" (RFC 4443 section 3.1, code 1).
            ErrorKind::PermissionDenied => Self::Unreachable(error.to_string()),
            _ => Self::NotMade(error.to_string()),
        }
    }

    /// Did anybody answer? All else looks alike with a cable cut.
    pub(crate) fn is_evidence(&self) -> bool {
        match self {
            Self::Answered { .. } | Self::Stray { .. } | Self::Http { .. } | Self::Tls { .. } => true,
            Self::NameRefused | Self::Dns(_) => true,
            Self::Connected | Self::Closed | Self::Refused | Self::Silent => false,
            Self::Unreachable(_) | Self::NotResolved(_) | Self::Unfinished | Self::NotMade(_) => false,
        }
    }

    /// Could a lost packet or a busy machine have made this of an answer?
    pub(crate) fn may_be_lost(&self) -> bool {
        matches!(self, Self::Silent | Self::Connected | Self::NotResolved(_))
    }

    /// The same, after the connection stood: a reset is then a connection closed.
    pub(crate) fn after_connect(error: &Error) -> Self {
        match Self::of(error) {
            Self::Refused => Self::Closed,
            other => other,
        }
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { bytes, what } => write!(f, "{bytes} bytes came back: {what}"),
            Self::Stray { bytes, what } => write!(f, "{bytes} bytes came back that answer nothing: {what}"),
            Self::Http { status, from: Speaker::GateRefuses, .. } => write!(f, "the gate refused with HTTP {status}"),
            Self::Http { status, from: Speaker::GateUnclear, .. } => {
                write!(f, "HTTP {status} in the gate's form, with a code that is no refusal by its rules")
            }
            Self::Http { status, from: Speaker::GateFailed, .. } => {
                write!(f, "the gate let it through and reached nobody: HTTP {status}")
            }
            Self::Http { status, bytes, .. } => write!(f, "HTTP {status} with {bytes} bytes"),
            Self::Tls { leaf, .. } => write!(f, "a TLS certificate, sha256:{leaf}"),
            Self::NameRefused => f.write_str("the TLS alert unrecognized_name"),
            Self::Dns(Answer { code, addresses, .. }) => {
                write!(f, "{code}")?;
                addresses.iter().try_for_each(|ip| write!(f, " {ip}"))
            }
            Self::Connected => f.write_str("connected, and then not a byte"),
            Self::Closed => f.write_str("connected, and closed without a byte"),
            Self::Refused => f.write_str("refused"),
            Self::Silent => f.write_str("silence"),
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
            Self::NotResolved(why) => write!(f, "no such name: {why}"),
            Self::Unfinished => f.write_str("not made: it did not come to an end in time"),
            Self::NotMade(why) => write!(f, "not made: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn what_the_place_itself_prevents_was_not_tried() {
        let seen = |errno: Errno| Observation::of(&errno.into());
        for errno in [Errno::PERM, Errno::ADDRNOTAVAIL, Errno::ADDRINUSE, Errno::MFILE, Errno::NOBUFS, Errno::INVAL] {
            assert!(matches!(seen(errno), Observation::NotMade(_)), "{errno:?}");
        }
        for errno in [Errno::NETUNREACH, Errno::HOSTUNREACH, Errno::ACCESS] {
            assert!(matches!(seen(errno), Observation::Unreachable(_)), "{errno:?}");
        }
        assert_eq!((seen(Errno::CONNREFUSED), seen(Errno::TIMEDOUT)), (Observation::Refused, Observation::Silent));
    }
}
