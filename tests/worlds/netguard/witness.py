#!/usr/bin/python3
"""Watches one network namespace for marked packets: `witness.py sniff|listen FILE INTERFACE…`

`sniff` looks at every frame that arrives on the interfaces, `listen` at what a program of that machine gets.
That is UDP port 7777, on every address and in the groups of daemons (mDNS, LLMNR), and ICMPv6 whole. It
writes `ready` and then every mark once to FILE, and ends when it is killed.
"""
import re
import select
import socket
import struct
import sys

MARK = re.compile(rb"NGT<([^>]{1,80})>")
SO_RCVBUFFORCE = 33
ROOM = 8 << 20     # bytes that wait for a witness who gets no turn: what is lost would pass for stopped
GROUPS4 = ("224.0.0.251", "224.0.0.252")
GROUPS6 = ("ff02::fb", "ff02::1:3")


def sniffers(interfaces):
    for interface in interfaces:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        sock.bind((interface, 0))
        yield sock


def listeners(interfaces):
    four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    four.bind(("", 7777))
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    six.bind(("", 7777))
    for interface in interfaces:
        index = socket.if_nametoindex(interface)
        for group in GROUPS4:
            four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + struct.pack("=4sI", b"\0" * 4, index))
        for group in GROUPS6:
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", index))
    return four, six, socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)


def incoming(sock, way):
    """Frames that a sniffer sees go out are not arrivals."""
    data, origin = sock.recvfrom(65536)
    return b"" if way == "sniff" and origin[2] == socket.PACKET_OUTGOING else data


def main(way, path, *interfaces):
    socks = list(sniffers(interfaces) if way == "sniff" else listeners(interfaces))
    seen = set()
    with open(path, "w", encoding="utf-8", buffering=1) as out:
        print("ready", file=out)
        while True:
            for sock in select.select(socks, [], [])[0]:
                for found in MARK.findall(incoming(sock, way)):
                    if found not in seen:
                        seen.add(found)
                        print(found.decode(), file=out)


main(*sys.argv[1:])
