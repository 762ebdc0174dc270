//! What is looked for: a name that stays, what it is, how it is mended, how bad it is. One table, from which
//! the enumeration and its words are made, so that none can lack the other.

use record::Severity;

/// What everything that is looked for is called, means, and how it is mended.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Stable: scripts and waivers name it.
    pub(crate) id: &'static str,
    /// What the bypass is, in a sentence.
    pub(crate) meaning: &'static str,
    /// What to do about it.
    pub(crate) mend: &'static str,
    /// `event.severity` where it is found.
    pub(crate) severity: Severity,
}

macro_rules! bypasses {
    ($($name:ident: $id:literal $severity:ident { $meaning:literal, $mend:literal })*) => {
        /// The bypasses that are looked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Bypass {
            $(#[doc = concat!("`", $id, "`")] $name,)*
        }

        impl Bypass {
            /// Every bypass that is looked for.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its id, meaning, mend and severity.
            pub(crate) const fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry { id: $id, meaning: $meaning, mend: $mend, severity: Severity::$severity },)*
                }
            }
        }
    };
}

bypasses! {
    TableMissing: "table-missing" Critical {
        "the moat's table is gone: it was never loaded, or another program flushed it",
        "netguard apply, and keep netguard watch running; then find what flushes (nft flush ruleset, a firewall's reload)"
    }
    SecondMoat: "second-moat" Medium {
        "a moat that another backend loaded stands beside this one: it refuses what its old policy did, and nobody keeps it",
        "netguard remove --force with the backend that is left over, or without one for all; then netguard apply"
    }
    BridgeMissing: "bridge-missing" Medium {
        "the network's bridge does not exist, and nobody can tell where its containers are instead",
        "make Docker answer, or create the network with the bridge's name that the policy gives"
    }
    NetworkElsewhere: "network-elsewhere" Critical {
        "Docker has the network on a bridge that no rule names, so nothing of the moat concerns it",
        "if it is ours, remove it, and scripts/up makes it again on the policy's bridge; if it is another's, change [networks] in the policy"
    }
    ContainerUnguarded: "container-unguarded" Critical {
        "a container that belongs behind the moat has a way out beside it",
        "docker network disconnect it from every network that is not of the policy, and never give it the host's network"
    }
    NeighboursPose: "neighbours-pose" High {
        "two members of one bridge can pose as each other with forged ARP or neighbour discovery",
        "drop NET_RAW and NET_ADMIN (cap_drop: ALL), or give each agent a network of its own, or isolate the bridge's ports"
    }
    BridgeNetfilter: "bridge-netfilter" High {
        "the network's enable_icc=false is a rule that frames between two members never meet",
        "modprobe br_netfilter, and set net.bridge.bridge-nf-call-iptables and -ip6tables to 1"
    }
    ForeignPort: "foreign-port" Critical {
        "the bridge has a port that leads to no container, so another network is part of this one",
        "take the interface out of the bridge: ip link set INTERFACE nomaster"
    }
    StackedInterface: "stacked-interface" High {
        "an interface on top of the bridge takes packets in under a name that no rule has",
        "remove the interface: ip link del INTERFACE"
    }
    LanOverBridge: "lan-over-bridge" Critical {
        "another interface of this machine is in the range of the network, so who is where cannot be told by address",
        "give the networks other subnets under [networks], or take the address or route off the interface; then scripts/up"
    }
    RouteLocalnet: "route-localnet" High {
        "packets to 127.0.0.0/8 are taken in from outside, so what listens on loopback is open to whoever is on the link",
        "netguard apply, whose host rules make it harmless; net.ipv4.conf.all.route_localnet=0 keeps the LAN out, too"
    }
    LooseSource: "loose-source" High {
        "the kernel does not hold sources against its routes, and the moat's rule that does is missing",
        "netguard apply; set net.ipv4.conf.all.rp_filter to 1"
    }
    SourceRoute: "source-route" High {
        "the kernel follows routes that a sender chose, and a rule of the moat against them is missing",
        "netguard apply; set net.ipv4.conf.all.accept_source_route to 0"
    }
    Redirects: "redirects" High {
        "the host believes a member's redirects, and the moat's rule that keeps them out is missing",
        "netguard apply; set accept_redirects of the bridge to 0, IPv4 and IPv6"
    }
    RouterAdvertisements: "router-advertisements" High {
        "the host believes a member's router advertisements, and the moat's rule that keeps them out is missing",
        "netguard apply; set net.ipv6.conf.BRIDGE.accept_ra to 0"
    }
    ForwardPolicy: "forward-policy" High {
        "the host forwards whatever nobody forbids, and the moat that would forbid it is missing",
        "netguard apply; then iptables -P FORWARD DROP and ip6tables -P FORWARD DROP as a second line"
    }
    DockerRootless: "docker-rootless" Critical {
        "Docker is rootless: its bridges lie in a network namespace of its own, where no rule of the moat is",
        "it is not supported: use the system's Docker (unset DOCKER_HOST, docker context use default), or run none of ours in this one"
    }
    DockerAcceptFwmark: "docker-accept-fwmark" Medium {
        "Docker lets marked packets into every container (--bridge-accept-fwmark): the moat alone keeps them out",
        "start dockerd without bridge-accept-fwmark"
    }
    DockerNoRaw: "docker-no-raw" Medium {
        "Docker does not keep the LAN off ports published on loopback (DOCKER_INSECURE_NO_IPTABLES_RAW): the moat alone does",
        "start dockerd without DOCKER_INSECURE_NO_IPTABLES_RAW"
    }
    DockerDirectRouting: "docker-direct-routing" Medium {
        "Docker lets the LAN route to containers (--allow-direct-routing, gateway_mode): the moat alone keeps it out",
        "start dockerd without allow-direct-routing; create the network with neither gateway_mode routed nor nat-unprotected"
    }
    NoWayOut: "no-way-out" High {
        "nothing translates the sources of what the network's members send, so the internet never answers them",
        "systemctl restart docker, which puts its rules back; then scripts/up. A firewall that was started again flushed them"
    }
    FirewalldRefuses: "firewalld-refuses" High {
        "firewalld refuses what it forwards from a bridge that it has in no zone, so the network reaches nothing",
        "systemctl restart docker while firewalld runs: Docker then gives its bridges a zone; then scripts/up"
    }
    AnswersAstray: "answers-astray" High {
        "the host sends answers for the network's members to another interface than its bridge, so they reach nothing",
        "let the VPN leave local networks out (tailscale set --exit-node-allow-lan-access); ip rule shows who takes them"
    }
    RefusedElsewhere: "refused-elsewhere" High {
        "a rule of another program refuses what the network sends to the internet, though the moat lets it by",
        "take that rule out, or let the bridge by in front of it; if it is Docker's own policy, systemctl restart docker, then scripts/up"
    }
}
