#!/usr/bin/python3
"""Many clients of the gate at once: `crowd.py ADDRESS KIND COUNT [NAME [FILE]]`.

  ask      COUNT clients ask NAME for / at once; prints how many got 200, and the slowest answer in milliseconds
  ask-for  asks NAME one after another for COUNT seconds, each on a connection of its own; prints answers and failures
  insist   asks NAME COUNT times and more on few connections, for as long as FILE is there, and 2 minutes at most;
           prints how often it asked, and how many answers were a refusal (403)
  loris    holds COUNT connections with half a request each until it is killed; prints how many it holds
"""
import asyncio
import os
import sys
import time

ADDRESS, KIND, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
NAME = sys.argv[4] if len(sys.argv) > 4 else "odd.lab.test"
REQUEST = f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()


async def ask():
    begun = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection(ADDRESS, 80)
        writer.write(REQUEST)
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
    except (OSError, asyncio.TimeoutError):
        answer = b""
    return answer.startswith(b"HTTP/1.1 200") and b"\r\n\r\n" in answer, time.monotonic() - begun


async def all_at_once():
    answers = await asyncio.gather(*(ask() for _ in range(COUNT)))
    print(sum(good for good, _ in answers), round(max(took for _, took in answers) * 1000))


async def one_by_one():
    end, counts = time.monotonic() + COUNT, {True: 0, False: 0}
    while time.monotonic() < end:
        counts[(await ask())[0]] += 1
    print(counts[True], counts[False])


async def insist():
    shares = 4

    async def one(number):
        request = f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
        asked, refused, reader, end = 0, 0, None, time.monotonic() + 120
        while asked < number or (os.path.exists(sys.argv[5]) and time.monotonic() < end):
            if reader is None or reader.at_eof():
                reader, writer = await asyncio.open_connection(ADDRESS, 80)
            writer.write(request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            length = int(next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")))
            await reader.readexactly(length)
            asked += 1
            refused += head.startswith(b"HTTP/1.1 403")
            if b"connection: close" in head.lower():
                writer.close()
                reader = None
        return asked, refused

    print(*map(sum, zip(*await asyncio.gather(*(one(COUNT // shares) for _ in range(shares))))))


async def loris():
    held = []
    for _ in range(COUNT):
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(ADDRESS, 80), 5)
            writer.write(b"GET / HTTP/1.1\r\nHost: ")
            held.append((reader, writer))
        except (OSError, asyncio.TimeoutError):
            break
    print(len(held), flush=True)
    await asyncio.sleep(60)


asyncio.run({"ask": all_at_once, "ask-for": one_by_one, "insist": insist, "loris": loris}[KIND]())
