"""Ends with 0 if an address has a session of root or of the deploy user at sshd: fail2ban does not ban it.

A run of Ansible keeps such a session while it works. Only sshd knows both ends of the connection, and its process carries the
name of the user after the login alone.

has_session.py USER PORT ADDRESS
"""

import contextlib
import ipaddress
import os
import pwd
import re
import sys

USER, PORT, ADDRESS = sys.argv[1], int(sys.argv[2]), ipaddress.ip_address(sys.argv[3])
ESTABLISHED = "01"


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def address(text):
    """The kernel writes an address as words in the machine's order of bytes."""
    words = bytes.fromhex(text)
    swapped = b"".join(words[i : i + 4][:: -1 if sys.byteorder == "little" else 1] for i in range(0, len(words), 4))
    found = ipaddress.ip_address(swapped)
    return getattr(found, "ipv4_mapped", None) or found


def connections():
    """The sockets by which the address is connected to sshd's port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read(table).splitlines()[1:]:
            _number, local, remote, state, *rest = line.split()
            if state == ESTABLISHED and int(local.rpartition(":")[2], 16) == PORT and address(remote.rpartition(":")[0]) == ADDRESS:
                yield f"socket:[{rest[5]}]"


def sessions():
    """The processes of sshd that serve somebody who has logged in."""
    users = {0: "root"}
    with contextlib.suppress(KeyError):
        users[pwd.getpwnam(USER).pw_uid] = USER
    for process in filter(str.isdigit, os.listdir("/proc")):
        owner = re.search(r"^Uid:\t(\d+)", read(f"/proc/{process}/status"), re.MULTILINE)
        user = users.get(int(owner[1])) if owner else None
        if user and re.match(rf"sshd(-session)?: {re.escape(user)}@", read(f"/proc/{process}/cmdline")):
            yield process


def sockets(process):
    try:
        for number in os.listdir(f"/proc/{process}/fd"):
            yield os.readlink(f"/proc/{process}/fd/{number}")
    except OSError:
        return


connected = set(connections())
found = bool(connected) and any(connected.intersection(sockets(process)) for process in sessions())
sys.exit(0 if found else 1)
