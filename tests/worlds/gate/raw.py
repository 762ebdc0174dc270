#!/usr/bin/python3
"""Sends standard input to ADDRESS PORT as it is, and prints all that comes back: `raw.py ADDRESS PORT [SECONDS]`.

For requests that no honest client makes. Ends when the other side closes, or after SECONDS (3) of silence.
"""
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as sock:
    sock.settimeout(float(sys.argv[3]) if len(sys.argv) > 3 else 3)
    try:
        sock.sendall(sys.stdin.buffer.read())
        while data := sock.recv(65536):
            sys.stdout.buffer.write(data)
    except OSError:
        pass
