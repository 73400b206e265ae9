"""Runs a command where nothing can be reached, and notes every name it asks for and every address it dials.

`unshare --net --mount python tests/network_watch.py FOUND.json COMMAND...`, as root: the name server of this little
world answers every question with an address, and whatever is then sent there is seen and goes nowhere.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SENT_TO = b"\x0a\x63\x09\x09"
"""10.99.9.9, the address of every name."""
ETH_P_IP = 0x0800
LATE_S = 0.2
"""What was sent last is still read."""


def main() -> None:
    found, *command = sys.argv[1:]
    names: set[str] = set()
    addresses: set[str] = set()
    _make_world()
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver.bind(("127.0.0.1", 53))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    wire.bind(("lo", ETH_P_IP))
    threading.Thread(target=_answer, args=(resolver, names), daemon=True).start()
    threading.Thread(target=_watch, args=(wire, addresses), daemon=True).start()
    code = subprocess.run(command, check=False).returncode
    time.sleep(LATE_S)
    Path(found).write_text(json.dumps({"names": sorted(names), "addresses": sorted(addresses)}), encoding="utf-8")
    sys.exit(code)


def _make_world() -> None:
    for words in (
        "link set lo up",
        "route add local 0.0.0.0/0 dev lo",  # this machine is every machine: nobody else answers, nothing leaves
    ):
        subprocess.run(["ip", *words.split()], check=True)
    with tempfile.NamedTemporaryFile("w", delete=False) as resolv:
        resolv.write("nameserver 127.0.0.1\n")
    Path(resolv.name).chmod(0o644)
    subprocess.run(["mount", "--bind", resolv.name, os.path.realpath("/etc/resolv.conf")], check=True)


def _answer(resolver: socket.socket, names: set[str]) -> None:
    while True:
        with contextlib.suppress(OSError, IndexError):
            question, sender = resolver.recvfrom(4096)
            name, end = _name_in(question)
            names.add(name)
            head = question[:2] + b"\x81\x80" + question[4:6]
            is_address = question[end : end + 2] == b"\x00\x01"
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + SENT_TO if is_address else b""
            counts = b"\x00\x01\x00\x00\x00\x00" if is_address else b"\x00\x00\x00\x00\x00\x00"
            resolver.sendto(head + counts + question[12 : end + 4] + answer, sender)


def _name_in(question: bytes) -> tuple[str, int]:
    labels, place = [], 12
    while size := question[place]:
        labels.append(question[place + 1 : place + 1 + size].decode(errors="replace"))
        place += size + 1
    return ".".join(labels), place + 1


def _watch(wire: socket.socket, addresses: set[str]) -> None:
    while True:
        packet = wire.recv(65536)
        to = socket.inet_ntoa(packet[16:20])
        if not to.startswith("127."):
            addresses.add(to)


if __name__ == "__main__":
    main()
