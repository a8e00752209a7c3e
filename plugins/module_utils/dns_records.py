# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records of one name and type in an account of DigitalOcean's, in one spelling. Servers that answer DNS challenges have this file, too."""

from __future__ import annotations

import ipaddress
import re

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import ApiError

SCOPES = ("domain:read", "domain:create", "domain:update", "domain:delete")
HOST = re.compile(r"[a-z0-9_*]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class RecordSet:
    """The records of one name and type, whose values are texts in one spelling."""

    def __init__(self, api, options):
        self.api = api
        self.domain = options["domain"].lower().rstrip(".")
        self.kind = options["type"]
        self.ttl = options["ttl"]
        self.name = self._name(options["name"].lower())
        self.fqdn = self.domain if self.name == "@" else f"{self.name}.{self.domain}"
        self.place = f"/v2/domains/{self.domain}/records"

    def read(self):
        """The API's own records, each with its value. None where the account does not have the domain."""
        try:
            found = self.api.list_all(self.place, "domain_records", type=self.kind)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return [{**record, "value": self._value_of(record)} for record in found if (record["type"], record["name"].lower()) == (self.kind, self.name)]

    def values(self, texts):
        """Texts in one spelling, each once."""
        return list(dict.fromkeys(self._value(text.strip()) for text in texts))

    def told(self, value, ttl):
        return {"name": self.fqdn, "type": self.kind, "value": value, "ttl": ttl}

    def lines(self, records):
        """As in a zone file, for a diff."""
        return "".join(sorted(f"{record['name']} {record['ttl']} {record['type']} {record['value']}\n" for record in records))

    def change(self, record, value):
        self.api.put(f"{self.place}/{record['id']}", self._body(value))

    def add(self, value, known):
        def find():
            return next((record for record in self.read() or [] if record["value"] == value and record["id"] not in known), None)

        known.add(self.api.create(self.place, "domain_record", self._body(value), find)["id"])

    def remove(self, record):
        self.api.delete(f"{self.place}/{record['id']}")

    def _name(self, given):
        name = given.rstrip(".")
        if name in ("@", self.domain):
            return "@"
        if name.endswith(f".{self.domain}"):
            name = name[: -len(self.domain) - 1]
        elif "." in given:
            raise ApiError(f"the name is not below the domain; write it in full, such as www.{self.domain}, or as one label")
        if not HOST.fullmatch(name):
            raise ApiError("this is no name that DNS can have")
        return name

    def _value(self, text):
        if self.kind in ("A", "AAAA"):
            return self._address(text)
        if self.kind == "CNAME":
            return self._host(text)
        if self.kind == "MX":
            return self._number(text, 65535) + " " + self._host(text.partition(" ")[2])
        if self.kind == "CAA":
            parts = text.split(None, 2)
            if len(parts) < 3 or parts[1] not in ("issue", "issuewild", "iodef"):
                raise ApiError(f'value "{text}" must be like 0 issue letsencrypt.org')
            return f"{self._number(text, 255)} {parts[1]} {_authority(parts[2])}"
        return text

    def _address(self, text):
        try:
            return str((ipaddress.IPv4Address if self.kind == "A" else ipaddress.IPv6Address)(text))
        except ValueError:
            raise ApiError(f'value "{text}" must be an address of {"IPv4" if self.kind == "A" else "IPv6"}') from None

    def _host(self, text):
        host = self.domain if text.strip() == "@" else text.strip().lower().rstrip(".")
        if not HOST.fullmatch(host) or "." not in host:
            raise ApiError(f'value "{text.strip()}" must be a host name in full, such as mail.{self.domain}')
        return host

    def _number(self, text, most):
        number = text.partition(" ")[0]
        if not number.isdigit() or int(number) > most:
            raise ApiError(f'value "{text}" must begin with a number from 0 to {most}')
        return str(int(number))

    def _value_of(self, record):
        """What the API tells of a record, spelled as `values` spells it: its host names have no dot at the end, and the domain itself is @."""
        data = record["data"]
        if self.kind in ("CNAME", "MX"):
            data = self.domain if data == "@" else data.lower().rstrip(".")
        if self.kind == "MX":
            return f"{record['priority']} {data}"
        if self.kind == "CAA":
            return f"{record['flags']} {record['tag']} {_authority(data)}"
        return self._address(data) if self.kind == "AAAA" else data

    def _body(self, value):
        """What the API is told of a record: a host name must end in a dot, which it then keeps to itself."""
        body = {"type": self.kind, "name": self.name, "ttl": self.ttl, "data": value}
        if self.kind == "CNAME":
            body["data"] += "."
        elif self.kind == "MX":
            priority, host = value.split()
            body.update(priority=int(priority), data=f"{host}.")
        elif self.kind == "CAA":
            flags, tag, authority = value.split(None, 2)
            body.update(flags=int(flags), tag=tag, data=authority if tag == "iodef" else f"{authority}.")
        return body


def _authority(text):
    return text.strip('"').rstrip(".")
