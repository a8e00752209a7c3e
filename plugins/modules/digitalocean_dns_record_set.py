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

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, run_module
from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import ApiError
from ansible_collections.shortstop.django.plugins.module_utils.dns_records import SCOPES, RecordSet

ABOUT = 'domain "{domain}": {type} of "{name}"'
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
