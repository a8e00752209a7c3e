"""The domains, firewalls and reserved addresses of a DigitalOcean account, without HTTP: a part of tests/fake_digitalocean.py."""

from __future__ import annotations

import ipaddress
import re
import uuid

from fake_droplets import SINCE, Droplets, Refusal, not_found

FIREWALL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]+")
LOWEST_TTL = 30
NULL_RECORD = {"priority": None, "port": None, "weight": None, "flags": None, "tag": None}


class Account(Droplets):
    """All that is in the account."""

    looks_until_unlocked = 1  # of a reserved address
    reserved_network = "198.51.100"

    # Domains and their records

    def list_domains(self, _query: dict) -> list[dict]:
        return list(self.state["domains"].values())

    def create_domain(self, body: dict) -> dict:
        name = body["name"]
        if name in self.state["domains"]:
            raise Refusal(422, f"domain '{name}': name already exists")
        self.state["domains"][name] = {"name": name, "ttl": 1800, "zone_file": None}
        self._add_record(name, {"type": "SOA", "name": "@", "data": "1800"})
        for number in (1, 2, 3):
            self._add_record(name, {"type": "NS", "name": "@", "data": f"ns{number}.digitalocean.com."})
        if body.get("ip_address"):
            self._add_record(name, {"type": "A", "name": "@", "data": body["ip_address"]})
        return self.state["domains"][name]

    def get_domain(self, name: str) -> dict:
        return self._find("domains", name)

    def delete_domain(self, name: str) -> None:
        self._find("domains", name)
        del self.state["domains"][name]
        self.state["records"] = {number: record for number, record in self.state["records"].items() if record["_domain"] != name}

    def list_records(self, domain: str, query: dict) -> list[dict]:
        self._find("domains", domain)
        found = [record for record in self.state["records"].values() if record["_domain"] == domain]
        if "type" in query:
            found = [record for record in found if record["type"] == query["type"]]
        if "name" in query:  # in full: nothing is ever called @.example.com
            found = [record for record in found if query["name"] == (domain if record["name"] == "@" else f"{record['name']}.{domain}")]
        return found

    def create_record(self, domain: str, body: dict) -> dict:
        self._find("domains", domain)
        same_name = [record for record in self.list_records(domain, {}) if record["name"] == body["name"]]
        if any("CNAME" in (record["type"], body["type"]) for record in same_name):
            raise Refusal(422, "CNAME records cannot share a name with other records")
        return self._add_record(domain, body)

    def update_record(self, domain: str, number: str, body: dict) -> dict:
        record = self._record(domain, number)
        record.update(self._checked_record(domain, body))
        return record

    def delete_record(self, domain: str, number: str) -> None:
        self._record(domain, number)
        del self.state["records"][number]

    def _record(self, domain: str, number: str) -> dict:
        record = self._find("records", number)
        if record["_domain"] != domain:
            raise not_found()
        return record

    def _add_record(self, domain: str, body: dict) -> dict:
        record = {"id": self._id(), **self._checked_record(domain, body), "_domain": domain}
        self.state["records"][str(record["id"])] = record
        return record

    def _checked_record(self, domain: str, body: dict) -> dict:
        kind, data, ttl = body["type"], body["data"], body.get("ttl", 1800)
        if ttl < LOWEST_TTL:
            raise Refusal(422, f"Ttl must be greater than or equal to {LOWEST_TTL}")
        if kind in ("A", "AAAA"):
            version = 4 if kind == "A" else 6
            try:
                if ipaddress.ip_address(data).version != version:
                    raise ValueError
            except ValueError:
                raise Refusal(422, f"Data is not a valid IPv{version} address") from None
        if kind in ("CNAME", "MX", "NS") or (kind == "CAA" and body["tag"] != "iodef"):
            if data != "@" and not data.endswith("."):
                raise Refusal(422, "Data needs to end with a dot (.)")
            data = "@" if data == f"{domain}." else data.rstrip(".")
        given = {name: body[name] for name in NULL_RECORD if name in body}
        return {"type": kind, "name": body["name"], "data": data, "ttl": ttl, **NULL_RECORD, **given}

    # Firewalls

    def list_firewalls(self, _query: dict) -> list[dict]:
        return list(self.state["firewalls"].values())

    def create_firewall(self, body: dict) -> dict:
        if not FIREWALL_NAME.fullmatch(body["name"]):
            raise Refusal(422, "name is invalid")
        if any(firewall["name"] == body["name"] for firewall in self.state["firewalls"].values()):
            raise Refusal(409, "duplicate name")
        firewall = {"id": str(uuid.UUID(int=self._id())), "created_at": SINCE, **self._checked_firewall(body)}
        self.state["firewalls"][firewall["id"]] = firewall
        return firewall

    def get_firewall(self, firewall_id: str) -> dict:
        firewall = self._find("firewalls", firewall_id)
        firewall["_looks"] += 1
        if firewall["_looks"] >= self.looks_until_completed and firewall["status"] == "waiting":
            firewall.update(status="failed" if self.actions_fail else "succeeded", pending_changes=[])
        return firewall

    def update_firewall(self, firewall_id: str, body: dict) -> dict:
        firewall = self._find("firewalls", firewall_id)
        firewall.update(self._checked_firewall(body))
        return firewall

    def delete_firewall(self, firewall_id: str) -> None:
        self._find("firewalls", firewall_id)
        del self.state["firewalls"][firewall_id]

    def _checked_firewall(self, body: dict) -> dict:
        rules = {}
        for direction, targets in (("inbound_rules", "sources"), ("outbound_rules", "destinations")):
            rules[direction] = [self._checked_rule(rule, targets) for rule in body.get(direction) or []]
        self._known_tags(body.get("tags") or [])
        behind = [{"droplet_id": number, "removing": False, "status": "waiting"} for number in body.get("droplet_ids") or []]
        return {
            "name": body["name"],
            **rules,
            "tags": body.get("tags") or [],
            "droplet_ids": body.get("droplet_ids") or [],
            "status": "waiting",
            "pending_changes": behind,
            "_looks": 0,
        }

    def _checked_rule(self, rule: dict, targets: str) -> dict:
        ports = rule.get("ports")
        if (rule["protocol"] == "icmp") is (ports is not None) or ports in ("", "0"):
            raise Refusal(422, "You must specify a positive value for ports.")
        if not any(rule[targets].values()):
            raise Refusal(422, f"{targets} are missing.")
        self._known_tags(rule[targets].get("tags", []))
        return {"protocol": rule["protocol"], "ports": "0" if ports in (None, "all") else ports, targets: rule[targets]}

    def _known_tags(self, tags: list[str]) -> None:
        for tag in tags:
            if tag not in self.state["tags"]:
                raise Refusal(422, f"tag {tag} does not exist")

    # Reserved addresses

    def list_reserved_ips(self, _query: dict) -> list[dict]:
        return [self.get_reserved_ip(ip) for ip in self.state["reserved_ips"]]

    def create_reserved_ip(self, body: dict) -> dict:
        droplet = self._find("droplets", str(body["droplet_id"])) if body.get("droplet_id") else None
        slug = droplet["region"]["slug"] if droplet else body["region"]
        ip = f"{self.reserved_network}.{len(self.state['reserved_ips']) + 1}"
        self.state["reserved_ips"][ip] = {"ip": ip, "region": self._region(slug), "droplet": None, "locked": False, "_looks": 0, "_next": None}
        if droplet:
            self._lead(ip, droplet["id"])
        return self._shown_address(self.state["reserved_ips"][ip])

    def get_reserved_ip(self, ip: str) -> dict:
        address = self._find("reserved_ips", ip)
        address["_looks"] += 1
        if address["locked"] and address["_looks"] >= self.looks_until_unlocked:
            address.update(locked=False, droplet=address["_next"])
        return self._shown_address(address)

    def release_reserved_ip(self, ip: str) -> None:
        if self._find("reserved_ips", ip)["droplet"]:
            raise Refusal(422, "assigned FLIP cannot be released")
        del self.state["reserved_ips"][ip]

    def act_on_reserved_ip(self, ip: str, body: dict) -> dict:
        address = self._find("reserved_ips", ip)
        if address["locked"]:
            raise Refusal(422, "Droplet already has a pending event.")
        if body["type"] == "assign":
            self._find("droplets", str(body["droplet_id"]))
        self._lead(ip, body["droplet_id"] if body["type"] == "assign" else None)
        return {"id": self._id(), "status": "in-progress", "type": f"{body['type']}_ip", "started_at": SINCE, "resource_type": "reserved_ip"}

    def _lead(self, ip: str, droplet_id: int | None) -> None:
        self.state["reserved_ips"][ip].update(locked=True, _looks=0, _next=droplet_id)

    def _shown_address(self, address: dict) -> dict:
        droplet = self.state["droplets"].get(str(address["droplet"]))
        return {**address, "droplet": self._shown(droplet) if droplet else None}
