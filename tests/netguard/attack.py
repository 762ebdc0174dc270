#!/usr/bin/python3
"""Tries every row of an attack table from the network namespace it runs in: `attack.py GATEWAY4 GATEWAY6 <rows`.

A row is `name kind target port`, tab-separated. On stdout one line a row: the name, then `answered` or
`silent` for what waits for an answer, `sent` or `unsendable` for what goes one way only and is looked for
by the witnesses (witness.py), by the mark that it carries. Rows are tried all at once.
"""
import concurrent.futures
import socket
import struct
import subprocess
import sys

PATIENCE = 2.5     # seconds; the lab answers in some milliseconds


def mark(name):
    return f"NGT<{name}>".encode()


def family(target):
    return socket.AF_INET6 if ":" in target else socket.AF_INET


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return socket.inet_pton(family(address), address)


def with_sum(kind, body, source, target, offset):
    """Fills in the checksum over the pseudo-header at an offset of the body."""
    pseudo = packed(source) + packed(target) + struct.pack("!IHBB", len(body), 0, 0, kind)
    if family(target) == socket.AF_INET:
        pseudo = packed(source) + packed(target) + struct.pack("!BBH", 0, kind, len(body))
    return body[:offset] + struct.pack("!H", checksum(pseudo + body) or 0xFFFF) + body[offset + 2:]


def udp_body(source, target, sport, dport, payload):
    return with_sum(17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload, source, target, 6)


def ipv4(source, target, kind, body, options=b""):
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(body), 7, 0, 64, kind, 0, packed(source), packed(target)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ipv6(source, target, kind, body, hops=64):
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), kind, hops, packed(source), packed(target)) + body


def packet(source, target, sport, dport, payload):
    body = udp_body(source, target, sport, dport, payload)
    return (ipv6 if ":" in target else ipv4)(source, target, 17, body)


def own_address(target):
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        sock.connect((target, 9))
        return sock.getsockname()[0]


def send_raw(target, data):
    with socket.socket(family(target), socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(data, (target, 0))


def to_gateway(gateway, data):
    """A frame to the gateway's own MAC: the kernel would keep a packet to ourselves at home."""
    found = subprocess.run(["ip", "neigh", "show", gateway], capture_output=True, text=True, check=True).stdout
    mac = bytes.fromhex(found.split("lladdr ")[1].split()[0].replace(":", ""))
    kind = 0x86DD if ":" in gateway else 0x0800
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        sock.send(mac + sock.getsockname()[4] + struct.pack("!H", kind) + data)


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
    to_gateway(gateway, packet(target, own, port, port, b"opening"))
    return udp(name, target, port, bound=port)


def forge(name, target, port):
    """Another machine's address as source: port holds it."""
    send_raw(target, packet(port, target, 7777, 7777, mark(name)))


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
    to_gateway(gateway, packet(own_address(gateway), target, 7777, port, mark(name)))


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
