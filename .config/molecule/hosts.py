#!/usr/bin/env python3
"""The hosts of a scenario as an inventory: one of each release of RELEASES, unless the scenario's own inventory names others."""

import json
import os
from pathlib import Path

own = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"], "inventory/hosts.py").exists()
releases = os.environ.get("RELEASES", "bookworm trixie").split()
hosts = [] if own else [f"{os.environ['MOLECULE_SCENARIO_NAME']}-{release}" for release in releases]
print(json.dumps({"web": {"hosts": hosts}, "database": {"hosts": hosts}, "_meta": {"hostvars": {}}}))
