#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_dns_record_set
short_description: Keep all DNS records of one name and type
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - A record set is all records of one name and one type. It is made to hold exactly the values that are given. Records of other
    names and other types are left alone.
  - A record whose value is not wanted any more is changed into one that is missing, so that the name is answered for all the time.
  - The domain must be in the account; see M(shortstop.django.digitalocean_domain).
  - "The token needs these scopes: C(domain:read), C(domain:create), C(domain:update), C(domain:delete)."
options:
  domain:
    description: The domain, without a dot at its end.
    type: str
    required: true
  name:
    description:
      - The name whose records these are, in full, such as C(www.example.com).
      - One label, such as V(www) or V(*), is below the domain, and V(@) is the domain itself.
    type: str
    default: "@"
  type:
    description: The type of the records.
    type: str
    choices: [A, AAAA, CAA, CNAME, MX, TXT]
    required: true
  values:
    description:
      - All values, in any order. Required when O(state=present).
      - An address for V(A) and V(AAAA), one host name for V(CNAME), a text without further quotes for V(TXT), C(10 mail.example.com) for
        V(MX), C(0 issue letsencrypt.org) for V(CAA). A host name is meant in full, with a dot at its end or without.
    type: list
    elements: str
  ttl:
    description: For how many seconds an answer may be remembered, at least 30.
    type: int
    default: 1800
  state:
    description: Whether there are to be such records. V(absent) removes all of this name and type, or O(values) alone, if they are given.
    type: str
    choices: [present, absent]
    default: present
  expected_values:
    description:
      - Where the name may point today. When it has any other value that would be lost, the set is left alone and the task fails,
        so that a name does not move away from a host that serves it.
      - By default it is not looked at where the name points.
    type: list
    elements: str
  confirm:
    description: The name in full, or the domain, to change the set whatever O(expected_values) says.
    type: str
    default: ""
extends_documentation_fragment: shortstop.django.digitalocean
attributes:
  check_mode:
    description: Reports what would change. The domain must be in the account.
    support: full
  diff_mode:
    description: Shows each record before and after.
    support: full
"""

EXAMPLES = r"""
- name: Point example.com and www.example.com at a droplet
  shortstop.django.digitalocean_dns_record_set:
    domain: example.com
    name: "{{ item }}"
    type: A
    values: ["{{ made.droplet.public_v4 }}"]
  loop: [example.com, www.example.com]

- name: Let one authority issue certificates
  shortstop.django.digitalocean_dns_record_set:
    domain: example.com
    type: CAA
    values: [0 issue letsencrypt.org]
"""

RETURN = r"""
fqdn:
  description: The name in full.
  returned: success
  type: str
  sample: www.example.com
records:
  description: The set as it is now, or as it would be.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name in full.
      type: str
    type:
      description: The type.
      type: str
    value:
      description: The value, as O(values) has it.
      type: str
    ttl:
      description: Seconds.
      type: int
"""

import ipaddress
import re

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, ApiError, run_module

ABOUT = 'domain "{domain}": {type} of "{name}"'
SCOPES = ("domain:read", "domain:create", "domain:update", "domain:delete")
ARGUMENTS = {
    **OPTIONS,
    "domain": {"type": "str", "required": True},
    "name": {"type": "str", "default": "@"},
    "type": {"type": "str", "choices": ["A", "AAAA", "CAA", "CNAME", "MX", "TXT"], "required": True},
    "values": {"type": "list", "elements": "str"},
    "ttl": {"type": "int", "default": 1800},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "expected_values": {"type": "list", "elements": "str"},
    "confirm": {"type": "str", "default": ""},
}
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


def apply(api, options, check_mode):
    records = RecordSet(api, options)
    absent = options["state"] == "absent"
    given = records.values(options["values"] or [])
    wanted = [] if absent else given
    if not wanted and not absent:
        raise ApiError("there are no values; give some, or say state=absent")
    if records.kind == "CNAME" and len(wanted) > 1:
        raise ApiError("a name has one CNAME; give one value")
    current = records.read()
    if current is None and not absent:
        raise ApiError("the domain is not in this account; add it with digitalocean_domain, or see whose token this is")
    current = current or []
    if absent and given:
        return _without(records, current, given, check_mode)
    kept = {}
    for record in current:
        if record["value"] in wanted:
            kept.setdefault(record["value"], record)
    surplus = [record for record in current if record not in kept.values()]
    missing = [value for value in wanted if value not in kept]
    stale = [record for record in kept.values() if record["ttl"] != records.ttl]
    if options["expected_values"] is not None and options["confirm"] not in (records.fqdn, records.domain):
        _refuse_to_move(records, surplus, wanted, records.values(options["expected_values"]))

    before = [records.told(record["value"], record["ttl"]) for record in current]
    after = [records.told(value, records.ttl) for value in wanted]
    if not check_mode:
        known = {record["id"] for record in current}
        for record in stale:
            records.change(record, record["value"])
        for value in missing:
            if surplus:
                records.change(surplus.pop(0), value)
            else:
                records.add(value, known)
        for record in surplus:
            records.remove(record)
    return {
        "changed": records.lines(before) != records.lines(after),
        "diff": {"before": records.lines(before), "after": records.lines(after)},
        "fqdn": records.fqdn,
        "records": after,
    }


def _without(records, current, values, check_mode):
    """Takes some values from the set, and leaves the others as they are."""
    gone = [record for record in current if record["value"] in values]
    told = [records.told(record["value"], record["ttl"]) for record in current if record not in gone]
    if not check_mode:
        for record in gone:
            records.remove(record)
    before = [*told, *(records.told(record["value"], record["ttl"]) for record in gone)]
    return {"changed": bool(gone), "diff": {"before": records.lines(before), "after": records.lines(told)}, "fqdn": records.fqdn, "records": told}


def _refuse_to_move(records, surplus, wanted, expected):
    surprising = [record["value"] for record in surplus if record["value"] not in [*wanted, *expected]]
    if surprising:
        raise ApiError(
            f"it has {', '.join(surprising)} today, where {', '.join(expected) or 'nothing'} was expected; if it is to be"
            f" {', '.join(wanted) or 'gone'}, say confirm={records.fqdn}"
        )


def main():
    run_module(ARGUMENTS, ABOUT, SCOPES, apply)


if __name__ == "__main__":
    main()
