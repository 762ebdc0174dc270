#!/usr/bin/python3
"""Sends the requests of one client in a table of rules and holds the answers against it: `table.py TABLE CLIENT ADDRESS`.

The table's own head says what its columns are. Prints a line on standard error for each answer that is not as expected.
For each refusal it prints `ERROR|REASON`, for whoever compares them with the log. Exit status 1 when an answer differs,
2 when a group that refuses has no line that passes: then nothing would show that the gate was asked at all.
"""
import asyncio
import json
import re
import sys

PATIENCE = 60      # seconds for one answer, on a machine with much else to do
AT_ONCE = 8
CLOSE = "Connection: close"


def rows(path):
    with open(path, encoding="utf-8") as table:
        lines = [line.rstrip("\n") for line in table if line.strip() and not line.startswith("#")]
    found = [line.split("\t") for line in lines]
    if bad := [row for row in found if len(row) != 4]:
        sys.exit(f"{path}: expected four columns: {bad[0]}")
    refusing = {row[0] for row in found if row[2].startswith("refused ")}
    if alone := refusing - {row[0] for row in found if row[2].startswith("passes ")}:
        sys.exit(f"{path}: {sorted(alone)} refuse, and nothing in them passes")
    return found


def octets(request):
    text = request.encode("latin-1", "strict").decode("unicode_escape")
    if text.startswith("raw:"):
        return text[4:].encode("latin-1")
    return "\r\n".join([*text.split(" | "), CLOSE, "", ""]).encode("latin-1")


async def ask(address, request):
    reader, writer = await asyncio.open_connection(address, 80)
    writer.write(octets(request))
    answer = b""
    try:
        while data := await asyncio.wait_for(reader.read(65536), PATIENCE):
            answer += data
    except ConnectionError:
        pass       # what it had said until then is what it said
    writer.close()
    return answer


def seen(answer):
    """What became of it, in the words of the table, and the body of a refusal."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ")[1].decode() if head.startswith(b"HTTP/1.1 ") else "none"
    if len(re.findall(rb"(?:^|\n)HTTP/1\.1 \d", answer)) > 1:
        return "more than one answer", None
    if status == "200":
        return "passes", None
    try:
        refusal = json.loads(body)
        return f"refused {status} {refusal['error']}", refusal
    except (ValueError, KeyError):
        return f"{status} without a reason", None


async def hold(row, address, turn):
    _, _, expected, request = row
    async with turn:
        try:
            answer = await ask(address, request)
        except (OSError, asyncio.TimeoutError) as error:
            answer = repr(error).encode()
    became, refusal = seen(answer)
    told = f"{refusal['error']}|{refusal['reason']}" if refusal else None
    if became == "passes":
        upstream = expected.removeprefix("passes ").encode()
        good = expected.startswith("passes ") and upstream.split(b"?")[0] + b"\n" in answer
    else:
        good = became == expected
    return good, told, f"expected {expected}\n     got {became}: {answer[-300:]!r}\n      to {request}"


async def main(path, client, address):
    own, turn = [row for row in rows(path) if row[1] == client], asyncio.Semaphore(AT_ONCE)
    results = await asyncio.gather(*(hold(row, address, turn) for row in own))
    for good, told, words in results:
        if not good:
            print(words, file=sys.stderr)
        if told:
            print(told)
    print(f"{client}: {len(own)} requests", file=sys.stderr)
    return 0 if own and all(good for good, _, _ in results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
