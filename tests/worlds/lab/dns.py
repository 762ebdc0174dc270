"""DNS at every address: authoritative for the lab's names, and a log of every question.

The log is a witness for tests that say "the query never left". It has one line a question: `time client name
type asked transport world`. Names are in presentation form (RFC 1035, 5.1), so a hostile name can't forge a
line. Answers carry TTL 0: nobody may remember a name that rebinds.
"""
import asyncio
import contextlib
import struct

import journal
import sockets
import zone

TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 65: "HTTPS", 255: "ANY"}
NOERROR, FORMERR, NXDOMAIN, NOTIMP = 0, 1, 3, 4
IDLE = 30          # seconds a silent TCP client is kept
BURST = 64
SAFE = set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*")


class Malformed(Exception):
    pass


def question(message):
    """(name, type, end) of the first question. Compression has no place in one."""
    labels, at = [], 12
    while True:
        if at >= len(message) or (size := message[at]) > 63 or at + size + 1 > len(message):
            raise Malformed
        at += 1
        if size == 0:
            break
        labels.append("".join(chr(b) if b in SAFE else f"\\{b:03d}" for b in message[at:at + size]))
        at += size
    if at + 4 > len(message):
        raise Malformed
    return ".".join(labels) or ".", struct.unpack_from("!H", message, at)[0], at + 4


def answer(entries, message):
    """(reply, name, type) for a query; Malformed when it can't even be asked again."""
    if len(message) < 12 or message[2] & 0x80:
        raise Malformed
    identity, flags, questions = struct.unpack_from("!HHH", message)
    if questions != 1:
        raise Malformed
    name, kind, end = question(message)
    entry = zone.find(entries, name)
    records = entry.answers({1: 4, 28: 6}[kind]) if entry and kind in (1, 28) else []
    status = NOTIMP if flags & 0x7800 else NOERROR if entry else NXDOMAIN
    head = struct.pack("!HHHHHH", identity, 0x8480 | (flags & 0x0100) | status, 1, len(records), 0, 0)
    body = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(a.packed)) + a.packed for a in records)
    return head + message[12:end] + body, name, kind


class Server:
    def __init__(self, world, log):
        self.world, self.log, self.entries = world, journal.Journal(log), zone.read()

    def respond(self, message, client, asked, transport):
        try:
            reply, name, kind = answer(self.entries, message)
        except Malformed:
            reply, name, kind = None, "malformed", 0
        kind = TYPES.get(kind, f"TYPE{kind}")
        self.log.write(f"{journal.now()} {client[0]} {name} {kind} {sockets.label(asked)} {transport} {self.world}")
        return reply

    def datagrams(self, sock):
        for message, client, asked in sockets.waiting(sock, BURST):
            if reply := self.respond(message, client, asked, "udp"):
                with contextlib.suppress(OSError):
                    sockets.reply(sock, reply, client, asked)

    async def stream(self, reader, writer):
        client, asked = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            while True:
                size = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), IDLE))[0]
                message = await asyncio.wait_for(reader.readexactly(size), IDLE)
                if not (reply := self.respond(message, client, asked, "tcp")):
                    break
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        writer.close()

    async def start(self, datagram_socks, stream_socks):
        for sock in datagram_socks:
            asyncio.get_running_loop().add_reader(sock, self.datagrams, sock)
        for sock in stream_socks:
            await asyncio.start_server(self.stream, sock=sock, backlog=4096)
