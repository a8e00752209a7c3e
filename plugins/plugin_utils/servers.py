# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the servers of an operator's machine must be like: everything that is wrong with them, a sentence each."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterator

from ansible_collections.shortstop.django.plugins.module_utils.marked_block import is_name
from ansible_collections.shortstop.django.plugins.plugin_utils.site_values import HOST_NAME, nearest

KEYS = ("address", "user", "port", "domains", "fresh", "host_keys")
SERVER_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
IP_ADDRESS = re.compile(r"[0-9a-f.:]+")  # without a zone, and as known_hosts has it
NUMBERS = re.compile(r"[0-9.]+")
PATH = re.compile(r"""[^"'$%\\\n]+""")
USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
HOST_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]+={0,2})(?: .*)?")


def server_errors(servers: dict, name: str, paths: list[str], names_enabled: bool = False) -> list[str]:
    """A sentence per mistake; an empty list means that all can be written.

    `name` is that of the blocks, `paths` are those that the configuration of ssh names, and `names_enabled` is whether the hosts file gets domains.
    """
    errors = [f"{path}: a path with a quote, $, %, \\ or a line break cannot stand in the configuration of ssh" for path in paths if not PATH.fullmatch(path)]
    if not is_name(name):
        errors.append("workstation_name must be a text of one line, without spaces around it")
    for server_name, server in servers.items():
        say = f'server "{server_name}": '
        if not isinstance(server_name, str) or not SERVER_NAME.fullmatch(server_name):
            errors.append(f"{say}a name is made of lower-case letters, digits, dots, - and _, and begins and ends with a letter or digit")
        elif not isinstance(server, dict):
            errors.append(f"{say}must be a dict of keys, such as {{address: 192.0.2.10}}")
        else:
            errors += [say + error for error in _server_errors(server_name, server, names_enabled)]
    return errors or _clashes(servers)


def host_key(line: object) -> tuple[str, str] | None:
    """Type and key of a line such as /etc/ssh/ssh_host_ed25519_key.pub holds; None if it is no such line."""
    found = HOST_KEY.fullmatch(line.strip()) if isinstance(line, str) else None
    if not found:
        return None
    kind, key = found.groups()
    try:
        blob = base64.b64decode(key, validate=True)
    except ValueError:
        return None
    return (kind, key) if blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()) else None


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return IP_ADDRESS.fullmatch(text) is not None


def _is_address(text: object) -> bool:
    return isinstance(text, str) and (_is_ip_address(text) or (bool(HOST_NAME.fullmatch(text)) and not NUMBERS.fullmatch(text)))


def _server_errors(name: str, server: dict, names_enabled: bool) -> Iterator[str]:
    for key in server:
        if key not in KEYS:
            yield f'key "{key}" is not known{nearest(key, KEYS)}'
    address, port, domains, keys = server.get("address"), server.get("port", 22), server.get("domains", []), server.get("host_keys", [])
    if "address" not in server:
        yield 'key "address" is missing; give the IP address or host name by which ssh reaches it'
    elif not _is_address(address):
        yield 'key "address" must be an IP address or a host name, in lower case, without user and port'
    elif _is_ip_address(name) and name != address:
        yield f"is named after another address than its own, {address}; give it another name"
    elif names_enabled and domains and not _is_ip_address(address):
        yield 'key "address" must be an IP address, since the hosts file names it for its domains'
    if not isinstance(server.get("user", ""), str) or not USER_NAME.fullmatch(server.get("user", "deploy")):
        yield 'key "user" must be the name of a user on the server'
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        yield 'key "port" must be a whole number, 1 to 65535, without quotes'
    if not isinstance(server.get("fresh", False), bool):
        yield 'key "fresh" must be true or false, without quotes'
    if not isinstance(domains, list) or not all(isinstance(domain, str) and HOST_NAME.fullmatch(domain) for domain in domains):
        yield 'key "domains" must be a list of host names, such as [blog.example.com]'
    if not isinstance(keys, list) or not all(map(host_key, keys)):
        yield 'key "host_keys" must be a list of public keys, such as "ssh-ed25519 AAAA…"; a fingerprint is not enough'


def _clashes(servers: dict) -> list[str]:
    """What only one server may have."""
    errors, owners = [], {}
    for name, server in servers.items():
        claims = [f"address {server['address']}, port {server.get('port', 22)}", *(f"domain {domain}" for domain in dict.fromkeys(server.get("domains", [])))]
        for claim in claims:
            owner = owners.setdefault(claim, name)
            if owner != name:
                errors.append(f'server "{name}": {claim} is also claimed by server "{owner}"; each needs its own')
    return errors
