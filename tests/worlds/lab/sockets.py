"""Sockets that answer from the address that was asked, also one this namespace does not own.

The packet filter hands every port to one socket (nft tproxy), so a socket must be transparent:
it may then be asked for, and answer from, any address and port.
"""
import ipaddress
import socket
import struct

IP_PKTINFO, IP_TRANSPARENT, IP_ORIGDSTADDR = 8, 19, 20
IPV6_ORIGDSTADDR, IPV6_TRANSPARENT = 74, 75
FAMILIES = (socket.AF_INET, socket.AF_INET6)
GROUPS = {5353: ("224.0.0.251", "ff02::fb"), 1900: ("239.255.255.250", "ff02::c")}     # mDNS (RFC 6762), SSDP
ANCILLARY = 256   # bytes for one original address and what may stand beside it


def _open(family, kind, address):
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    sock.bind(address)
    sock.setblocking(False)
    return sock


def tcp(port):
    """Two listening sockets, IPv4 and IPv6."""
    found = [_open(f, socket.SOCK_STREAM, ("", port)) for f in FAMILIES]
    for sock in found:
        sock.listen(4096)
    return found


def udp(port):
    """Two datagram sockets that tell which address and port a datagram was sent to."""
    found = [_open(f, socket.SOCK_DGRAM, ("", port)) for f in FAMILIES]
    for sock in found:
        v6 = sock.family == socket.AF_INET6
        sock.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, IPV6_ORIGDSTADDR if v6 else IP_ORIGDSTADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return found


def join(sock, interface):
    """Takes part in the group of a port, if it has one, on a link."""
    index = socket.if_nametoindex(interface)
    for group in GROUPS.get(sock.getsockname()[1], ()):
        if ":" in group and sock.family == socket.AF_INET6:
            request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        elif ":" not in group and sock.family == socket.AF_INET:
            request = socket.inet_aton(group) + struct.pack("=4si", bytes(4), index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def _asked(sock, ancillary):
    for level, kind, data in ancillary:
        port = struct.unpack_from("!H", data, 2)[0]
        if (level, kind) == (socket.IPPROTO_IP, IP_ORIGDSTADDR):
            return socket.inet_ntop(socket.AF_INET, data[4:8]), port
        if (level, kind) == (socket.IPPROTO_IPV6, IPV6_ORIGDSTADDR):
            scope = struct.unpack_from("=I", data, 24)[0]
            return socket.inet_ntop(socket.AF_INET6, data[8:24]), port, 0, scope
    return sock.getsockname()


def receive(sock):
    """(data, client, asked) of one waiting datagram; BlockingIOError when there is none."""
    data, ancillary, _, client = sock.recvmsg(65535, ANCILLARY)
    return data, client, _asked(sock, ancillary)


def waiting(sock, most):
    """(data, client, asked) of each waiting datagram, so many at the most."""
    for _ in range(most):
        try:
            yield receive(sock)
        except BlockingIOError:
            return
        except OSError:        # an ICMP error of an earlier answer; the next datagram is fine
            continue


def reply(sock, data, client, asked):
    """Sends from `asked`. On the socket's own port through the socket (a second one bound there
    would steal the next question); on another port through a socket made for this one answer."""
    if ipaddress.ip_address(asked[0].partition("%")[0]).is_multicast:
        sock.sendto(data, client)      # nobody answers in the name of a group
    elif asked[1] != sock.getsockname()[1]:
        with _open(sock.family, socket.SOCK_DGRAM, asked) as once:
            once.sendto(data, client)
    elif sock.family == socket.AF_INET:
        info = struct.pack("=I4s4s", 0, socket.inet_aton(asked[0]), bytes(4))
        sock.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, client)
    else:
        info = socket.inet_pton(socket.AF_INET6, asked[0]) + struct.pack("=I", asked[3])
        sock.sendmsg([data], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)], 0, client)


def label(asked):
    """address:port as a URL would write it, IPv6 in brackets."""
    address = ipaddress.ip_address(asked[0].partition("%")[0])
    return f"[{address}]:{asked[1]}" if address.version == 6 else f"{address}:{asked[1]}"
