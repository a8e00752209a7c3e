"""The droplets, keys and tags of a DigitalOcean account, without HTTP: a part of tests/fake_digitalocean.py."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

NAME = re.compile(r"[a-zA-Z0-9.-]+")
TAG = re.compile(r"[\w:-]{1,255}", re.ASCII)
SINCE = "2026-01-01T00:00:00Z"
KINDS = ("droplets", "actions", "keys", "domains", "records", "firewalls", "reserved_ips")


class Refusal(Exception):
    """An answer of 4xx: status and message, in the real API's words where they are known."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def not_found() -> Refusal:
    return Refusal(404, "The resource you were accessing could not be found.")


class Things:
    """What is in the account, by kind and id. What begins with _ is no part of an answer. Things become ready after so many looks, not after a time."""

    looks_until_completed = 1  # of an action, or a firewall
    actions_fail = False  # they end as errored, and firewalls as failed

    def __init__(self, state: dict | None = None) -> None:
        self.state = state or {"last_id": 1000, "tags": [], **{kind: {} for kind in KINDS}}

    def _find(self, kind: str, name: str) -> dict:
        if name not in self.state[kind]:
            raise not_found()
        return self.state[kind][name]

    def _id(self) -> int:
        self.state["last_id"] += 1
        return self.state["last_id"]

    def _region(self, slug: str) -> dict:
        return {"name": slug.upper(), "slug": slug, "features": ["private_networking", "ipv6"], "available": True, "sizes": []}


class Droplets(Things):
    """`on_create`, `on_rebuild` and `on_destroy` are called with the droplet, its public keys and its user data.

    What the first one answers becomes part of the droplet: its addresses `public_v4`, `private_v4` and `public_v6`, anything else below `fake`.
    """

    looks_until_active: int | None = 2  # None: never
    looks_until_address = 1  # more, until the public one is there beside the private one
    looks_until_gone = 0  # after it was destroyed
    listed_after = 0  # lists without a new droplet
    ignores_shutdown = False
    keys_are_known_after = 0  # attempts to make a droplet with them

    def __init__(self, state: dict | None = None) -> None:
        super().__init__(state)
        self.on_create: Callable[[dict], dict | None] = lambda _droplet: None
        self.on_rebuild: Callable[[dict], object] = lambda _droplet: None
        self.on_destroy: Callable[[dict], object] = lambda _droplet: None

    def list_droplets(self, query: dict) -> list[dict]:
        if "name" in query and "tag_name" in query:
            raise Refusal(422, "name and tag_name can not be combined.")
        found = []
        for droplet in self.state["droplets"].values():
            droplet["_lists"] += 1
            if droplet["_lists"] > self.listed_after and droplet["_leaves"] != 0:
                found.append(self._shown(droplet))
        if "name" in query:
            found = [droplet for droplet in found if droplet["name"].lower() == query["name"].lower()]
        if "tag_name" in query:
            found = [droplet for droplet in found if query["tag_name"] in droplet["tags"]]
        return found

    def create_droplet(self, body: dict) -> dict:
        for name in ("name", "size", "image"):
            if not body.get(name):
                raise Refusal(422, f"{name} is required.")
        if not NAME.fullmatch(body["name"]):
            raise Refusal(422, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
        if not all(TAG.fullmatch(tag) for tag in body.get("tags", [])):
            raise Refusal(422, "Tag name is invalid.")
        keys = self._keys(body.get("ssh_keys", []))
        droplet = {**self._new_droplet(body, self._id()), "_keys": keys, "_user_data": body.get("user_data", "")}
        answer = self.on_create(self._told_to_hook(droplet)) or {}
        for name in ("public_v4", "private_v4", "public_v6"):
            droplet["_addresses"][name] = answer.pop(name, droplet["_addresses"][name])
        if answer:
            droplet["fake"] = answer
        self.state["droplets"][str(droplet["id"])] = droplet
        self._add_tags(droplet["tags"])
        return self._shown(droplet)

    def get_droplet(self, droplet_id: str) -> dict:
        droplet = self._find("droplets", droplet_id)
        if droplet["_leaves"] == 0:
            del self.state["droplets"][droplet_id]
            raise not_found()
        droplet["_leaves"] -= droplet["_leaves"] > 0
        droplet["_looks"] += 1
        if droplet["status"] == "new" and self.looks_until_active is not None and droplet["_looks"] >= self.looks_until_active:
            droplet["status"] = "active"
        droplet["_active_looks"] += droplet["status"] != "new"
        return self._shown(droplet)

    def destroy_droplet(self, droplet_id: str) -> None:
        droplet = self._find("droplets", droplet_id)
        if droplet["_leaves"] >= 0:
            raise not_found()
        self.on_destroy(self._told_to_hook(droplet))
        droplet["_leaves"] = self.looks_until_gone
        for address in self.state["reserved_ips"].values():
            if address["droplet"] == droplet["id"]:
                address["droplet"] = None

    def list_actions(self, droplet_id: str) -> list[dict]:
        droplet = self._find("droplets", droplet_id)
        return [action for action in reversed(self.state["actions"].values()) if action["resource_id"] == droplet["id"]]

    def act(self, droplet_id: str, body: dict) -> dict:
        droplet = self._find("droplets", droplet_id)
        if any(action["status"] == "in-progress" for action in self.list_actions(droplet_id)):
            raise Refusal(422, "Droplet already has a pending event.")
        if body["type"] not in ("shutdown", "power_off", "power_on", "resize", "rebuild"):
            raise Refusal(422, "This action type is unknown to the fake.")
        if body["type"] == "resize" and droplet["status"] != "off":
            raise Refusal(422, "Droplet must be powered off before it can be resized.")
        action = {"id": self._id(), "status": "in-progress", "type": body["type"], "started_at": SINCE, "completed_at": None}
        action.update(resource_id=droplet["id"], resource_type="droplet", region_slug=droplet["region"]["slug"], _looks=0, _body=body)
        self.state["actions"][str(action["id"])] = action
        return action

    def get_action(self, action_id: str) -> dict:
        action = self._find("actions", action_id)
        action["_looks"] += 1
        if action["status"] == "in-progress" and action["_looks"] >= self.looks_until_completed:
            action.update(status="errored" if self.actions_fail else "completed", completed_at=SINCE)
            if not self.actions_fail:
                self._carry_out(action["_body"], self._find("droplets", str(action["resource_id"])))
        return action

    def _carry_out(self, body: dict, droplet: dict) -> None:
        kind = body["type"]
        if kind == "power_off" or (kind == "shutdown" and not self.ignores_shutdown):
            droplet["status"] = "off"
        elif kind == "power_on":
            droplet["status"] = "active"
        elif kind == "resize":
            droplet["size_slug"] = body["size"]
            droplet["size"] = {"slug": body["size"]}
        elif kind == "rebuild":
            droplet["image"] = self._image(body["image"])
            self.on_rebuild(self._told_to_hook(droplet))

    def _new_droplet(self, body: dict, number: int) -> dict:
        host = number % 250 + 1
        features = [name for name in ("backups", "monitoring", "ipv6") if body.get(name)]
        return {
            "id": number,
            "name": body["name"],
            "memory": 1024,
            "vcpus": 1,
            "disk": 25,
            "locked": False,
            "status": "new",
            "created_at": SINCE,
            "features": [*features, "private_networking"],
            "image": self._image(body["image"]),
            "size": {"slug": body["size"]},
            "size_slug": body["size"],
            "region": self._region(body.get("region") or "nyc3"),
            "tags": list(body.get("tags", [])),
            "vpc_uuid": body.get("vpc_uuid") or "760e09ef-dc84-11e8-981e-3cfdfeaae000",
            "_looks": 0,
            "_active_looks": 0,
            "_lists": 0,
            "_leaves": -1,
            "_addresses": {
                "public_v4": f"203.0.113.{host}",
                "private_v4": f"10.114.0.{host}",
                "public_v6": f"2001:db8::{host:x}" if body.get("ipv6") else None,
            },
        }

    def _image(self, image: object) -> dict:
        slug = image if isinstance(image, str) and not image.isdigit() else None
        number = int.from_bytes(hashlib.sha256(slug.encode()).digest()[:3], "big") if slug else int(image)
        return {"id": number, "name": str(image), "slug": slug, "public": slug is not None, "status": "available"}

    def _shown(self, droplet: dict) -> dict:
        """As the API tells it: no address while it is new, then the private one, a look later the public ones after it."""
        networks: dict = {"v4": [], "v6": []}
        addresses = droplet["_addresses"]
        if droplet["status"] != "new":
            networks["v4"].append({"ip_address": addresses["private_v4"], "netmask": "255.255.240.0", "gateway": "nil", "type": "private"})
        if droplet["_active_looks"] > self.looks_until_address:
            networks["v4"].append({"ip_address": addresses["public_v4"], "netmask": "255.255.240.0", "gateway": "203.0.113.1", "type": "public"})
            if addresses["public_v6"]:
                networks["v6"].append({"ip_address": addresses["public_v6"], "netmask": 64, "gateway": "2001:db8::1", "type": "public"})
        return {**droplet, "networks": networks}

    def _told_to_hook(self, droplet: dict) -> dict:
        return {**self._shown(droplet), "ssh_keys": droplet["_keys"], "user_data": droplet["_user_data"]}

    # Tags

    def create_tag(self, body: dict) -> dict:
        if not TAG.fullmatch(body.get("name", "")):
            raise Refusal(422, "Tag name is invalid.")
        self._add_tags([body["name"]])
        return {"name": body["name"], "resources": {"count": 0, "droplets": {"count": 0}}}

    def tag_resources(self, tag: str, body: dict) -> None:
        if tag not in self.state["tags"]:
            raise not_found()
        for resource in body["resources"]:
            droplet = self._find("droplets", resource["resource_id"])
            droplet["tags"] = list(dict.fromkeys([*droplet["tags"], tag]))

    def _add_tags(self, tags: list[str]) -> None:
        self.state["tags"] += [tag for tag in tags if tag not in self.state["tags"]]

    # SSH keys

    def list_keys(self, _query: dict) -> list[dict]:
        return list(self.state["keys"].values())

    def create_key(self, body: dict) -> dict:
        try:
            _kind, blob = body["public_key"].split()[:2]
            digest = hashlib.md5(base64.b64decode(blob, validate=True), usedforsecurity=False).hexdigest()
        except ValueError:
            raise Refusal(422, "Key invalid, key should be of the format `type key [comment]`") from None
        fingerprint = ":".join(re.findall("..", digest))
        if any(key["fingerprint"] == fingerprint for key in self.state["keys"].values()):
            raise Refusal(422, "SSH Key is already in use on your account")
        key = {"id": self._id(), "fingerprint": fingerprint, "public_key": body["public_key"], "name": body["name"]}
        self.state["keys"][str(key["id"])] = key
        return key

    def delete_key(self, key_id: str) -> None:
        self._find("keys", key_id)
        del self.state["keys"][key_id]

    def _keys(self, wanted: list) -> list[str]:
        known = {name: key["public_key"] for key in self.state["keys"].values() for name in (key["id"], key["fingerprint"])}
        unknown = [str(key) for key in wanted if key not in known]
        if unknown or (wanted and self.keys_are_known_after):
            self.keys_are_known_after = max(0, self.keys_are_known_after - 1)
            raise Refusal(422, f"{', '.join(unknown or map(str, wanted))} are invalid key identifiers for Droplet creation.")
        return [known[key] for key in wanted]
