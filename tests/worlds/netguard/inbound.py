#!/usr/bin/python3
"""Whoever tries to get in from outside: packets made by hand, and connections that stay open.

`inbound.py throw NAME INTERFACE MAC HOST4 HOST6 SOURCE4 SOURCE6 <rows` sends a frame to MAC for each row and kind, and
prints the mark of each (witness.py). A row is `place target port kinds [sport [peer]]`: kinds with commas between them;
the peer is whom an error message quotes. Frames, so that no packet filter here has a say in what leaves.
`inbound.py hold NAME GO <rows` opens what `place kind target port` says: tcp and udp want their echo, mute does not. It sends a
mark that ends in /before, and prints `held PLACE SPORT` for each and then `all`. It waits for the file GO, and sends a
mark that ends in /after. `inbound.py pose NAME INTERFACE MAC <rows` opens what `place member peer host` says, in the
member's name. To the host that stands for the member it sends what would be the peer's answer. `inbound.py serve PORT`
echoes, over TCP and UDP; the port after it is silent.
"""
import contextlib
import os
import random
import select
import socket
import struct
import sys
import threading
import time

from packet import datagram, ethertype, family, ipv4, ipv6, mark, packed, summed, udp_body, with_sum

PATIENCE = 20      # seconds, for a busy machine


def whole(target):
    return ipv6 if ":" in target else ipv4


def segment(flags):
    """A TCP segment of no connection, or with a sequence number that belongs to none."""
    def make(row, load):
        head = struct.pack("!HHIIBBHHH", row.sport, row.port, 3 << 29, 1 << 29, 0x50, flags, 1000, 0, 0)
        return [whole(row.target)(row.source, row.target, 6, with_sum(6, head + load, row.source, row.target, 16))]
    return make


def icmp(four, six):
    def make(row, load):
        kind, code = six if ":" in row.target else four
        body = struct.pack("!BBHHH", kind, code, 0, row.sport, 1) + load
        if ":" in row.target:
            return [ipv6(row.source, row.target, 58, with_sum(58, body, row.source, row.target, 2))]
        return [ipv4(row.source, row.target, 1, summed(body, 2))]
    return make


def error(four, six):
    """An error message about a datagram that the target is said to have sent to the peer."""
    def make(row, load):
        return icmp(four, six)(row, datagram(row.target, row.peer, row.port, row.sport, load))
    return make


def bare(number):
    return lambda row, load: [whole(row.target)(row.source, row.target, number, load.ljust(64, b"\0"))]


def udp(row, load):
    return [datagram(row.source, row.target, row.sport, row.port, load)]


def wrong(row, load):
    """A datagram whose checksum is not."""
    return [udp(row, load + b"!")[0][:-1] + b"?"]


def optional(row, load):
    """Behind options that mean nothing."""
    body = udp_body(row.source, row.target, row.sport, row.port, load)
    if ":" in row.target:
        return [ipv6(row.source, row.target, 60, struct.pack("!BBBBI", 17, 0, 1, 4, 0) + body)]
    return [ipv4(row.source, row.target, 17, body, b"\x01\x01\x01\0")]


def cut(row, load):
    """A datagram in two fragments, the load in the second."""
    body, identity = udp_body(row.source, row.target, row.sport, row.port, b"." * 56 + load), random.getrandbits(16)
    parts = [(body[:64], 0, 1), (body[64:], 64, 0)]
    if ":" in row.target:
        return [ipv6(row.source, row.target, 44, struct.pack("!BBHI", 17, 0, at | more, identity) + part) for part, at, more in parts]
    packets = [(ipv4(row.source, row.target, 17, part), at, more) for part, at, more in parts]
    return [summed(p[:4] + struct.pack("!HH", identity, more << 13 | at >> 3) + p[8:10] + b"\0\0" + p[12:20], 10) + p[20:] for p, at, more in packets]


def detour(row, load):
    """To the host, which sends it on as it says: first a plain datagram, so that the host knows this flow as its own."""
    plain = datagram(row.source, row.host, row.sport, row.port, b"plain")
    body = udp_body(row.source, row.host, row.sport, row.port, load)
    if ":" in row.target:   # RFC 8754: two segments, one left to visit
        route = struct.pack("!BBBBBBH", 17, 4, 4, 1, 1, 0, 0) + packed(row.target) + packed(row.host)
        return [plain, ipv6(row.source, row.host, 43, route + body)]
    return [plain, ipv4(row.source, row.host, 17, body, b"\x83\x07\x04" + packed(row.target) + b"\0")]


KINDS = {
    "udp": udp, "wrong": wrong, "optional": optional, "cut": cut, "tail": lambda row, load: cut(row, load)[1:],
    "detour": detour, "syn": segment(0x02), "ack": segment(0x18), "answer": segment(0x12), "rst": segment(0x04),
    "fin": segment(0x01), "null": segment(0), "all": segment(0x3F), "syn-rst": segment(0x06),
    "ping": icmp((8, 0), (128, 0)), "pong": icmp((0, 0), (129, 0)), "unreachable": error((3, 3), (1, 4)),
    "too-big": error((3, 4), (2, 0)), "late": error((11, 0), (3, 0)), "sctp": bare(132), "esp": bare(50), "unknown": bare(253),
}


def one_hop(packet):
    """Two hops to live: the host takes one, and no member can send on to the host what it is not for."""
    if packet[0] >> 4 == 6:
        return packet[:7] + b"\2" + packet[8:]
    head = 4 * (packet[0] & 15)
    return summed(packet[:8] + b"\2" + packet[9:10] + b"\0\0" + packet[12:head], 10) + packet[head:]


class Row:
    def __init__(self, line, hosts, sources, sport):
        self.place, self.target, port, kinds, *rest = line.split()
        self.port, self.kinds = int(port), kinds.split(",")
        six = ":" in self.target
        self.host, self.source = hosts[six], sources[six]
        self.sport = int(rest[0]) if rest else sport
        self.peer = rest[1] if rest[1:] else self.source


def throw(name, interface, mac, host4, host6, source4, source6):
    sport = random.randrange(20000, 50000)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        to = bytes.fromhex(mac.replace(":", "")) + sock.getsockname()[4]
        for line in sys.stdin:
            row = Row(line, (host4, host6), (source4, source6), sport)
            for kind in row.kinds:
                said = f"{name}/{kind}/{row.place}"
                for packet in KINDS[kind](row, mark(said)):
                    sock.send(to + ethertype(row.target) + one_hop(packet))
                print(said)
                if row.sport == sport:
                    sport = row.sport = sport + 1


def pose(name, interface, mac):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        to = bytes.fromhex(mac.replace(":", "")) + sock.getsockname()[4]
        for line in sys.stdin:
            place, member, peer, host = line.split()
            said, sport = f"{name}/pose/{place}", random.randrange(20000, 30000)
            sock.send(to + ethertype(peer) + one_hop(datagram(member, peer, sport, 5555, b"opening")))
            time.sleep(0.2)
            sock.send(to + ethertype(peer) + one_hop(datagram(peer, host, 5555, sport, mark(said))))
            print(said)


def opened(kind, target, port):
    sock = socket.socket(family(target), socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    sock.connect((target, int(port)))
    return sock


def hold(name, go):
    held = []
    for line in sys.stdin:
        place, kind, target, port = line.split()
        sock = opened(kind, target, port)
        held.append((sock, f"{name}/{kind}/{place}"))
        said, heard = mark(held[-1][1] + "/before"), b""
        sock.sendall(said)
        while kind != "mute" and said not in heard:
            heard += sock.recv(65536)
        print("held", place, sock.getsockname()[1], flush=True)
    print("all", flush=True)
    end = time.monotonic() + 3 * PATIENCE
    while not os.path.exists(go) and time.monotonic() < end:
        time.sleep(0.05)
    for sock, said in held:
        sock.setblocking(False)
        sock.sendall(mark(said + "/after"))
        print(said + "/after", flush=True)
    time.sleep(PATIENCE)    # a connection that ends says so, and is another story


def echo(client):
    with client:
        client.sendall(b"served\r\n")
        while data := client.recv(65536):
            client.sendall(data)


def serve(port):
    server = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    socks = []
    for number in (int(port), int(port) + 1):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", number))
        socks.append(sock)
    print("ready", flush=True)
    while True:
        for sock in select.select([server, *socks], [], [])[0]:
            if sock is server:
                threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
                continue
            data, client = sock.recvfrom(65536)
            if sock is socks[0] and data.startswith((b"NGT<", b"ask")):   # two who answer everything would never end
                with contextlib.suppress(OSError):    # who has no way back has none
                    sock.sendto(data, client)


{"throw": throw, "pose": pose, "hold": hold, "serve": serve}[sys.argv[1]](*sys.argv[2:])
