#!/usr/bin/python3
"""Sends one datagram to UDP port 4000 of every address on stdin, each in a frame to the gateway, so that
it leaves whatever the address: `knock.py GATEWAY4 GATEWAY6 <addresses`. Prints each address that it sent to."""
import socket
import struct
import subprocess
import sys


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def hardware(gateway):
    subprocess.run(["ping", "-n", "-c1", "-W1", gateway], capture_output=True, check=False)
    found = subprocess.run(["ip", "neigh", "show", gateway], capture_output=True, text=True, check=True).stdout
    return bytes.fromhex(found.split("lladdr ")[1].split()[0].replace(":", ""))


def own(gateway):
    with socket.socket(socket.AF_INET6 if ":" in gateway else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((gateway, 9))
        return sock.getsockname()[0]


def packet(source, target):
    kind = socket.AF_INET6 if ":" in target else socket.AF_INET
    ends = socket.inet_pton(kind, source) + socket.inet_pton(kind, target)
    udp = struct.pack("!HHHH", 4000, 4000, 8, 0)
    pseudo = ends + (struct.pack("!IHBB", 8, 0, 0, 17) if kind == socket.AF_INET6 else struct.pack("!BBH", 0, 17, 8))
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF)
    if kind == socket.AF_INET6:
        return 0x86DD, struct.pack("!IHBB", 6 << 28, 8, 17, 64) + ends + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 7, 0, 64, 17, 0) + ends
    return 0x0800, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def main(four, six):
    sources = {False: (hardware(four), own(four)), True: (hardware(six), own(six))}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        me = sock.getsockname()[4]
        for target in map(str.strip, sys.stdin):
            mac, source = sources[":" in target]
            ethertype, data = packet(source, target)
            sock.send(mac + me + struct.pack("!H", ethertype) + data)
            print(target)


main(*sys.argv[1:3])
