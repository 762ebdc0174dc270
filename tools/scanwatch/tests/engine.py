"""An engine that speaks clamd's protocol and changes when told: what a real one does only when its official database does.

Usage: engine.py SOCKET VERSION_FILE
Flags what contains one of the words in VERSION_FILE's second line; its first line is the version. A third line is how
many seconds each file takes. A fourth is a word that it dies of: it is started again, and each death is a line of
VERSION_FILE.deaths. A fifth is how many seconds a death takes, where that is another time.
"""
import os, socket, sys, threading, time


def judge(fd):
    size = os.fstat(fd).st_size
    if size > 1 << 31:
        return "Heuristics.Limits.Exceeded.MaxFileSize FOUND"
    content = os.pread(fd, 4096, 0)
    if content.startswith(b"PK\3\4") and content[6] & 1:
        return "Heuristics.Encrypted.Zip FOUND"
    if content.startswith(b"Rar!\x1a\7\1\0") and content[13] == 4:
        return "Heuristics.Encrypted.RAR FOUND"
    if content.startswith(b"\xd0\xcf\x11\xe0") and "EncryptedPackage".encode("utf-16-le") in content:
        return "Heuristics.Encrypted.Office FOUND"
    lines = open(sys.argv[2]).read().splitlines()
    words = lines[1].split()
    fatal = len(lines) > 3 and lines[3].encode() in content
    time.sleep(float(lines[4 if fatal and len(lines) > 4 else 2]) if len(lines) > 2 else 0)
    if fatal:
        with open(sys.argv[2] + ".deaths", "a") as deaths:
            deaths.write("died\n")
        os._exit(1)
    return next((f"{word}-Signature FOUND" for word in words if word.encode() in content), "OK")


def serve(peer):
    buffer, fds, number = b"", [], 0
    while True:
        data, more, _, _ = socket.recv_fds(peer, 4096, 16)
        if not data:
            return
        buffer, fds = buffer + data, fds + list(more)
        while b"\0" in buffer:
            command, buffer = buffer.split(b"\0", 1)
            if command in (b"zIDSESSION", b""):
                continue
            number += 1
            answer = open(sys.argv[2]).read().splitlines()[0]
            if command == b"zFILDES":
                fd = fds.pop(0)
                answer = f"fd[{fd}]: {judge(fd)}"
                os.close(fd)
            peer.sendall(f"{number}: {answer}\0".encode())


def stand_up_again():
    """Returns in a process that answers: another each time that the last one died. It ends with us, who hold the socket."""
    watched, held = os.pipe()
    while child := os.fork():
        os.waitpid(child, 0)
    os.close(held)
    threading.Thread(target=lambda: (os.read(watched, 1), os._exit(0)), daemon=True).start()


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(32)
stand_up_again()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
