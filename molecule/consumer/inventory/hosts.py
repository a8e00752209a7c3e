#!/usr/bin/env python3
"""One host, of the newest of RELEASES: what is proven here is the artifact, and what the roles do on each release is proven elsewhere."""

import json
import os

hosts = [f"consumer-{os.environ.get('RELEASES', 'bookworm trixie').split()[-1]}"]
print(json.dumps({"web": {"hosts": hosts}, "database": {"hosts": hosts}, "_meta": {"hostvars": {}}}))
