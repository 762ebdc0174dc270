#!/usr/bin/python3
"""A flood and whoever counts it, for as long as the program runs. `flood.py fire ADDRESS` sends datagrams to
UDP port 9000 of the address as fast as it can. `flood.py count ADDRESS` prints how many came when it gets
SIGTERM. Each prints `ready` first."""
import signal
import socket
import sys

PORT = 9000


class Ended(Exception):
    pass


def end(*_):
    raise Ended


def fire(sock, address):
    sock.connect((address, PORT))
    number = 0
    print("ready", flush=True)
    while True:
        try:
            sock.send(b"%d" % number)
            number += 1
        except OSError:  # no room, or an answer of ICMP's
            pass


def count(sock, address):
    sock.bind((address, PORT))
    print("ready", flush=True)
    came = 0
    try:
        while True:
            sock.recv(64)
            came += 1
    except Ended:
        print(came)


signal.signal(signal.SIGTERM, end)
what, where = sys.argv[1:]
try:
    {"fire": fire, "count": count}[what](socket.socket(socket.AF_INET, socket.SOCK_DGRAM), where)
except Ended:
    pass
