#!/usr/bin/python3
"""A switch that is broken in a way in which Open vSwitch can't be: on the far ends of some cables, in the switch's namespace.

mock-switch.py partner PORT=KEY,SYSTEM,STATE[,deaf] ...   LACPDUs every second, with this key, system (last byte) and state
                                                          (hex); deaf: as if it had heard nobody
mock-switch.py echo PORT ...                              what comes in goes out again
mock-switch.py one-way FROM TO ...                        each pair is one cable; LACPDUs go only FROM the far end TO the near
mock-switch.py lldp PORT VLAN[,VLAN...]                   LLDPDUs: port VLAN id, and names of further VLANs
mock-switch.py flood SECONDS RATE PORT ...                so many LLDPDUs a second in all, of ever new neighbours
mock-switch.py station PORT MAC IP                        a station with that address: it answers ARP
mock-switch.py tap NAME                                   a NIC of this name, of 10 Mbit/s, with nobody at its other end
"""
import fcntl
import select
import socket
import struct
import sys
import time

SLOW, LLDP, ALL, ARP = 0x8809, 0x88CC, 0x0003, 0x0806
PACKET_OUTGOING = 4


def listen(name, protocol=ALL):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    sock.bind((name, protocol))
    # All groups, as a switch port has it.
    request = struct.pack("iHH8s", socket.if_nametoindex(name), 1, 0, b"")
    sock.setsockopt(263, 1, request)  # SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC
    return sock


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def side(kind, system, key, port, state):
    return struct.pack("!BBH6sHHHB3x", kind, 20, 0x8000, system, key, 255, port, state)


def partner(arguments):
    ports = {}
    for number, argument in enumerate(arguments, 1):
        name, _, rest = argument.partition("=")
        key, system, state, *more = rest.split(",")
        me = bytes([2, 0, 0, 0, 9, int(system)])
        ports[listen(name, SLOW)] = [me, int(key), number, int(state, 16), "deaf" in more, bytes(20)]
    due = 0
    while True:
        ready, _, _ = select.select(list(ports), [], [], max(0, due - time.monotonic()))
        for sock in ready:
            frame, address = sock.recvfrom(2000)
            if address[2] != PACKET_OUTGOING and frame[14:15] == b"\1" and not ports[sock][4]:
                # Its actor is our partner.
                ports[sock][5] = b"\2" + frame[17:36]
        if time.monotonic() >= due:
            due = time.monotonic() + 1
            for sock, (me, key, number, state, _, theirs) in ports.items():
                theirs = theirs if any(theirs) else side(2, bytes(6), 0, 0, 0)
                pdu = b"\1\1" + side(1, me, key, number, state) + theirs + b"\3\x10" + bytes(66)
                sock.send(mac("01:80:c2:00:00:02") + me + struct.pack("!H", SLOW) + pdu)


def echo(names):
    socks = [listen(name) for name in names]
    while True:
        for sock in select.select(socks, [], [])[0]:
            frame, address = sock.recvfrom(2000)
            if address[2] != PACKET_OUTGOING:
                sock.send(frame)


def one_way(names):
    ends = {}
    for far, near in zip(names[::2], names[1::2]):
        far, near = listen(far), listen(near)
        ends[far], ends[near] = (near, True), (far, False)
    while True:
        for sock in select.select(list(ends), [], [])[0]:
            frame, address = sock.recvfrom(20000)
            other, is_far = ends[sock]
            if address[2] != PACKET_OUTGOING and (is_far or frame[12:14] != b"\x88\x09"):
                other.send(frame)


def tlv(kind, value):
    return struct.pack("!H", kind << 9 | len(value)) + value


def lldpdu(chassis, port, more=b""):
    body = tlv(1, b"\4" + chassis) + tlv(2, b"\5" + port) + tlv(3, b"\0\x78") + more + b"\0\0"
    return mac("01:80:c2:00:00:0e") + chassis + struct.pack("!H", LLDP) + body


def lldp(arguments):
    sock = listen(arguments[0], LLDP)
    untagged, *named = (int(vlan) for vlan in arguments[1].split(","))
    more = tlv(5, b"sw-rack3") + tlv(127, b"\0\x80\xc2\1" + struct.pack("!H", untagged))
    for vlan in named:
        more += tlv(127, b"\0\x80\xc2\3" + struct.pack("!H", vlan) + b"\0")
    while True:
        sock.send(lldpdu(mac("02:00:00:00:09:01"), b"Ethernet1/7", more))
        time.sleep(1)


def flood(arguments):
    seconds, rate = float(arguments[0]), int(arguments[1])
    socks = [listen(name, LLDP) for name in arguments[2:]]
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while sent < passed * rate:
            chassis = b"\2" + struct.pack("!IB", sent, 0)
            text = tlv(5, b"%d" % sent + b"x" * 200) + tlv(4, b"\x1b[2J" * 40)
            socks[sent % len(socks)].send(lldpdu(chassis, b"e%d" % sent, text))
            sent += 1
        time.sleep(0.01)
    print(sent, "LLDPDUs in", round(passed, 1), "s")


def station(arguments):
    sock, me, ip = listen(arguments[0], ARP), mac(arguments[1]), socket.inet_aton(arguments[2])
    while True:
        frame, address = sock.recvfrom(2000)
        if address[2] == PACKET_OUTGOING or frame[20:22] != b"\0\1" or frame[38:42] != ip:
            continue
        reply = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + me + ip + frame[22:32]
        sock.send(frame[22:28] + me + struct.pack("!H", ARP) + reply)


def tap(arguments):
    tun = open("/dev/net/tun", "r+b", buffering=0)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", arguments[0].encode(), 0x1002))  # TUNSETIFF, IFF_TAP | IFF_NO_PI
    while True:
        tun.read(2000)


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](sys.argv[2:])
