//! `--target`: machines of the LAN that a person knows of and no table of the host's may name.

use std::net::IpAddr;
use std::str::FromStr;

use record::cellblock::ProbeKind;

use super::draft::Draft;

/// A machine that must not be reached: an address, or one port of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    ip: IpAddr,
    port: Option<(u16, ProbeKind)>,
}

/// What is tried where no port is named.
const USUAL: [u16; 4] = [22, 80, 443, 445];

impl FromStr for Target {
    type Err = String;

    /// `ADDR`, `ADDR:PORT`, `ADDR:PORT/tcp` or `ADDR:PORT/udp`; IPv6 in brackets where a port follows.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected ADDR, ADDR:PORT or ADDR:PORT/udp, with IPv6 in brackets, got {text:?}");
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(Self { ip, port: None });
        }
        let (end, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let end: std::net::SocketAddr = end.parse().map_err(|_| expected())?;
        let kind = match protocol {
            "tcp" => ProbeKind::Tcp,
            "udp" => ProbeKind::Udp,
            _ => return Err(expected()),
        };
        if end.port() == 0 {
            return Err(expected());
        }
        Ok(Self { ip: end.ip(), port: Some((end.port(), kind)) })
    }
}

/// Adds the probes of each target that the command line names.
pub(super) fn probes(draft: &mut Draft<'_>, targets: &[Target]) {
    let gain = "Attacks a machine that somebody cares enough about to name.";
    for Target { ip, port } in targets {
        if let Some((port, kind)) = port {
            draft.no_port("target", *kind, *ip, *port, gain);
            continue;
        }
        draft.no_echo("target", *ip, gain);
        for port in USUAL {
            draft.no_port("target", ProbeKind::Tcp, *ip, port, gain);
        }
        for port in [53, 161] {
            draft.no_port("target", ProbeKind::Udp, *ip, port, gain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_or_one_port_of_it() {
        let read = |text: &str| text.parse::<Target>();
        assert_eq!(read("192.168.77.10").unwrap().port, None);
        assert_eq!(read("2001:db8:77::10").unwrap().port, None);
        assert_eq!(read("[2001:db8:77::10]:53/udp").unwrap().port, Some((53, ProbeKind::Udp)));
        assert_eq!(read("192.168.77.10:22").unwrap().port, Some((22, ProbeKind::Tcp)));
        for bad in ["", "nas", "1.2.3.4:0", "1.2.3.4:99999", "1.2.3.4:5/sctp", "1.2.3.4:5/"] {
            assert!(read(bad).unwrap_err().contains("expected ADDR"), "{bad}");
        }
    }
}
