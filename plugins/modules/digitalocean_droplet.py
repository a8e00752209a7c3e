#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_droplet
short_description: Keep a droplet
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Finds a droplet by its name and O(tag), makes it where it is missing, and waits until it is active and has a public IPv4 address.
  - What costs a server or its data, or makes a second one, stops with a sentence unless O(confirm) names the droplet.
  - "The token needs these scopes: C(droplet:read), C(actions:read), C(image:read), C(regions:read), C(sizes:read), C(ssh_key:read) and
    C(tag:read), and C(droplet:create) and C(tag:create) to make a droplet, C(droplet:update) to tag, resize, rebuild or switch on,
    C(droplet:delete) to destroy. With O(vpc_uuid), C(vpc:read), too."
options:
  name:
    description: What the droplet is called. Capitals make no difference.
    type: str
    required: true
  tag:
    description: The tag that tells the droplets of Shortstop from others in the account. It is always among the tags.
    type: str
    default: shortstop
  tags:
    description: Further tags, of letters, digits, colons, dashes and underscores. One that is missing is added, and none is removed.
    type: list
    elements: str
    default: []
  region:
    description: Where it is, such as V(fra1). Required when O(state=present). A droplet cannot move.
    type: str
  size:
    description: Its size, such as V(s-1vcpu-1gb). Required when O(state=present). With O(confirm), another size is resized to, which takes minutes.
    type: str
  image:
    description:
      - What it runs, such as V(debian-13-x64), or the id of an image or a snapshot. Required when O(state=present).
      - With O(confirm), a droplet of another image is rebuilt from this one. All that is on its disk is lost, and its addresses stay.
      - DigitalOcean moves such a name to each new edition of the image. A droplet whose edition has lost the name counts as having it.
    type: str
  resize_disk:
    description: Whether a resize enlarges the disk, too. A droplet with a larger disk cannot go back.
    type: bool
    default: false
  ssh_keys:
    description: Ids or fingerprints of keys in the account that root lets in. Only used when the droplet is made.
    type: list
    elements: str
    default: []
  monitoring:
    description: Whether DigitalOcean's agent reports figures. Only used when the droplet is made.
    type: bool
    default: false
  ipv6:
    description: Whether it has an IPv6 address. Only used when the droplet is made.
    type: bool
    default: false
  backups:
    description: Whether DigitalOcean keeps backups, which cost extra. Only used when the droplet is made.
    type: bool
    default: false
  vpc_uuid:
    description: The private network that it is in. By default the region's own. Only used when the droplet is made.
    type: str
  user_data:
    description: What cloud-init does at the first boot, at most 64 KiB. Only used when the droplet is made. Every process of the droplet can read it.
    type: str
  state:
    description: Whether there is to be such a droplet.
    type: str
    choices: [present, absent]
    default: present
  confirm:
    description: The droplet's name once more. Without it, none is destroyed, rebuilt, resized or switched on, and no second one of that name is made.
    type: str
    default: ""
extends_documentation_fragment: shortstop.django.digitalocean
attributes:
  check_mode:
    description: Reports what would change, and waits for nothing.
    support: full
  diff_mode:
    description: Shows the droplet before and after.
    support: full
"""

EXAMPLES = r"""
- name: Make a droplet
  shortstop.django.digitalocean_droplet:
    name: web
    region: fra1
    size: s-1vcpu-1gb
    image: debian-13-x64
    ssh_keys: ["{{ key.ssh_key.fingerprint }}"]
    tags: ["shortstop:web"]
    ipv6: true
  register: made

- name: Destroy it
  shortstop.django.digitalocean_droplet:
    name: web
    state: absent
    confirm: web
"""

RETURN = r"""
droplet:
  description: The droplet. In check mode, one that would be made has neither id nor addresses.
  returned: when there is one
  type: dict
  contains:
    id:
      description: Its number.
      type: int
    name:
      description: What it is called.
      type: str
    status:
      description: One of C(new), C(active), C(off) and C(archive).
      type: str
    region:
      description: Where it is.
      type: str
    size:
      description: Its size.
      type: str
    image:
      description: What it was made of, by name, or by id where that image has no name any more.
      type: str
    tags:
      description: Its tags.
      type: list
      elements: str
    public_v4:
      description: Its public IPv4 address.
      type: str
    private_v4:
      description: Its IPv4 address in the private network.
      type: str
    public_v6:
      description: Its IPv6 address, where it has one.
      type: str
    vpc_uuid:
      description: The private network that it is in.
      type: str
    created_at:
      description: When it was made.
      type: str
created:
  description: Whether it was made just now, so that nobody has seen its host key before.
  returned: always
  type: bool
resized:
  description: Whether it has another size now.
  returned: always
  type: bool
rebuilt:
  description: Whether it was rebuilt, so that it has another host key now.
  returned: always
  type: bool
"""

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, ensure_tag, require_confirmation, run_module, summary
from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import ApiError, TookTooLong

ABOUT = 'droplet "{name}"'
SCOPES = (
    "droplet:read",
    "droplet:create",
    "droplet:update",
    "droplet:delete",
    "actions:read",
    "image:read",
    "regions:read",
    "sizes:read",
    "ssh_key:read",
    "tag:read",
    "tag:create",
)
ARGUMENTS = {
    **OPTIONS,
    "name": {"type": "str", "required": True},
    "tag": {"type": "str", "default": "shortstop"},
    "tags": {"type": "list", "elements": "str", "default": []},
    "region": {"type": "str"},
    "size": {"type": "str"},
    "image": {"type": "str"},
    "resize_disk": {"type": "bool", "default": False},
    "ssh_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "monitoring": {"type": "bool", "default": False},
    "ipv6": {"type": "bool", "default": False},
    "backups": {"type": "bool", "default": False},
    "vpc_uuid": {"type": "str"},
    "user_data": {"type": "str", "no_log": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "confirm": {"type": "str", "default": ""},
}
SHUTDOWN_LIMIT = 60  # seconds that its system has to end by itself
NOTHING_DONE = {"created": False, "resized": False, "rebuilt": False}


class Droplets:
    """The droplets of one name."""

    def __init__(self, api, options):
        self.api, self.options = api, options
        self.name, self.own_tag = options["name"], options["tag"]
        self.tags = list(dict.fromkeys([self.own_tag, *options["tags"]]))

    def confirm(self, danger):
        require_confirmation(self.options["confirm"], self.name, danger)

    def find(self):
        """Ours, or None, and those that carry our name without our tag."""
        same_name = [droplet for droplet in self.api.list_all("/v2/droplets", "droplets", name=self.name) if droplet["name"].lower() == self.name.lower()]
        ours = [droplet for droplet in same_name if not _missing([self.own_tag], droplet)]
        if len(ours) > 1:
            raise ApiError(f'there are {len(ours)} of this name with tag "{self.own_tag}" ({_told(ours)}); destroy or rename all but one of them')
        return (ours or [None])[0], [droplet for droplet in same_name if droplet not in ours]

    def create(self):
        wanted = {name: self.options[name] for name in ("name", "region", "size", "monitoring", "ipv6", "backups", "vpc_uuid", "user_data")}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        wanted.update(image=_number(self.options["image"]), ssh_keys=[_number(key) for key in self.options["ssh_keys"]], tags=self.tags)
        return self.api.create("/v2/droplets", "droplet", wanted, lambda: self.find()[0])

    def wait(self, droplet):
        """Waits until it can be reached."""

        def look():
            now = self.read(droplet)
            if now["status"] != "active":
                return None, f"it is {now['status']}"
            return (now, "") if summary(now)["public_v4"] else (None, "it has no public address yet")

        return self.api.wait("it is active and has a public address", look)

    def read(self, droplet):
        return self.api.get(f"/v2/droplets/{droplet['id']}")["droplet"]

    def tag(self, droplet, tags):
        for tag in tags:
            ensure_tag(self.api, tag)
            self.api.post(f"/v2/tags/{tag}/resources", {"resources": [{"resource_id": str(droplet["id"]), "resource_type": "droplet"}]})

    def act(self, droplet, kind, **details):
        """Has something done with it, and waits for the end of that."""
        place = f"/v2/droplets/{droplet['id']}/actions"
        earlier = {action["id"] for action in self.api.list_all(place, "actions")}

        def find():
            return next((action for action in self.api.list_all(place, "actions") if action["id"] not in earlier and action["type"] == kind), None)

        def look():
            status = self.api.get(f"/v2/actions/{action['id']}")["action"]["status"]
            if status == "errored":
                raise ApiError(f"the API tried {kind}, and failed; look into the control panel")
            return (True if status == "completed" else None), f"that is {status}"

        action = self.api.create(place, "action", {"type": kind, **details}, find)
        self.api.wait(f"{kind} is completed", look)

    def resize(self, droplet):
        if droplet["status"] != "off":
            self.switch_off(droplet)
        try:
            self.act(droplet, "resize", size=self.options["size"], disk=self.options["resize_disk"])
        except ApiError:
            self.act(droplet, "power_on")
            raise
        self.act(droplet, "power_on")

    def switch_off(self, droplet):
        """Lets its system end in good order, and takes its power where that takes too long."""

        def look():
            return (True if self.read(droplet)["status"] == "off" else None), "it still runs"

        self.act(droplet, "shutdown")
        try:
            self.api.wait("it is off", look, SHUTDOWN_LIMIT)
        except TookTooLong:
            self.act(droplet, "power_off")

    def destroy(self, droplet):
        place = f"/v2/droplets/{droplet['id']}"
        self.api.delete(place)
        self.api.wait("it is gone", lambda: (True if self.api.get_if_there(place) is None else None, "it is still there"))


def apply(api, options, check_mode):
    droplets = Droplets(api, options)
    ours, others = droplets.find()
    if options["state"] == "absent":
        return _absent(droplets, ours, check_mode)
    for name in ("region", "size", "image"):
        if not options[name]:
            raise ApiError(f"{name} is missing; it is needed for state=present")
    if ours:
        return _change(droplets, ours, check_mode)
    return _create(droplets, others, check_mode)


def _absent(droplets, ours, check_mode):
    if ours:
        droplets.confirm(f"it ({_told([ours])}) would be destroyed, and all that is on its disk lost")
        if not check_mode:
            droplets.destroy(ours)
    return {**NOTHING_DONE, "changed": bool(ours), "diff": {"before": _shown(summary(ours)) if ours else {}, "after": {}}}


def _create(droplets, others, check_mode):
    if others:
        droplets.confirm(f'there is one without tag "{droplets.own_tag}" ({_told(others)}); tag it to have it managed, since another would be a second one')
    now = {**{name: droplets.options[name] for name in ("name", "region", "size", "image", "vpc_uuid")}, "tags": sorted(droplets.tags)}
    now.update(dict.fromkeys(("id", "status", "public_v4", "private_v4", "public_v6", "created_at")))
    if not check_mode:
        now = summary(droplets.wait(droplets.create()))
    return {**NOTHING_DONE, "changed": True, "created": True, "droplet": now, "diff": {"before": {}, "after": _shown(now)}}


def _change(droplets, ours, check_mode):
    options, before = droplets.options, summary(ours)
    if before["region"] != options["region"]:
        raise ApiError(f"it is in {before['region']}, not in {options['region']}, and a droplet cannot move; make one of another name")
    resized, rebuilt, off = before["size"] != options["size"], _has_other_image(ours, options["image"]), before["status"] == "off"
    dangers = []
    if resized:
        dangers.append(f"its size is {before['size']}, not {options['size']}: it would be switched off, resized and switched on")
    if rebuilt:
        dangers.append(f"its image is {before['image']}, not {options['image']}: it would be rebuilt, and all that is on its disk lost")
    if off and not resized:
        dangers.append("it is switched off, and would be switched on")
    if dangers:
        droplets.confirm("; ".join(dangers))
    missing = _missing(droplets.tags, ours)
    now = {**before, "tags": sorted([*before["tags"], *missing])}
    now.update({**({"size": options["size"]} if resized else {}), **({"image": options["image"]} if rebuilt else {}), **({"status": "active"} if off else {})})
    if not check_mode:
        droplets.tag(ours, missing)
        if resized:
            droplets.resize(ours)
        elif off:
            droplets.act(ours, "power_on")
        if rebuilt:
            droplets.act(ours, "rebuild", image=_number(options["image"]))
        now = summary(droplets.wait(ours))
    changed = bool(dangers or missing)
    result = {**NOTHING_DONE, "changed": changed, "resized": resized, "rebuilt": rebuilt, "droplet": now}
    return {**result, "diff": {"before": _shown(before), "after": _shown(now if changed else before)}}


def _has_other_image(droplet, wanted):
    """Whether that is certain: an edition that is not the newest has lost its name."""
    image = droplet["image"]
    if wanted.isdigit():
        return str(image["id"]) != wanted
    return bool(image.get("slug")) and image["slug"] != wanted


def _missing(tags, droplet):
    """Which it does not carry. A tag is the same in capitals."""
    carried = {tag.lower() for tag in droplet["tags"]}
    return [tag for tag in tags if tag.lower() not in carried]


def _told(found):
    return ", ".join(f"id {droplet['id']}, {summary(droplet)['public_v4'] or 'no address'}" for droplet in found)


def _shown(droplet):
    return {name: droplet[name] for name in ("name", "region", "size", "image", "tags", "status")}


def _number(text):
    """Ids are numbers to the API, and all else is text."""
    return int(text) if text.isdigit() else text


def main():
    run_module(ARGUMENTS, ABOUT, SCOPES, apply)


if __name__ == "__main__":
    main()
