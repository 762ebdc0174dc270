#!/usr/bin/python3
"""How a refusal is told to whoever asks, from the network namespace it runs in: `refused.py tcp|udp TARGET PORT`.

Prints what the kernel said (`ECONNREFUSED`, `EHOSTUNREACH`, …), or `silence`, or `answered`; and after how many
milliseconds. `refused.py flood TARGET PORT COUNT` sends so many datagrams and prints nothing.
"""
import errno
import socket
import sys
import time

from packet import family

PATIENCE = 3       # seconds


def tcp(target, port):
    with socket.create_connection((target, port), PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return sock.recv(1)


def udp(target, port):
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((target, port))
        sock.send(b"?")
        return sock.recv(512)


def flood(target, port, count):
    with socket.socket(family(target), socket.SOCK_DGRAM) as sock:
        for _ in range(count):
            sock.sendto(b"!", (target, port))


def main(kind, target, port):
    began = time.monotonic()
    try:
        said = "answered" if {"tcp": tcp, "udp": udp}[kind](target, port) else "closed"
    except TimeoutError:
        said = "silence"
    except OSError as error:
        said = errno.errorcode[error.errno]
    print(said, round((time.monotonic() - began) * 1000))


if __name__ == "__main__":
    if sys.argv[1] == "flood":
        flood(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
