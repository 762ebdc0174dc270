#!/usr/bin/python3
"""A connection, and an error message about it from somebody who has no part in it.

`complain.py listen ADDRESS` prints a port and takes one connection; `complain.py connect ADDRESS PORT OWN` opens it from
an address of its own and prints its port; both stay for a minute. `complain.py send CLIENT PORT SERVER PORT MARK` tells the client, by ICMP,
that the server cannot be reached (RFC 792, RFC 4443): it quotes a packet of the connection, with a mark for the witnesses (witness.py).
"""
import socket
import struct
import sys
import time

from packet import family, ipv4, ipv6, mark, summed


def quoted(client, cport, server, sport, name):
    tcp = struct.pack("!HHIIBBHHH", int(cport), int(sport), 1, 1, 0x50, 0x10, 1000, 0, 0) + mark(name)
    return (ipv4 if family(client) == socket.AF_INET else ipv6)(client, server, socket.IPPROTO_TCP, tcp)


def listen(address):
    with socket.create_server((address, 0), family=family(address)) as server:
        print(server.getsockname()[1], flush=True)
        client, _ = server.accept()
        with client:
            time.sleep(60)


def connect(address, port, own):
    with socket.create_connection((address, int(port)), 10, (own, 0)) as sock:
        print(sock.getsockname()[1], flush=True)
        time.sleep(60)


def send(client, cport, server, sport, name):
    quote = quoted(client, cport, server, sport, name)
    if family(client) == socket.AF_INET:
        kind, message = socket.IPPROTO_ICMP, summed(struct.pack("!BBHI", 3, 1, 0, 0) + quote, 2)
    else:
        # The kernel fills in this checksum itself.
        kind, message = socket.IPPROTO_ICMPV6, struct.pack("!BBHI", 1, 3, 0, 0) + quote
    with socket.socket(family(client), socket.SOCK_RAW, kind) as sock:
        sock.sendto(message, (client, 0))


{"listen": listen, "connect": connect, "send": send}[sys.argv[1]](*sys.argv[2:])
