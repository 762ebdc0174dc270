//! Where somebody wants to go, in any notation that a resolver takes. `2130706433`, `0x7f.1` and `::ffff:127.0.0.1` all
//! mean the same loopback. Whoever hides a private address writes it like that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result, bail, ensure};

/// An address, and a port where one was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// As its author wrote it, for the answer: the address below may look quite different.
    pub(crate) written: String,
    /// Where packets to it go: an IPv4 address inside a mapped one is IPv4 on the wire (RFC 4038 §4.2).
    pub(crate) address: IpAddr,
    /// The port; `None` where an address alone was given.
    pub(crate) port: Option<u16>,
    /// `tcp`, `udp`, or `any`.
    pub(crate) transport: &'static str,
}

/// Reads `ADDR`, `ADDR:PORT/PROTO` or `[ADDR]:PORT/PROTO`.
///
/// # Errors
/// If it is none of these; names are not resolved.
pub(crate) fn parse(text: &str) -> Result<Target> {
    let written = text.trim();
    let (rest, transport) = match written.rsplit_once('/') {
        None => (written, "any"),
        Some((rest, "tcp")) => (rest, "tcp"),
        Some((rest, "udp")) => (rest, "udp"),
        Some((_, other)) => bail!("{written:?}: {other:?} is neither tcp nor udp"),
    };
    let (host, port) = ends(rest);
    let address =
        address(host).with_context(|| format!("{written:?}: {host:?} is no address, and names are not resolved"))?;
    let port = port
        .map(|port| port.parse::<u16>().with_context(|| format!("{written:?}: {port:?} is no port")))
        .transpose()?;
    ensure!(port != Some(0), "{written:?}: port 0 is no port");
    ensure!(
        port.is_some() == (transport != "any"),
        "{written:?}: a port needs a protocol, and the other way round, as in 192.0.2.1:443/tcp"
    );
    Ok(Target { written: written.to_owned(), address, port, transport })
}

/// Host and port. Without brackets only one colon separates a port; more of them are IPv6.
fn ends(text: &str) -> (&str, Option<&str>) {
    if let Some((host, after)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (host, after.strip_prefix(':'));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let without_zone = text.split_once('%').map_or(text, |(address, _)| address);
    if let Ok(v6) = without_zone.parse::<Ipv6Addr>() {
        return Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4));
    }
    inet_aton(text).map(IpAddr::V4)
}

/// One to four numbers, decimal, octal or hexadecimal, the last of which fills what is left (inet(3)).
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|byte| *byte > 255) {
        return None;
    }
    let room = 8 * (4 - u32::try_from(bytes.len()).ok()?);
    if room < 32 && last >> room != 0 {
        return None;
    }
    let high = bytes.iter().zip([24u32, 16, 8]).fold(0, |sum, (byte, shift)| sum | (byte << shift));
    Some(Ipv4Addr::from(high | last))
}

fn number(text: &str) -> Option<u32> {
    let digits = |text: &str, radix| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then(|| u32::from_str_radix(text, radix).ok()).flatten()
    };
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => digits(hex, 16),
        None if text.len() > 1 && text.starts_with('0') => digits(text, 8),
        None => digits(text, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address_of(text: &str) -> String {
        parse(text).unwrap().address.to_string()
    }

    #[test]
    fn every_spelling_of_loopback_is_loopback() {
        for text in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.01",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(address_of(text), "127.0.0.1", "{text}");
        }
    }

    #[test]
    fn ports_and_protocols_go_together() {
        let target = parse("[2001:db8::1%eth0]:443/tcp").unwrap();
        assert_eq!(
            (target.address.to_string().as_str(), target.port, target.transport),
            ("2001:db8::1", Some(443), "tcp")
        );
        assert_eq!(parse("192.168.1.53:53/udp").unwrap().port, Some(53));
        assert_eq!(parse("2001:db8::1").unwrap().port, None);
        for bad in ["192.0.2.1:53", "192.0.2.1/tcp", "192.0.2.1:0/tcp", "192.0.2.1:70000/tcp", "192.0.2.1:53/icmp"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_no_resolver_takes_is_refused() {
        for bad in [
            "",
            "github.com",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.256",
            "1.65536.1",
            "0x",
            "08",
            "1..2",
            "+1.2.3.4",
            "4294967296",
            ":::",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
