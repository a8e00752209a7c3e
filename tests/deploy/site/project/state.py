"""The files that the commands leave for a drill to read."""

import json

from django.conf import settings


def append(name: str, **what: object) -> None:
    """Add a JSON line, in one write, so that two processes do not mix theirs."""
    line = json.dumps({"release": settings.SHORTSTOP_RELEASE, **what}) + "\n"
    with (settings.STATE_DIR / name).open("a", encoding="utf-8") as file:
        file.write(line)
