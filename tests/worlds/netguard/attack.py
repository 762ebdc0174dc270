#!/usr/bin/python3
"""Tries every row of an attack table from the network namespace it runs in: `attack.py GATEWAY4 GATEWAY6 <rows`.

A row is `name kind target port`, tab-separated. On stdout one line a row: the name, then an outcome. What
waits for an answer has `answered` or `silent`. What goes one way only has `sent` or `unsendable`: the
witnesses (witness.py) look for the mark that it carries. Rows are tried all at once.
"""
import concurrent.futures
import socket
import struct
import subprocess
import sys

from packet import (datagram, ethertype, family, hardware, ipv4, ipv6, mark, own_address, packed, udp_body,
                    with_sum)

PATIENCE = 2.5     # seconds; the lab answers in some milliseconds


def send_raw(target, data):
    with socket.socket(family(target), socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(data, (target, 0))


def to_gateway(gateway, data):
    """A frame to the gateway's own MAC: the kernel would keep a packet to ourselves at home."""
    mac = hardware(gateway)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        sock.send(mac + sock.getsockname()[4] + ethertype(gateway) + data)


def tcp(name, target, port):
    with socket.create_connection((target, port), PATIENCE) as sock:
        sock.settimeout(PATIENCE)
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return bool(sock.recv(1))


def udp(name, target, port, size=0, bound=0):
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        sock.bind(("", bound))
        sock.settimeout(PATIENCE)
        sock.connect((target, port))
        sock.send(mark(name) + b"." * size)
        return bool(sock.recv(65536))


def dns(name, target, port):
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((target, port))
        sock.send(struct.pack("!HHHHHH", 1, 256, 1, 0, 0, 0) + b"\x06github\x03com\0\0\x01\0\x01")
        return bool(sock.recv(512))


def ping(name, target, port):
    return subprocess.run(["ping", "-n", "-c1", "-W2", target], capture_output=True, check=False).returncode == 0


def big(name, target, port):
    return udp(name, target, port, size=4000)


def pretend(name, target, port):
    """Forges the opening of a connection from the target, then "answers" it."""
    own = own_address(target)
    gateway = GATEWAYS[family(target)]
    ping(name, gateway, 0)
    to_gateway(gateway, datagram(target, own, port, port, b"opening"))
    return udp(name, target, port, bound=port)


def forge(name, target, port):
    """Another machine's address as source: port holds it, or says that it is one that a neighbour could have."""
    if port == "neighbour":
        port = neighbours_address(target)
    send_raw(target, datagram(port, target, 7777, 7777, mark(name)))


def neighbours_address(target):
    own = packed(own_address(target))
    return socket.inet_ntop(family(target), own[:-1] + bytes([own[-1] ^ 0x70]))


def known(target):
    """A plain datagram first: where the rules let it by, they know this pair of addresses for a moment."""
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        sock.sendto(b"plain", (target, 7777))


def loose(name, target, port):
    known(target)
    own = own_address(target)
    route = b"\x83\x07\x04" + packed(port) + b"\0"
    send_raw(target, ipv4(own, target, 17, udp_body(own, target, 7777, 7777, mark(name)), route))


def routed(name, target, port):
    """An IPv6 routing header of type 2 with nothing left to visit."""
    known(target)
    own = own_address(target)
    header = struct.pack("!BBBBI16s", 17, 2, 2, 0, 0, packed(port))
    send_raw(target, ipv6(own, target, 43, header + udp_body(own, target, 7777, 7777, mark(name))))


def neighbour(name, target, port):
    """A neighbour solicitation with a mark, to a machine that is no neighbour."""
    own = own_address(target)
    body = struct.pack("!BBHI16s", 135, 0, 0, 0, packed(target)) + mark(name)
    send_raw(target, ipv6(own, target, 58, with_sum(58, body, own, target, 2), hops=255))


def advert(name, target, port):
    """A router's advertisement (RFC 4861) of a lifetime of half an hour, as only a router may send it."""
    own = own_address(GATEWAYS[socket.AF_INET6])
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + mark(name)
    ping(name, GATEWAYS[socket.AF_INET6], 0)
    to_gateway(GATEWAYS[socket.AF_INET6], ipv6(own, target, 58, with_sum(58, body, own, target, 2), hops=255))


def redirect(name, target, port):
    """A redirect (RFC 4861): the destination in port is a neighbour of ours now."""
    own = own_address(target)
    body = struct.pack("!BBHI16s16s", 137, 0, 0, 0, packed(own), packed(port)) + mark(name)
    send_raw(target, ipv6(own, target, 58, with_sum(58, body, own, target, 2), hops=255))


def knock(name, target, port):
    """A frame to the gateway, for an address that our own kernel would keep at home."""
    gateway = GATEWAYS[family(target)]
    ping(name, gateway, 0)
    to_gateway(gateway, datagram(own_address(gateway), target, 7777, port, mark(name)))


def shout(name, target, port):
    """A datagram to a group or a broadcast address, one hop far."""
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        sock.sendto(mark(name), (target, port))


ANSWERED = {"tcp": tcp, "udp": udp, "dns": dns, "ping": ping, "big": big, "pretend": pretend}
ONE_WAY = {"forge": forge, "loose": loose, "routed": routed, "neighbour": neighbour, "shout": shout,
           "advert": advert, "redirect": redirect, "knock": knock}
GATEWAYS = {socket.AF_INET: sys.argv[1], socket.AF_INET6: sys.argv[2]}


def attempt(row):
    name, kind, target, port = row.rstrip("\n").split("\t")[:4]
    target = target.replace("@gateway4", sys.argv[1]).replace("@gateway6", sys.argv[2]).replace("@broadcast4", sys.argv[1].rsplit(".", 1)[0] + ".255")
    port = int(port) if port.isdigit() else port
    if kind in ANSWERED:
        try:
            return name, "answered" if ANSWERED[kind](name, target, port) else "silent"
        except OSError:
            return name, "silent"
    try:
        ONE_WAY[kind](name, target, port)
        return name, "sent"
    except OSError as error:
        return name, f"unsendable: {error}"


def main():
    rows = [row for row in sys.stdin if row.strip() and not row.startswith("#")]
    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        for name, result in pool.map(attempt, rows):
            print(name, result, sep="\t")


main()
