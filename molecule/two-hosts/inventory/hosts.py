#!/usr/bin/env python3
"""The web server on the newest of RELEASES, the database on the oldest, and a stranger who belongs to neither."""

import json
import os

releases = os.environ.get("RELEASES", "bookworm trixie").split()
web, database, stranger = f"two-hosts-web-{releases[-1]}", f"two-hosts-database-{releases[0]}", f"two-hosts-stranger-{releases[-1]}"
groups = {"web": [web], "database": [database], "fresh": [stranger]}
print(json.dumps({**{name: {"hosts": hosts} for name, hosts in groups.items()}, "_meta": {"hostvars": {}}}))
