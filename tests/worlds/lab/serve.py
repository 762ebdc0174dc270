"""All servers of one world of the lab: `serve.py WORLD STATE REPOSITORIES`, WORLD host, lan or inet.

It goes to the background when every socket is bound, so that whoever started it knows at once:
exit status 0 means that all of it answers.

In lan and inet a catch-all socket takes every port that has no better server. The packet filter
sends them there; in host only the ports below listen, on every address. Such a machine's owner runs
sshd, a web page and a resolver.
"""
import asyncio
import os
import resource
import sys

import dns
import echo
import sockets
import web

CATCH_ALL = 7      # the echo port of old; the packet filter in net.bash names it too


def bind(world):
    """Every socket first: from here on nothing can fail for want of a port."""
    ports = {"host": (22,), "lan": (CATCH_ALL,), "inet": (CATCH_ALL,)}[world]
    datagrams = {"host": (123, 5353), "lan": (CATCH_ALL, *sockets.GROUPS), "inet": (CATCH_ALL,)}[world]
    return {
        "tcp": [s for p in ports for s in sockets.tcp(p)], "udp": [s for p in datagrams for s in sockets.udp(p)],
        "dns-udp": sockets.udp(53), "dns-tcp": sockets.tcp(53),
        "http": sockets.tcp(80), "https": sockets.tcp(443),
    }


def meet(world, bound):
    """The NAS answers who looks for it on its link, as an appliance does."""
    for sock in bound["udp"] if world == "lan" else ():
        sockets.join(sock, "lan0")


def detach(log):
    """Leaves the terminal; the parent ends with 0, its sockets live on in the child."""
    if os.fork():
        os._exit(0)
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir("/")


async def run(world, bound, names, pages):
    await echo.tcp(world, bound["tcp"])
    await echo.udp(world, bound["udp"])
    await names.start(bound["dns-udp"], bound["dns-tcp"])
    await pages.start(bound["http"], bound["https"])
    await asyncio.Event().wait()


def main(world, state, repositories):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    bound = bind(world)
    meet(world, bound)
    names, pages = dns.Server(world, f"{state}/dns.log"), web.Server(world, state, repositories)
    detach(f"{state}/serve-{world}.log")
    asyncio.run(run(world, bound, names, pages))


if __name__ == "__main__":
    main(*sys.argv[1:])
