"""What a command takes, as a line: wall and CPU seconds, and the most memory. For the benches beside it, which find the
programs in CARGO_TARGET_DIR/release first: whoever imports this has that folder in PATH."""
import os, pathlib, shutil, subprocess, time

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", CACHE / "cellblock/target")) / "release"
os.environ["PATH"] = f"{TARGET}:{os.environ['PATH']}"


def measured(name, *command, given=subprocess.DEVNULL, kept=subprocess.DEVNULL):
    """Runs it with that on standard input, keeps its output where it is told, and prints what it took; what is not installed is said."""
    if not shutil.which(command[0]):
        return print(f"{name:10} {command[0]} is not installed")
    began = time.monotonic()
    child = subprocess.Popen(command, stdin=given, stdout=kept, stderr=subprocess.PIPE)
    complaint = child.stderr.read().decode(errors="replace").strip()
    _, status, used = os.wait4(child.pid, 0)
    wall, exit = time.monotonic() - began, os.waitstatus_to_exitcode(status)
    said = "" if exit == 0 else f"  exit {exit} {complaint[:200]}"
    print(f"{name:10} {wall:8.2f} s wall {used.ru_utime + used.ru_stime:8.2f} s CPU {used.ru_maxrss / 1024:6.0f} MiB{said}", flush=True)
