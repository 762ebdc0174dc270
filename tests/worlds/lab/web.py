"""HTTP and HTTPS at every address, for every host; and what each request carried, in a log.

The log (`http.log`, one JSON object a line) has all headers: it is how a test sees which
credential the gate added. Certificates go by the name in the SNI and the zone's kind for it.
"""
import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import ssl

import echo
import git_http
import http1
import journal
import model
import odd
import registry
import zone

IDLE = 60          # seconds a silent connection is kept
NO_KEY = b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}'
METADATA = b"ami-id\nhostname\niam/\ninstance-id\nlocal-ipv4\n"


def tls_contexts(folder):
    """One context a certificate: `good`, and those that clients must refuse."""
    contexts = {}
    for kind in ("good", "expired", "self-signed", "wrong-name"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pathlib.Path(folder, f"{kind}.pem"), pathlib.Path(folder, f"{kind}.key"))
        contexts[kind] = context
    return contexts


class Server:
    def __init__(self, world, state, repositories):
        self.world, self.state, self.repositories = world, state, repositories
        self.entries, self.log = zone.read(), journal.Journal(f"{state}/http.log")
        self.contexts, self.shown = tls_contexts(f"{state}/tls"), pathlib.Path(state, "tls", "shown")
        self.connections = itertools.count(1)

    def kind(self, name):
        entry = zone.find(self.entries, name)
        return entry.kind if entry else None

    def is_odd(self, request):
        return self.kind(request.host) == "odd"

    def is_model(self, request):
        return self.kind(request.host) == "model" and request.method == "POST"

    def choose(self, tls, name, _):
        tls.context = self.contexts.get(self.changed(name) or self.kind(name or ""), self.contexts["good"])

    def changed(self, name):
        """What `origin certificate` said of a name since the lab came up: `shown` holds lines of NAME KIND, the last counts."""
        lines = self.shown.read_text().split("\n") if self.shown.exists() else []
        return dict(line.split() for line in lines if line).get(name)

    async def answer(self, request, asked, tls):
        kind, marker = self.kind(request.host), echo.banner(self.world, asked)
        if kind == "git" and not tls:
            return 301, {"Location": f"https://{request.host}{request.path}"}, marker
        if kind == "git" and (path := git_http.routed(request.path)):
            return await git_http.serve(self.repositories, request, path)
        if kind == "empty":
            return 404, {}, marker
        if kind == "registry":
            return registry.answer(self.state, request.path)
        if self.is_model(request):
            return 401, {"Content-Type": "application/json"}, NO_KEY
        metadata = METADATA if asked[0] in ("169.254.169.254", "fd00:ec2::254") else b""
        return 200, {}, marker + f"{request.method} {request.host}{request.path}\n".encode() + metadata

    def record(self, request, asked, tls, status, connection):
        self.log.write(json.dumps({
            "time": journal.now(), "world": self.world, "client": request.client, "asked": asked[0], "port": asked[1],
            "scheme": "https" if tls else "http", "method": request.method, "host": request.host,
            "path": request.path, "query": request.query, "status": status, "headers": request.headers, **connection}))

    async def converse(self, reader, writer):
        asked, secure = writer.get_extra_info("sockname"), writer.get_extra_info("ssl_object")
        tls = secure is not None
        # By these a test tells one connection from another, and a resumed TLS session from a new one. A port does not: the
        # kernel begins elsewhere every ten seconds, and comes to the same ones again.
        connection = {"connection": f"{os.getpid()}-{next(self.connections)}", "resumed": tls and secure.session_reused}
        with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            try:
                while request := await asyncio.wait_for(http1.read(reader, writer, self.is_odd), IDLE):
                    if self.is_odd(request):
                        self.record(request, asked, tls, await odd.serve(request, reader, writer), connection)
                        break
                    if self.is_model(request) and model.knows(request):
                        self.record(request, asked, tls, await model.serve(request, writer), connection)
                        break
                    status, headers, body = await self.answer(request, asked, tls)
                    self.record(request, asked, tls, status, connection)
                    keep = http1.write(writer, request, status, headers, body)
                    await writer.drain()
                    if not keep:
                        break
            except http1.Refused as refused:
                http1.write(writer, None, refused.status, {}, echo.banner(self.world, asked))
        writer.close()

    async def start(self, plain, secure):
        outer = self.contexts["good"]
        outer.sni_callback = self.choose
        for sock in plain:
            await asyncio.start_server(self.converse, sock=sock, limit=http1.HEAD_LIMIT, backlog=4096)
        for sock in secure:
            await asyncio.start_server(self.converse, sock=sock, limit=http1.HEAD_LIMIT, backlog=4096, ssl=outer)
