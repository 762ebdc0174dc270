"""IP packets made by hand: what the suites' senders (attack.py, knock.py, complain.py) have in common."""
import socket
import struct
import subprocess


def mark(name):
    """What the witnesses look for (witness.py)."""
    return f"NGT<{name}>".encode()


def family(target):
    return socket.AF_INET6 if ":" in target else socket.AF_INET


def packed(address):
    return socket.inet_pton(family(address), address)


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def summed(body, offset):
    """Fills in the checksum at an offset."""
    return body[:offset] + struct.pack("!H", checksum(body)) + body[offset + 2:]


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
    return summed(head, 10) + body


def ipv6(source, target, kind, body, hops=64):
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), kind, hops, packed(source), packed(target)) + body


def datagram(source, target, sport, dport, payload):
    body = udp_body(source, target, sport, dport, payload)
    return (ipv6 if ":" in target else ipv4)(source, target, 17, body)


def own_address(target):
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        sock.connect((target, 9))
        return sock.getsockname()[0]


def hardware(gateway):
    """The gateway's own MAC, as this machine's kernel has learnt it."""
    found = subprocess.run(["ip", "neigh", "show", gateway], capture_output=True, text=True, check=True).stdout
    return bytes.fromhex(found.split("lladdr ")[1].split()[0].replace(":", ""))


def ethertype(target):
    return struct.pack("!H", 0x86DD if ":" in target else 0x0800)
