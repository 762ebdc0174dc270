"""The zone file, read once: which names the lab's internet has, and what each of them is.

DNS, the web server and the certificates all go by this one list. So a name that resolves also
answers, with the certificate that its kind says.
"""
import ipaddress
import itertools
import pathlib
from dataclasses import dataclass, field

PATH = pathlib.Path(__file__).with_name("zone")
KINDS = {"web", "git", "empty", "expired", "self-signed", "wrong-name", "rotate", "odd", "model", "registry"}


@dataclass
class Entry:
    name: str
    kind: str
    addresses: list
    turn: itertools.count = field(default_factory=itertools.count)

    def answers(self, version):
        """The addresses of one family (4 or 6); a rotating name gives one of all, in turn."""
        found = [a for a in self.addresses if a.version == version]
        if self.kind == "rotate" and found:
            return [found[next(self.turn) % len(found)]]
        return found


def read(path=PATH):
    entries = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        name, kind, *addresses = words
        if kind not in KINDS or not addresses or name in entries:
            raise SystemExit(f"{path}:{number}: expected 'name kind address…', each name once, kind one of {sorted(KINDS)}")
        entries[name] = Entry(name, kind, [ipaddress.ip_address(a) for a in addresses])
    return entries


def find(entries, name):
    """The entry for a name, or the wildcard's one level or more above it, or None."""
    name = name.rstrip(".").lower()
    if name in entries:
        return entries[name]
    parts = name.split(".")
    return next((entries[w] for i in range(1, len(parts)) if (w := "*." + ".".join(parts[i:])) in entries), None)


if __name__ == "__main__":  # the names a good certificate is for, one a line
    print("\n".join(e.name for e in read().values() if e.kind in {"web", "git", "empty", "rotate", "odd", "model", "registry"}))
