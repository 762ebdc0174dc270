#!/usr/bin/python3
"""Asks one address over one protocol and prints who answered: `ask.py [-s SECONDS] KIND ADDRESS [PORT|NAME]…`

KIND: tcp PORT, http [PORT], udp PORT, dns [NAME], dns-tcp [NAME], ping. It needs no resolver and no
program of the place it runs in. So a test can run it in any network namespace. Exit status: 0
somebody answered (their first line on stdout), 1 nobody did (why, on stderr), 2 usage.
"""
import socket
import struct
import subprocess
import sys

QUERY = 4711       # the query's identity; an answer has to carry it back


def connect(kind, address, port, timeout):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    sock.settimeout(timeout)
    sock.connect((address, port))
    return sock


def line(sock, data=b""):
    if data:
        sock.sendall(data)
    return sock.recv(4096).split(b"\r\n")[0].decode(errors="backslashreplace")


def http(sock):
    sock.sendall(b"GET / HTTP/1.0\r\nHost: ask.lab.test\r\n\r\n")
    answer = b""
    while piece := sock.recv(4096):
        answer += piece
    return answer.partition(b"\r\n\r\n")[2].splitlines()[0].decode(errors="backslashreplace")


def query(name):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split("."))
    return struct.pack("!HHHHHH", QUERY, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def dns(sock, name, tcp):
    message = query(name)
    sock.sendall(struct.pack("!H", len(message)) + message if tcp else message)
    answer = sock.recv(4096)[2 if tcp else 0:]
    identity, flags, _, records = struct.unpack_from("!HHHH", answer)
    if identity != QUERY:
        raise OSError("an answer to another question")
    return f"dns status {flags & 15}, {records} records"


def ping(address, timeout):
    done = subprocess.run(["ping", "-n", "-c1", f"-W{timeout}", address], capture_output=True, text=True)
    if done.returncode:
        raise OSError("no echo reply")
    return "ping answered"


def ask(kind, address, rest, timeout):
    port = int(rest[0]) if rest and kind in ("tcp", "udp", "http") else 80
    name = rest[0] if rest else "github.com"
    match kind:
        case "tcp": return line(connect(socket.SOCK_STREAM, address, port, timeout))
        case "udp": return line(connect(socket.SOCK_DGRAM, address, port, timeout), b"ask")
        case "http": return http(connect(socket.SOCK_STREAM, address, port, timeout))
        case "dns": return dns(connect(socket.SOCK_DGRAM, address, 53, timeout), name, False)
        case "dns-tcp": return dns(connect(socket.SOCK_STREAM, address, 53, timeout), name, True)
        case "ping": return ping(address, timeout)
    raise SystemExit(__doc__)


def main(words):
    timeout = 2
    if words[:1] == ["-s"]:
        timeout, words = int(words[1]), words[2:]
    if len(words) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        answer = ask(words[0], words[1], words[2:], timeout)
    except (OSError, struct.error, IndexError) as why:
        print(f"{' '.join(words)}: {why}", file=sys.stderr)
        return 1
    print(answer)
    return 0 if answer else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
