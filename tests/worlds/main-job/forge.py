#!/usr/bin/env python3
"""forge.py SOURCE TARGET: one UDP datagram and one TCP SYN-ACK that claim to come from SOURCE.

A raw socket with a header of its own. In the cell that takes the root of the host (nsenter keeps the
capabilities): the prisoner has less, so what does not pass here does not pass for it either.
"""
import socket
import struct
import sys


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data)) if len(data) % 2 == 0 else checksum_odd(data)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def checksum_odd(data: bytes) -> int:
    return sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0"))


def header(source: str, target: str, protocol: int, length: int) -> bytes:
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 1, 0, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))


def segment(source: str, target: str) -> bytes:
    """A SYN-ACK: what the answer to a connection from the target would look like."""
    tcp = struct.pack("!HHIIBBHHH", 443, 40000, 1, 1, 5 << 4, 0x12, 1024, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, 6, len(tcp))
    return tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def main() -> None:
    source, target = sys.argv[1], sys.argv[2]
    udp = struct.pack("!HHHH", 53, 53, 12, 0) + b"evil"
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header(source, target, 17, len(udp)) + udp, (target, 0))
        tcp = segment(source, target)
        raw.sendto(header(source, target, 6, len(tcp)) + tcp, (target, 0))


main()
