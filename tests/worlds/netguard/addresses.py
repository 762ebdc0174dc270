#!/usr/bin/python3
"""Prints addresses to knock at: `addresses.py SEED COUNT`. Random ones of both families. Then the
two addresses on either side of every boundary that a range of the moat may have."""
import ipaddress
import random
import sys

RANGES = """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
224.0.0.0/4 240.0.0.0/4 172.30.1.0/24 192.168.77.0/24 5.6.7.0/24 100.101.102.103/32 192.168.77.2/32
::/128 ::1/128 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16
fc00::/7 fe80::/10 fec0::/10 ff00::/8 2a0a:77::/64 fd6c:6c62:1::/64 2001:db8:77::2/128 2000::/3 4000::/2 8000::/1""".split()
MAPPED = ipaddress.ip_network("::ffff:0:0/96")   # IPv4 on the wire, where a socket is asked for it


def boundaries():
    for text in RANGES:
        net = ipaddress.ip_network(text)
        kind, top = type(net.network_address), 2**net.max_prefixlen - 1
        first, last = int(net.network_address), int(net.broadcast_address)
        yield from (kind(number) for number in (first - 1, first, first + 1, last - 1, last, last + 1) if 0 <= number <= top)


def main(seed, count):
    dice = random.Random(int(seed))
    found = set(boundaries())
    for _ in range(int(count)):
        found.add(ipaddress.IPv4Address(dice.getrandbits(32)))
        # Half of the IPv6 ones where the internet is, or nearly all would be special.
        found.add(ipaddress.IPv6Address(dice.getrandbits(128) >> 3 | 1 << 125 if dice.random() < 0.5 else dice.getrandbits(128)))
    print(f"seed {seed}", file=sys.stderr)
    for address in sorted(found, key=lambda a: (a.version, a)):
        if address.version == 4 or address not in MAPPED:
            print(address)


main(*sys.argv[1:])
