"""A registry of packages, as npm asks one: what a test laid into the lab's state, by name.

`registry/NAME.json` is what the registry says of a package, `registry/FILE` one of its archives (/NAME/-/FILE).
"""
import pathlib
import urllib.parse


def answer(state, path):
    name = pathlib.PurePosixPath(urllib.parse.unquote(path)).name
    file = pathlib.Path(state, "registry", name if "/-/" in path else f"{name}.json")
    if not name or not file.is_file():
        return 404, {"Content-Type": "application/json"}, b'{"error":"Not found"}'
    return 200, {"Content-Type": "application/octet-stream" if "/-/" in path else "application/json"}, file.read_bytes()
