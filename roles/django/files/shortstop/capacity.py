"""How many deploys this server has room for at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

MEMORY_INFO = Path("/proc/meminfo")
MEMORY = 512 << 10  # kB that one deploy may need: the new release's workers beside the live one's, and the project's checks
AVAILABLE = re.compile(r"^MemAvailable:\s*(\d+) kB$", re.MULTILINE)


def at_once() -> int:
    """One for each core, as far as the memory reaches, and at least one."""
    found = AVAILABLE.search(MEMORY_INFO.read_text(encoding="ascii"))
    return max(1, min(len(os.sched_getaffinity(0)), int(found[1]) // MEMORY if found else 1))
