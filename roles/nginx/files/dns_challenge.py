"""Answers the DNS challenges of an ACME server, in the account of DigitalOcean's that /etc/shortstop/dns_challenge.json opens.

    dns_challenge.py answer         what certbot calls for each name: add the record, and wait until the name servers tell it
    dns_challenge.py clean          what certbot calls afterwards: take the record away
    dns_challenge.py check NAME …   say as JSON, by name, why a challenge could not be answered

The records are those of module digitalocean_dns_record_set, whose own code does the work.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from urllib.request import HTTPRedirectHandler, Request, build_opener

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

# Python, told to be isolated, does not look beside the program by itself.
sys.path.append(str(Path(__file__).parent))

from ansible_collections.shortstop.django.plugins.module_utils import waiting
from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import ApiError, Client
from ansible_collections.shortstop.django.plugins.module_utils.dns_records import SCOPES, RecordSet

CONFIGURATION = Path("/etc/shortstop/dns_challenge.json")
TTL = 30  # seconds, the least that DigitalOcean takes
SECONDS_TO_SPREAD = 180
LOOK_EVERY = 2  # seconds
SECONDS_TO_TELL = 5
SECONDS_TO_ANSWER = 30


def say(what: object) -> None:
    """Standard output is for what `check` finds."""
    print(what, file=sys.stderr)


class Account:
    """The account whose name servers answer for the names."""

    def __init__(self, configuration: dict) -> None:
        self.name_servers: list[str] = configuration["name_servers"]
        account = {name: configuration[name] for name in ("api_token", "api_url")}
        self.api = Client({**account, "request_timeout": SECONDS_TO_ANSWER, "wait_timeout": 60}, "dns", open_url, SCOPES, say)

    def challenge(self, name: str) -> RecordSet:
        """The records by which a name's challenge is answered, in the longest domain of the account that holds it."""
        challenge = "_acme-challenge." + name.removeprefix("*.")
        labels = challenge.split(".")
        for at in range(1, len(labels) - 1):
            domain = ".".join(labels[at:])
            if self.api.get_if_there(f"/v2/domains/{domain}"):
                return RecordSet(self.api, {"domain": domain, "name": challenge, "type": "TXT", "ttl": TTL})
        raise ApiError("no domain of the account that nginx_acme.dns opens holds this name; add it there, or see whose token this is")

    def answer(self, name: str, value: str) -> None:
        records = self.challenge(name)
        found = records.read() or []
        # A name and its wildcard are asked for at once, each by a value of its own.
        if value not in [record["value"] for record in found]:
            records.add(value, {record["id"] for record in found})
        waiting.wait(f"the name servers tell {records.fqdn}", lambda: self._told(records.fqdn, value), SECONDS_TO_SPREAD, LOOK_EVERY, say)

    def clean(self, name: str, value: str) -> None:
        records = self.challenge(name)
        for record in records.read() or []:
            if record["value"] == value:
                records.remove(record)

    def _told(self, fqdn: str, value: str) -> tuple[bool | None, str]:
        """Whether all name servers tell a value, and which one does not."""
        for name_server in self.name_servers:
            try:
                told = ask(name_server, fqdn)
            except (OSError, dns.exception.DNSException) as error:
                return None, f"{name_server} does not answer ({error})"
            if value not in told:
                return None, f"{name_server} does not tell it yet"
        return True, ""


class NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_what: object) -> None:
        """The token is for one host alone."""


def open_url(method: str, url: str, data: bytes | None, headers: dict[str, str]):
    return build_opener(NoRedirects).open(Request(url, data, headers, method=method), timeout=SECONDS_TO_ANSWER)


def ask(name_server: str, fqdn: str) -> list[str]:
    """The texts that a name server, with a port or without, tells of a name. It is asked itself: others remember that there was none."""
    host, _colon, port = name_server.partition(":")
    address = socket.getaddrinfo(host, port or 53, type=socket.SOCK_DGRAM, flags=socket.AI_ADDRCONFIG)[0][4]
    answer, _by_tcp = dns.query.udp_with_fallback(dns.message.make_query(fqdn, "TXT"), address[0], timeout=SECONDS_TO_TELL, port=address[1])
    return [b"".join(record.strings).decode() for found in answer.answer if found.rdtype == dns.rdatatype.TXT for record in found]


def main(arguments: list[str]) -> int:
    try:
        account = Account(json.loads(CONFIGURATION.read_text()))
    except ApiError as error:
        say(error)
        return 1
    if arguments[:1] == ["check"]:
        wrong = {}
        for name in arguments[1:]:
            try:
                account.challenge(name)
            except ApiError as error:
                wrong[name] = str(error)
        print(json.dumps(wrong))
        return 0
    if arguments not in (["answer"], ["clean"]):
        say(__doc__)
        return 2
    try:
        getattr(account, arguments[0])(os.environ["CERTBOT_DOMAIN"], os.environ["CERTBOT_VALIDATION"])
    except (ApiError, waiting.StillWaiting) as error:
        say(f"{os.environ['CERTBOT_DOMAIN']}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
