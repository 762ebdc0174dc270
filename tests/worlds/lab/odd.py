"""What a web server does that is no question and answer: streams, sockets, and broken promises.

Names of kind `odd` do it, by path. /ws accepts a WebSocket and echoes its bytes, /ws-refused answers 200 to
the upgrade. /events sends three server-sent events, GAP seconds apart, and /trickle one a PAUSE for LONG
seconds. /sink takes a body of any size and says how much it was, /big sends BIG bytes. /slow answers after
SLOW seconds, /broken breaks off in the head of the answer. /not-http sends what is no HTTP, /accel asks a
proxy to look elsewhere (X-Accel-Redirect). /away and /home redirect to another name and to their own.
Anything else says what it was asked. Each connection serves one request.
"""
import asyncio
import base64
import hashlib

GAP, SLOW, BIG = 0.4, 3, 32 << 20
PAUSE, LONG = 0.5, 9
CHUNK = 1 << 16
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"     # RFC 6455, 1.3


def head(writer, status, *lines):
    writer.write("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1"))


async def websocket(request, reader, writer):
    key = request.headers.get("sec-websocket-key", "") + WEBSOCKET
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    if request.headers.get("upgrade", "").lower() != "websocket":
        head(writer, "426 Upgrade Required", "Content-Length: 0", "Connection: close")
        return 426
    head(writer, "101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}")
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    return 101


async def events(_, __, writer, count=3, gap=GAP):
    head(writer, "200 OK", "Content-Type: text/event-stream", "Connection: close")
    for number in range(count):
        writer.write(f"data: event {number}\n\n".encode())
        await writer.drain()
        await asyncio.sleep(gap)
    return 200


async def trickle(request, reader, writer):
    return await events(request, reader, writer, int(LONG / PAUSE), PAUSE)


async def chunks(reader):
    while size := int((await reader.readline()).split(b";")[0], 16):
        while size:
            size -= len(piece := await reader.read(min(size, CHUNK)))
            yield piece
        await reader.readline()
    await reader.readline()


async def sized(reader, size):
    while size and (piece := await reader.read(min(size, CHUNK))):
        size -= len(piece)
        yield piece


async def sink(request, reader, writer):
    is_chunked = request.headers.get("transfer-encoding", "").lower() == "chunked"
    body = chunks(reader) if is_chunked else sized(reader, int(request.headers.get("content-length", "0")))
    total = 0
    async for piece in body:
        total += len(piece)
    answer = f"took {total}\n".encode()
    head(writer, "200 OK", f"Content-Length: {len(answer)}", "Connection: close")
    writer.write(answer)
    return 200


async def big(_, __, writer):
    head(writer, "200 OK", f"Content-Length: {BIG}", "Connection: close")
    for _ in range(BIG // CHUNK):
        writer.write(bytes(CHUNK))
        await writer.drain()
    return 200


async def slow(request, reader, writer):
    await asyncio.sleep(SLOW)
    return await plain(request, reader, writer)


async def broken(_, __, writer):
    writer.write(b"HTTP/1.1 200 O")
    return 200


async def not_http(_, __, writer):
    writer.write(b"220 smtp.lab.test ready\r\n\r\n")
    return 200


async def accel(_, __, writer):
    answer = b"the upstream's own answer\n"
    head(writer, "200 OK", "X-Accel-Redirect: /led-astray", f"Content-Length: {len(answer)}", "Connection: close")
    writer.write(answer)
    return 200


def redirect(writer, place):
    head(writer, "302 Found", f"Location: {place}", "Content-Length: 0", "Connection: close")
    return 302


async def away(_, __, writer):
    return redirect(writer, "https://www.openclaw.ai/landed")


async def home(request, _, writer):
    return redirect(writer, f"https://{request.host}/landed")


async def plain(request, _, writer):
    answer = f"{request.method} {request.host}{request.path}\n".encode()
    head(writer, "200 OK", f"Content-Length: {len(answer)}", "Connection: close")
    writer.write(answer)
    return 200


PLACES = {"/ws": websocket, "/ws-refused": plain, "/events": events, "/trickle": trickle, "/sink": sink, "/big": big, "/slow": slow, "/broken": broken,
          "/not-http": not_http, "/accel": accel, "/away": away, "/home": home}


async def serve(request, reader, writer):
    """Answers one request, whose body is still to be read; returns the status it gave."""
    status = await PLACES.get(request.path, plain)(request, reader, writer)
    await writer.drain()
    return status
