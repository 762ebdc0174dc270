#!/usr/bin/python3
"""Sends one datagram to UDP port 4000 of every address on stdin. Each is in a frame to the gateway, so that it
leaves whatever the address: `knock.py GATEWAY4 GATEWAY6 <addresses`. Prints each address that it sent to."""
import socket
import subprocess
import sys

from packet import datagram, ethertype, hardware, own_address


def learnt(gateway):
    subprocess.run(["ping", "-n", "-c1", "-W1", gateway], capture_output=True, check=False)
    return hardware(gateway), own_address(gateway)


def main(four, six):
    sources = {False: learnt(four), True: learnt(six)}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        me = sock.getsockname()[4]
        for target in map(str.strip, sys.stdin):
            mac, source = sources[":" in target]
            sock.send(mac + me + ethertype(target) + datagram(source, target, 4000, 4000, b""))
            print(target)


main(*sys.argv[1:3])
