#!/usr/bin/env python3
"""A name server for the account of tests/fake_digitalocean.py: answers A, AAAA and TXT from its records, as they are at that moment.

python tests/fake_dns.py --port 8753 --api http://127.0.0.1:8766
python tests/fake_dns.py --port 8753 --api http://127.0.0.1:8766 --otherwise 127.0.0.1
python tests/fake_dns.py --port 8753 --ask tatis.example.com
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import socket
import socketserver
import struct
import urllib.request

KINDS = {"A": 1, "TXT": 16, "AAAA": 28}
INTERNET = 1
TO_THE_QUESTION = b"\xc0\x0c"  # the name that stands there
NO_SUCH_NAME = 3


def question(name: str, kind: int) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack("!HH", kind, INTERNET)


def read_question(packet: bytes) -> tuple[str, int, int]:
    """The name that is asked for, its type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii").lower())
        at += packet[at] + 1
    return ".".join(labels), struct.unpack_from("!H", packet, at + 1)[0], at + 5


def answer(packet: bytes, records: list[dict], otherwise: str = "") -> bytes:
    """The answer to a question. Names without records have the address `otherwise`, if there is one."""
    name, kind, end = read_question(packet)
    of_name = [record for record in records if (record["_domain"] if record["name"] == "@" else f"{record['name']}.{record['_domain']}") == name]
    if otherwise and not of_name:
        of_name = [{"type": "A", "ttl": 60, "data": otherwise}]
    found = [record for record in of_name if KINDS.get(record["type"]) == kind]
    flags = 0x8400 | (0 if of_name else NO_SUCH_NAME)
    told = packet[:2] + struct.pack("!5H", flags, 1, len(found), 0, 0) + packet[12:end]
    for record in found:
        text = record["data"]
        data = bytes([len(text)]) + text.encode() if record["type"] == "TXT" else ipaddress.ip_address(text).packed
        told += TO_THE_QUESTION + struct.pack("!HHIH", kind, INTERNET, record["ttl"], len(data)) + data
    return told


def ask(name: str, kind: str = "A", port: int = 53) -> list[str]:
    """The addresses, or the texts, that the name server on a port of this machine tells."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(5)
        wire.sendto(struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + question(name, KINDS[kind]), ("127.0.0.1", port))
        told = wire.recv(4096)
    _name, _kind, at = read_question(told)
    found = []
    for _ in range(struct.unpack_from("!H", told, 6)[0]):
        length = struct.unpack_from("!H", told, at + 10)[0]
        data = told[at + 12 : at + 12 + length]
        found.append(data[1:].decode() if kind == "TXT" else str(ipaddress.ip_address(data)))
        at += 12 + length
    return found


class Handler(socketserver.BaseRequestHandler):
    api = ""
    otherwise = ""

    def handle(self) -> None:
        packet, wire = self.request
        with urllib.request.urlopen(f"{self.api}/_fake/state", timeout=5) as state:
            records = json.load(state)["records"].values()
        wire.sendto(answer(packet, list(records), self.otherwise), self.client_address)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=8753)
    parser.add_argument("--api", help="where the account is")
    parser.add_argument("--otherwise", metavar="ADDRESS", default="", help="the address of names without records")
    parser.add_argument("--ask", metavar="NAME", help="asks the one that runs, and ends")
    given = parser.parse_args()
    if given.ask:
        print(*ask(given.ask, port=given.port), sep="\n")
        return
    Handler.api, Handler.otherwise = given.api, given.otherwise
    with socketserver.ThreadingUDPServer(("127.0.0.1", given.port), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
