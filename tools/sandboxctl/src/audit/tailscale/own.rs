//! What this host is called: its addresses, as the kernel has them, and its names. A port that is open at all of its
//! addresses is reached by each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;

use engine::{fib_trie, inet6};

/// The kernel's table of this host's addresses (proc(5)).
const FOURTH: &str = "/proc/net/fib_trie";

/// Addresses and names of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Own {
    addresses: BTreeSet<IpAddr>,
    /// In small letters, without a dot at the end.
    names: BTreeSet<String>,
    /// What hosts(5) calls other addresses: a container's, say.
    others: BTreeMap<String, IpAddr>,
}

/// What a target of Tailscale's leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// This host, at any of its addresses.
    Here,
    /// This host, at this address.
    HereAt(IpAddr),
    /// This address, which is none of this host's.
    Elsewhere(IpAddr),
    /// A name of somebody else.
    Unknown,
}

impl Own {
    /// Of this host. A kernel without IPv6 has no table of it, and a host need have no hosts(5).
    ///
    /// # Errors
    /// Why it is not known.
    pub(in super::super) fn here() -> Result<Self, String> {
        let read = |path: &str| match fs::read_to_string(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{path} could not be read: {error}")),
            text => Ok(text.unwrap_or_default()),
        };
        let fourth = fs::read_to_string(FOURTH).map_err(|error| format!("{FOURTH} could not be read: {error}"))?;
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(Self::of((&fourth, &read("/proc/net/if_inet6")?), &name, &read("/etc/hosts")?))
    }

    /// From texts: the kernel's two tables (proc(5)), the host's name, and hosts(5).
    pub(super) fn of((fourth, sixth): (&str, &str), name: &str, hosts: &str) -> Self {
        let fourth = fib_trie::local(fourth).into_iter().map(IpAddr::V4);
        let addresses = fourth.chain(inet6::read(sixth).into_iter().map(|own| IpAddr::V6(own.ip))).collect();
        let names = [small("localhost"), small(name)].into();
        let mut own = Self { addresses, names, others: BTreeMap::new() };
        let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
        for mut words in lines {
            let Some(at) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
            match own.has(at) {
                true => own.names.extend(words.map(small)),
                false => own.others.extend(words.map(|word| (small(word), at))),
            }
        }
        own
    }

    /// Adds the addresses and the name that Tailscale gives the host.
    pub(super) fn also(&self, addresses: &[IpAddr], name: &str) -> Self {
        let mut own = self.clone();
        own.addresses.extend(addresses);
        let first = name.split('.').next().unwrap_or_default();
        own.names.extend([small(name), small(first)].into_iter().filter(|name| !name.is_empty()));
        own
    }

    fn has(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.addresses.contains(&address)
    }

    /// Where a target's host is.
    pub(super) fn place(&self, host: &str) -> Place {
        let number = host.split('%').next().unwrap_or(host).parse::<IpAddr>().map(|address| address.to_canonical());
        match number {
            Ok(address) if address.is_loopback() || address.is_unspecified() => Place::Here,
            Ok(address) if self.has(address) => Place::HereAt(address),
            Ok(address) => Place::Elsewhere(address),
            Err(_) if self.names.contains(&small(host)) || small(host).ends_with(".localhost") => Place::Here,
            Err(_) => self.others.get(&small(host)).map_or(Place::Unknown, |address| Place::Elsewhere(*address)),
        }
    }
}

fn small(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Local:
  +-- 0.0.0.0/0 2 0 2
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     |-- 192.168.77.0
        /24 link UNICAST
     |-- 192.168.77.2
        /32 host LOCAL
";
    const SIXTH: &str = "20010db8007700000000000000000002 02 40 00 80 up0\nodd\n";

    #[test]
    fn a_host_is_where_its_addresses_and_names_are() {
        let hosts = "127.0.1.1 home.example home\n192.168.77.2 box # the box\n192.168.77.10 nas\n# 127.0.0.1 x\n";
        let own = Own::of((TABLE, SIXTH), "Machine", hosts);
        for host in [
            "localhost",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "0.0.0.0",
            "home",
            "HOME.example.",
            "box",
            "machine",
            "a.localhost",
        ] {
            assert_eq!(own.place(host), Place::Here, "{host}");
        }
        for host in ["192.168.77.2", "::ffff:192.168.77.2", "2001:db8:77::2", "2001:db8:77::2%up0"] {
            assert!(matches!(own.place(host), Place::HereAt(_)), "{host}");
        }
        for host in ["192.168.77.255", "192.168.77.0", "10.0.0.1", "2001:db8:77::3", "nas"] {
            assert!(matches!(own.place(host), Place::Elsewhere(_)), "{host}");
        }
        for host in ["x", "", "the"] {
            assert_eq!(own.place(host), Place::Unknown, "{host}");
        }
        let more = own.also(&["100.64.0.5".parse().unwrap()], "home.tail0.ts.net.");
        assert!(matches!(more.place("100.64.0.5"), Place::HereAt(_)));
        assert_eq!(more.place("home.tail0.ts.net"), Place::Here);
    }

    #[test]
    fn this_host_has_itself() {
        let own = Own::here().unwrap();
        assert!(own.addresses.iter().any(IpAddr::is_loopback), "{own:?}");
        assert_eq!(own.place("localhost"), Place::Here);
    }
}
