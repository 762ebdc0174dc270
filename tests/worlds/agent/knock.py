#!/usr/bin/env python3
"""Opens the gateway's WebSocket as a browser of a given Origin does, and says how far it got.

    knock.py PORT ORIGIN TOKEN [plain]      ORIGIN - is a client that sends none; plain: without TLS

Prints the HTTP status of the upgrade; after a 101 also what the gateway answers to a `connect` of the Control UI: "hello-ok",
or its error's code. Certificates are not looked at: that is somebody else's test.
"""
import base64
import json
import os
import socket
import ssl
import struct
import sys


def frame(text):
    """One masked text frame, as a client must send it."""
    body, mask = text.encode(), os.urandom(4)
    length = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(body))
    return b"\x81" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))


def message(stream):
    """The text of the next text frame; None when the other side closes."""
    while True:
        head = stream.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return None
        length = head[1] & 127
        if length > 125:
            length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
        body = stream.read(length)
        if head[0] & 15 == 1:
            return json.loads(body)


def upgrade(stream, port, origin, *more):
    lines = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"] + ([] if origin == "-" else [f"Origin: {origin}"]) + list(more)
    stream.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    stream.flush()
    status = stream.readline().split()[1].decode()
    while stream.readline().strip():
        pass
    return status


def connect(stream, token):
    challenge = message(stream)
    if not challenge or challenge.get("event") != "connect.challenge":
        return f"no challenge: {challenge}"
    client = {"id": "openclaw-control-ui", "version": "0", "platform": "test", "mode": "webchat"}
    stream.write(frame(json.dumps({"type": "req", "id": "1", "method": "connect", "params": {
        "minProtocol": 4, "maxProtocol": 4, "client": client, "role": "operator", "scopes": ["operator.read"], "auth": {"token": token}}})))
    stream.flush()
    while answer := message(stream):
        if answer.get("type") == "res":
            error = answer.get("error") or {}
            return "hello-ok" if answer.get("ok") else (error.get("details") or {}).get("code") or error.get("code")
    return "closed"


def secured(plain):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def main(port, origin, token, kind="tls"):
    plain = socket.create_connection(("127.0.0.1", int(port)), timeout=30)
    with plain if kind == "plain" else secured(plain) as connection:
        stream = connection.makefile("rwb")
        status = upgrade(stream, port, origin)
        print(status if status != "101" else f"{status} {connect(stream, token)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
