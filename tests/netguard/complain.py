#!/usr/bin/python3
"""A connection, and an error message about it from somebody who has no part in it.

`complain.py listen ADDRESS` prints a port and takes one connection; `complain.py connect ADDRESS PORT OWN` opens it from
an address of its own and prints its port; both stay for a minute. `complain.py send CLIENT PORT SERVER PORT MARK` tells the client, by ICMP,
that the server cannot be reached: it quotes a packet of the connection, with a mark for the witnesses (witness.py).
"""
import socket
import struct
import sys
import time

from packet import ipv4, mark, summed


def quoted(client, cport, server, sport, name):
    tcp = struct.pack("!HHIIBBHHH", int(cport), int(sport), 1, 1, 0x50, 0x10, 1000, 0, 0) + mark(name)
    return ipv4(client, server, socket.IPPROTO_TCP, tcp)


def listen(address):
    with socket.create_server((address, 0)) as server:
        print(server.getsockname()[1], flush=True)
        client, _ = server.accept()
        with client:
            time.sleep(60)


def connect(address, port, own):
    with socket.create_connection((address, int(port)), 10, (own, 0)) as sock:
        print(sock.getsockname()[1], flush=True)
        time.sleep(60)


def send(client, cport, server, sport, name):
    unreachable = summed(struct.pack("!BBHI", 3, 1, 0, 0) + quoted(client, cport, server, sport, name), 2)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.sendto(unreachable, (client, 0))


{"listen": listen, "connect": connect, "send": send}[sys.argv[1]](*sys.argv[2:])
