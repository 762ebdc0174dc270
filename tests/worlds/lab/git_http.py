"""git over smart HTTP: `git http-backend` behind the lab's web server, as a CGI (gitprotocol-http(5)).

github.com serves a repository with and without `.git`; so does this. Reading only.
"""
import asyncio
import os
import re

ROUTE = re.compile(r"/([\w.-]+)/([\w.-]+?)(?:\.git)?/(info/refs|git-upload-pack|HEAD)")
AT_ONCE = asyncio.Semaphore(8)   # backends running; the rest wait their turn
PATIENCE = 30                    # seconds for one


def routed(path):
    """The path below the project root that a URL path means, or None when it is no repository's."""
    found = ROUTE.fullmatch(path)
    return f"/{found[1]}/{found[2]}.git/{found[3]}" if found and ".." not in path else None


def environment(root, request, path):
    header = request.headers.get
    protocol = header("git-protocol", "")
    return {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROJECT_ROOT": root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
        "REQUEST_METHOD": request.method, "QUERY_STRING": request.query, "REMOTE_ADDR": request.client,
        "CONTENT_TYPE": header("content-type", ""), "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": header("content-encoding", ""),
        "HTTP_GIT_PROTOCOL": protocol, "GIT_PROTOCOL": protocol,
    }


async def serve(root, request, path):
    """(status, headers, body) from the backend; 502 when it has none."""
    async with AT_ONCE:
        backend = await asyncio.create_subprocess_exec(
            "git", "http-backend", env=environment(root, request, path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        try:
            output, _ = await asyncio.wait_for(backend.communicate(request.body), PATIENCE)
        except asyncio.TimeoutError:
            backend.kill()
            await backend.wait()
            return 504, {}, b"git http-backend took too long\n"
    head, found, body = output.partition(b"\r\n\r\n")
    if not found:
        return 502, {}, b"git http-backend gave no answer\n"
    headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
    return int(headers.pop("Status", "200").split()[0]), headers, body
