# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which host keys an operator's machine trusts: those of servers made a minute ago, those that were given, those of before, and no others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.shortstop.django.plugins.module_utils.marked_block import BEGIN, END
from ansible_collections.shortstop.django.plugins.plugin_utils.servers import host_key

# A salt and a digest of 20 bytes each.
HASHED = re.compile(r"\|1\|([A-Za-z0-9+/]{27}=)\|([A-Za-z0-9+/]{27}=)")


@dataclass(frozen=True)
class Line:
    """A line of known_hosts that trusts a key, as sshd(8) has it. Lines with a marker, such as @revoked, are none."""

    number: int
    block: str  # the marked block that it is in, "" if it is in none
    hosts: str
    key: tuple[str, str]

    def is_of(self, host: str) -> bool:
        """Whether exactly this host is named, plainly or by its hash. A pattern names nobody."""
        hashed = HASHED.fullmatch(self.hosts)
        if not hashed:
            return host in self.hosts.lower().split(",")
        digest = hmac.digest(base64.b64decode(hashed[1]), host.encode(), hashlib.sha1)
        return base64.b64encode(digest).decode() == hashed[2]


@dataclass
class Pins:
    """What is to be known: the lines of our block, and what the operator must hear."""

    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


def pins(text: str, servers: dict, name: str, *, scanned: dict, path: str) -> Pins:
    """What the block of that name in a known_hosts is to be.

    `servers` have all their keys; `scanned` is what ssh-keyscan printed of each fresh server without given keys, `path` the file.
    """
    lines = list(_read(text))
    own, foreign = [line for line in lines if line.block == name], [line for line in lines if line.block != name]
    result = Pins()
    for server_name, server in sorted(servers.items()):
        say = f'server "{server_name}": '
        hosts = _hosts(server_name, server)
        shown = [line.key for line in _read(scanned.get(server_name, ""))]
        keys = sorted(map(host_key, server["host_keys"])) or sorted(shown) or sorted(_pinned(own, hosts))
        result.lines += [f"{host} {kind} {key}" for host in hosts for kind, key in keys]
        if server_name in scanned and not shown:
            result.errors.append(f"{say}nothing answered as an SSH server at {server['address']}, port {server['port']}, so its host keys could not be learned")
        elif not keys and not any(line.is_of(hosts[0]) for line in foreign):
            result.hints.append(
                f"{say}no host key is known, and none was learned, since this run has not made the server; either give its host_keys, as"
                f" /etc/ssh/ssh_host_*_key.pub shows them on its own console, or connect once by hand (ssh {server_name}) and compare the fingerprint"
            )
        result.errors += [say + error for error in _contradictions(foreign, hosts, keys, path)]
    return result


def _read(text: str) -> Iterator[Line]:
    block = ""
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip().replace("\t", " ")
        hosts, _space, rest = line.partition(" ")
        if line.startswith(BEGIN):
            block = line.removeprefix(BEGIN)
        elif line.startswith(END):
            block = ""
        elif key := host_key(rest):
            yield Line(number, block, hosts, key)


def _hosts(name: str, server: dict) -> list[str]:
    """How known_hosts calls a server: by its address, which is where ssh looks, and by its name."""
    names = dict.fromkeys([server["address"], name])
    return [host if server["port"] == 22 else f"[{host}]:{server['port']}" for host in names]


def _pinned(own: list[Line], hosts: list[str]) -> list[tuple[str, str]]:
    """The keys of before: `ssh-keygen -R` for one of the hosts leaves those of the other."""
    return next(filter(None, ([line.key for line in own if line.is_of(host)] for host in hosts)), [])


def _contradictions(foreign: list[Line], hosts: list[str], keys: list[tuple[str, str]], path: str) -> list[str]:
    """The first line of somebody else's by which ssh would trust another key of the same type.

    Of several only one is told, since removing them all would remove what was learned, too.
    """
    kinds = {kind for kind, _key in keys}
    for host in hosts:
        for line in foreign:
            if line.is_of(host) and line.key[0] in kinds and line.key not in keys:
                return [_contradiction(line, host, path)]
    return []


def _contradiction(line: Line, host: str, path: str) -> str:
    say = f"line {line.number} of {path} trusts another key of {host} than the one that is pinned now; "
    if line.block:
        return f"{say}it is the inventory {line.block} that has it, so give the same host_keys in both, or another name to one of two servers"
    return f"{say}if that is an old one, remove it with: {shlex.join(['ssh-keygen', '-f', path, '-R', host])}"
