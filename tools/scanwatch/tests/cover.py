"""Plays every row of coverage.tsv against a warden that runs, each with its control, and tells what did not hold.

Usage: cover.py WHEN SHARE SHOWN OUTSIDE JAIL RECORDS

WHEN is now or rescan: which rows. SHARE is the folder that the warden watches, and SHOWN its path as the warden calls
it: in a container that is another one. OUTSIDE is a folder on the same file system that the warden does not see. JAIL
is its jail, and RECORDS a file that it writes its records to. How it runs is the caller's business: as a process, or
in its container.

Each row has folders of its own, and plays when the warden is known to watch them. Exit status 1 when a row failed.
"""
import ast, base64, json, os, pathlib, queue, subprocess, sys, threading, time

HERE = pathlib.Path(__file__).resolve().parent
TESTFILE = pathlib.Path("/usr/share/clamav-testfiles/clam.exe")
# Put together here, so that no file of the repository holds it whole.
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$".encode() + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!" + b"$H+H*"
PATIENCE = 120  # seconds for a record; the machine may be busy
AT_ONE_TIME = 4
PRELUDE = """import ctypes, mmap, os, pathlib, socket, stat, sys, time
libc = ctypes.CDLL(None)
S, O = map(pathlib.Path, sys.argv[1:3])
BAD, EXE = (open(path, 'rb').read() for path in sys.argv[3:5])
def hold(): print('held', flush=True); time.sleep(600)
"""


class Failed(Exception):
    """A row did not come out as it should."""


def insist(holds, what):
    if not holds:
        raise Failed(what)


class Records:
    """What the warden told, as it comes: (action, path in bytes, record)."""

    def __init__(self, path):
        self.path, self.seen, self.more = path, [], threading.Condition()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        rest = b""
        with open(self.path, "rb") as file:
            while True:
                rest += file.read()
                *lines, rest = rest.split(b"\n")
                with self.more:
                    self.seen += [self.decode(json.loads(line)) for line in lines if line.startswith(b"{")]
                    self.more.notify_all()
                time.sleep(0.02)

    @staticmethod
    def decode(record):
        exact = record.get("cellblock", {}).get("path_base64")
        path = base64.b64decode(exact) if exact else record.get("file", {}).get("path", "").encode()
        return record["event"]["action"], path, record

    def wait(self, action, fits):
        end, at = time.monotonic() + PATIENCE, 0
        with self.more:
            while True:
                for seen, path, record in self.seen[at:]:
                    if seen == action and fits(path):
                        return record
                at = len(self.seen)
                insist(time.monotonic() < end, f"no {action}")
                self.more.wait(1)

    def count(self, action, below):
        with self.more:
            return sum(seen == action and path.startswith(below + b"/") for seen, path, _ in self.seen)


class Row:
    def __init__(self, line, number):
        self.what, self.when, outcome, self.how = line.split("\t")
        self.word, name, *rest = outcome.split(" ")
        self.name = os.fsencode(ast.literal_eval(f'"{name}"'))
        self.why = rest[0] if rest else None
        self.number = number
        self.is_nest = self.what.startswith("nested")


class Stage:
    """Where a row plays: a folder of the share that is watched, and one outside."""

    def __init__(self, world, row, name):
        self.world, self.row = world, row
        folder = f"row{row.number}-{name}"
        self.share, self.outside = world.share / folder, world.outside / folder
        self.shown = os.fsencode(world.shown / folder)
        self.outside.mkdir()
        self.share.mkdir()
        self.sentinel("before")

    def sentinel(self, name):
        (self.share / name).write_bytes(b"x")
        self.told("file-scanned", name.encode())

    def told(self, action, name):
        if self.row.is_nest and name == self.row.name:
            return self.world.records.wait(action, lambda path: path.startswith(self.shown + b"/") and path.endswith(b"/deep"))
        return self.world.records.wait(action, lambda path: path == self.shown + b"/" + name)

    def act(self, bad, exe):
        files = [self.outside / "bad", self.outside / "exe"]
        for path, content in zip(files, (bad, exe)):
            path.write_bytes(content)
        command = [sys.executable, "-c", PRELUDE + self.row.how, self.share, self.outside, *files]
        writer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if "hold()" in self.row.how:
            insist(writer.stdout.readline() == b"held\n", "its Python failed")
        else:
            insist(writer.wait() == 0, "its Python failed")
        return writer

    def path(self):
        return os.fsencode(self.share) + b"/" + self.row.name


class World:
    def __init__(self, share, shown, outside, jail, records):
        self.share, self.shown, self.outside, self.jail = map(pathlib.Path, (share, shown, outside, jail))
        self.records, self.exe = Records(records), TESTFILE.read_bytes()

    def play(self, row):
        stage = Stage(self, row, "bad")
        writer = stage.act(EICAR, self.exe)
        try:
            getattr(self, row.word)(stage, row)
        finally:
            writer.kill()
            writer.wait()
        if row.word == "jailed":
            self.control(row)

    def jailed(self, stage, row):
        record = stage.told("file-quarantined", row.name)
        content = (self.jail / record["cellblock"]["scan"]["jail_id"]).read_bytes()
        insist(content.startswith(EICAR) or content == self.exe, "it is not whole in the jail")
        insist(record["event"]["outcome"] == "success", f"outcome {record['event']}")
        insist(row.is_nest or b"taken away by the warden" in open(stage.path(), "rb").read(), "no tombstone")

    def unscanned(self, stage, row):
        record = stage.told("file-unscanned", row.name)
        insist(record["cellblock"]["scan"]["why"] == row.why, f"unscanned, but {record['cellblock']['scan']}")
        insist(os.path.lexists(stage.path()), "it is gone")

    def stripped(self, stage, row):
        insist(stage.told("set-id-stripped", row.name)["event"]["outcome"] == "success", "it failed")
        insist(os.stat(stage.path()).st_mode & 0o6000 == 0, "the bits are there")

    def untouched(self, stage, row):
        stage.sentinel("after")
        insist(open(os.fsencode(stage.outside) + b"/" + row.name, "rb").read() == EICAR, "it was touched")
        insist(self.records.count("file-quarantined", stage.shown) == 0, "something was jailed")

    def control(self, row):
        """The same with harmless content of the same length: it is scanned, and stays."""
        stage = Stage(self, row, "good")
        writer = stage.act(b"-" * len(EICAR), b"-" * len(self.exe))
        try:
            stage.told("file-scanned", row.name)
            insist(self.records.count("file-quarantined", stage.shown) == 0, "harmless, and jailed")
            insist(row.is_nest or os.path.lexists(stage.path()), "harmless, and gone")
        finally:
            writer.kill()
            writer.wait()


def table(when):
    lines = [line for line in (HERE / "coverage.tsv").read_text().splitlines() if not line.startswith("#")]
    rows = [Row(line, number) for number, line in enumerate(lines)]
    return [row for row in rows if row.when == when]


def work(world, rows, failed):
    while True:
        try:
            row = rows.get_nowait()
        except queue.Empty:
            return
        try:
            world.play(row)
        except Exception as error:  # whatever it is, the row did not hold, and the others go on
            failed.append(f"{row.what}: {error!r}")


def main():
    when, *places = sys.argv[1:]
    world, rows, failed = World(*places), queue.Queue(), []
    for row in table(when):
        rows.put(row)
    count = rows.qsize()
    insist(count > 0, f"no row is {when}")
    threads = [threading.Thread(target=work, args=(world, rows, failed)) for _ in range(AT_ONE_TIME)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{count - len(failed)} of {count} rows ({when}) held", *failed, sep="\n")
    sys.stdout.flush()
    os._exit(1 if failed else 0)


main()
