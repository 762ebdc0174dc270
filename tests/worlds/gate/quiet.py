#!/usr/bin/env python3
"""Long life, at a hundredth: asks over HTTP for a WebSocket and for a stream of events, both at once. Tells what became
of them.

    quiet.py ADDRESS PORT HOST [tls]

The WebSocket (/ws) says nothing for 3 s, then one word, and then nothing more: "echo" and "ended SECONDS". The events (/trickle)
come one by one for 9 s: "events COUNT".
"""
import socket
import ssl
import sys
import threading
import time


def connect(address, port, kind):
    plain = socket.create_connection((address, int(port)), timeout=120)
    if kind != "tls":
        return plain
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def ask(connection, host, path, *more):
    connection.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *more, "", ""]).encode())


def websocket(connection, host):
    ask(connection, host, "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    if b"101" not in connection.recv(4096):
        return
    time.sleep(3)
    connection.sendall(b"word")
    if connection.recv(4096) == b"word":
        print("echo", flush=True)
    begun = time.monotonic()
    while connection.recv(4096):
        pass
    print(f"ended {time.monotonic() - begun:.0f}", flush=True)


def events(connection, host):
    ask(connection, host, "/trickle", "Connection: close")
    seen = b""
    while data := connection.recv(4096):
        seen += data
    print("events", seen.count(b"data: event"), flush=True)


def main(address, port, host, kind="plain"):
    both = [threading.Thread(target=what, args=(connect(address, port, kind), host)) for what in (websocket, events)]
    for one in both:
        one.start()
    for one in both:
        one.join()


main(*sys.argv[1:])
