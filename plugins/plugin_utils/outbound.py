# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a site may reach over IP, and how systemd is told."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

PUBLIC, ANY = "public", "any"

# All that is not the internet: this server, private networks, links (where clouds tell a server's secrets), and what is no host's.
NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/127",
        "64:ff9b:1::/48",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def is_destination(entry: object) -> bool:
    return entry in (PUBLIC, ANY) or (isinstance(entry, str) and _network(entry) is not None)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return None if "%" in text else ipaddress.ip_network(text)
    except ValueError:
        return None


def rules(outbound: list[str], nameservers: Iterable[str] = (), database: str = "") -> list[str]:
    """The lines of a service unit. What systemd is told to allow counts before what it is told to deny.

    `database` is the host of the site's database, which is added if it is an address. A site that reaches nothing asks no name server.
    """
    if ANY in outbound:
        return []
    given = [database, *(nameservers if outbound else ())]
    # A link's address may come with the name of the link.
    texts = [entry for entry in outbound if entry != PUBLIC] + [text.partition("%")[0] for text in given]
    allowed = dict.fromkeys(str(network) for network in map(_network, texts) if network)
    if PUBLIC not in outbound and not allowed:
        return ["PrivateNetwork=yes", "IPAddressDeny=any", "RestrictAddressFamilies=~AF_INET AF_INET6"]
    denied = " ".join(map(str, NOT_PUBLIC)) if PUBLIC in outbound else "any"
    return [f"IPAddressDeny={denied}", *([f"IPAddressAllow={' '.join(allowed)}"] if allowed else [])]


def unreached(outbound: list[str], addresses: Iterable[str]) -> Iterator[str]:
    """Those of these addresses that are not let through."""
    networks = [network for network in map(_network, outbound) if network]
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        public = PUBLIC in outbound and not any(address in network for network in NOT_PUBLIC)
        if not (ANY in outbound or public or any(address in network for network in networks)):
            yield text
