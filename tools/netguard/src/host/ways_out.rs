//! Interfaces that lead to the internet: a default route, or one in pieces. VPN programs write it so when some ranges
//! are to stay outside the tunnel. What is routed there is no network that this machine is on.

use std::collections::BTreeMap;

use ipnet::IpNet;

/// Which routes are such pieces: those of an interface whose routes cover half of a family's internet or more,
/// together. Of IPv6 only `2000::/3` is given out (RFC 4291 section 2.4). A route within another one of the interface's
/// adds nothing to the way out. So it means a network of its own. A route is the number of its interface and its
/// network.
pub(crate) fn is_piece(routes: &[(u32, IpNet)]) -> impl Fn(u32, &IpNet) -> bool + use<> {
    let mut covered: BTreeMap<(u32, bool), Vec<IpNet>> = BTreeMap::new();
    for (link, network) in routes {
        covered.entry((*link, network.addr().is_ipv4())).or_default().push(*network);
    }
    let routes = routes.to_vec();
    let wide: Vec<(u32, bool)> = covered
        .into_iter()
        .filter(|((_, is_v4), networks)| {
            let half = if *is_v4 { 1u128 << 31 } else { 1u128 << 124 };
            crate::rules::address_set::merged(networks).iter().map(size).fold(0u128, u128::saturating_add) >= half
        })
        .map(|(key, _)| key)
        .collect();
    move |link, network| {
        let holds = |(on, other): &(u32, IpNet)| *on == link && other != network && other.contains(network);
        wide.contains(&(link, network.addr().is_ipv4())) && !routes.iter().any(holds)
    }
}

fn size(network: &IpNet) -> u128 {
    1u128.checked_shl(u32::from(network.max_prefix_len() - network.prefix_len())).unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(routes: &[(u32, &str)]) -> Vec<bool> {
        let routes: Vec<(u32, IpNet)> = routes.iter().map(|(link, text)| (*link, text.parse().unwrap())).collect();
        let is_piece = is_piece(&routes);
        routes.iter().map(|(link, network)| is_piece(*link, network)).collect()
    }

    /// What `wg-quick` writes for all of the internet without the private ranges.
    const WITHOUT_PRIVATE: [&str; 16] = [
        "0.0.0.0/5",
        "8.0.0.0/7",
        "11.0.0.0/8",
        "12.0.0.0/6",
        "16.0.0.0/4",
        "32.0.0.0/3",
        "64.0.0.0/2",
        "128.0.0.0/3",
        "160.0.0.0/5",
        "168.0.0.0/6",
        "172.0.0.0/12",
        "172.32.0.0/11",
        "172.64.0.0/10",
        "192.0.0.0/9",
        "193.0.0.0/8",
        "194.0.0.0/7",
    ];

    #[test]
    fn a_default_route_in_pieces_is_a_way_out_and_a_network_beside_it_is_none() {
        let mut routes: Vec<(u32, &str)> = WITHOUT_PRIVATE.iter().map(|network| (7, *network)).collect();
        routes.push((3, "192.168.1.0/24"));
        let found = pieces(&routes);
        assert!(found[..16].iter().all(|piece| *piece) && !found[16]);
        assert_eq!(pieces(&[(7, "2000::/3"), (7, "fd00::/8"), (7, "10.0.0.0/8")]), [true, true, false]);
    }

    #[test]
    fn a_large_network_of_ones_own_is_no_way_out() {
        assert_eq!(pieces(&[(3, "10.0.0.0/8"), (3, "8.0.0.0/7"), (3, "2001:db8::/32")]), [false; 3]);
        assert_eq!(pieces(&[(3, "0.0.0.0/2"), (4, "64.0.0.0/2")]), [false, false], "on two interfaces");
        assert_eq!(pieces(&[(3, "0.0.0.0/0"), (3, "::/0")]), [true, true]);
        assert_eq!(pieces(&[(3, "0.0.0.0/1"), (3, "128.0.0.0/1"), (3, "5.6.0.0/16")]), [true, true, false]);
    }
}
