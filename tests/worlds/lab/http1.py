"""HTTP/1.1, as much of it as the lab's web server needs: a request in, an answer out (RFC 9112)."""
import asyncio
import http
from dataclasses import dataclass

HEAD_LIMIT = 65536        # bytes of request line and headers
BODY_LIMIT = 16 << 20


class Refused(Exception):
    """A request that gets an error status and no second chance on its connection."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict        # lower-case names; the last of equal names
    body: bytes
    client: str
    version: str

    @property
    def host(self):
        return self.headers.get("host", "").rsplit(":", 1)[0].lower()

    @property
    def keeps(self):
        """Whether the client expects to ask again on the same connection (RFC 9112, 9.3)."""
        wish = self.headers.get("connection", "").lower()
        return wish == "keep-alive" or (self.version == "HTTP/1.1" and wish != "close")


async def _body(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            if sum(map(len, parts)) + size > BODY_LIMIT:
                raise Refused(413)
            parts.append(await reader.readexactly(size))
            await reader.readline()
        while (await reader.readline()).strip():
            pass
        return b"".join(parts)
    size = int(headers.get("content-length", "0"))
    if not 0 <= size <= BODY_LIMIT:
        raise Refused(413)
    return await reader.readexactly(size)


async def read(reader, writer, streams):
    """The next request, or None at the end of the connection. Refused when it is no HTTP. The body
    stays unread where `streams` says so of the request."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise Refused(431) from None
    try:
        method, target, version = head[0].split(" ")
        headers = {n.strip().lower(): v.strip() for n, _, v in (h.partition(":") for h in head[1:] if h)}
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "://" in target:
            target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
        path, _, query = target.partition("?")
        request = Request(method, path, query, headers, b"", writer.get_extra_info("peername")[0], version)
        if not streams(request):
            request.body = await _body(reader, headers)
    except ValueError:
        raise Refused(400) from None
    return request


def write(writer, request, status, headers, body):
    """Sends an answer; returns whether the connection may carry another request."""
    keep = request is not None and request.keeps
    lines = {"Content-Type": "text/plain", **headers, "Server": "cellblock-lab", "Content-Length": str(len(body)),
             "Connection": "keep-alive" if keep else "close"}
    head = f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items())
    writer.write(head.encode("latin-1") + b"\r\n" + (b"" if request and request.method == "HEAD" else body))
    return keep
