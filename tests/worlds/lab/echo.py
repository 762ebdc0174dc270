"""What answers where nothing better does: a banner, then an echo; over TCP and UDP.

Each answer names the world and the address that the client asked (`cellblock-lab inet 8.8.8.8:25`).
So whoever gets through can tell where.
"""
import asyncio
import contextlib

import sockets

IDLE = 60          # seconds a silent connection is kept
BURST = 64         # datagrams answered before others get their turn
CHUNK = 65536


def banner(world, asked):
    return f"cellblock-lab {world} {sockets.label(asked)}\r\n".encode()


async def _converse(world, reader, writer):
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        writer.write(banner(world, writer.get_extra_info("sockname")))
        while data := await asyncio.wait_for(reader.read(CHUNK), IDLE):
            writer.write(data)
            await writer.drain()
    writer.close()


def _answer_datagrams(world, sock):
    for data, client, asked in sockets.waiting(sock, BURST):
        with contextlib.suppress(OSError):     # multicast, or a client that has no way back
            sockets.reply(sock, banner(world, asked) + data, client, asked)


async def tcp(world, socks):
    for sock in socks:
        await asyncio.start_server(lambda r, w: _converse(world, r, w), sock=sock, backlog=4096)


async def udp(world, socks):
    for sock in socks:
        asyncio.get_running_loop().add_reader(sock, _answer_datagrams, world, sock)
