"""What is to be true of each tiny project once it is live, asked on its server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

from tiny import STYLESHEET, Tiny

VISIT = (Path(__file__).parent / "visit.py").read_text(encoding="utf-8")
INSIDE = """
import json, os
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http.request import validate_host
try:
    vendor = connection.vendor
except ImproperlyConfigured:
    vendor = ""
print("inside " + json.dumps({
    "debug": settings.DEBUG,
    "key": settings.SECRET_KEY,
    "vendor": vendor,
    "own host": validate_host(DOMAIN, settings.ALLOWED_HOSTS),
    "foreign host": validate_host("foreign.example.org", settings.ALLOWED_HOSTS),
}))
"""
SUPERUSER = (
    "from django.contrib.auth import get_user_model as m; U = m(); "
    "U.objects.filter(username='ada').exists() or U.objects.create_superuser('ada', 'ada@example.com', 'correct horse battery')"
)


def expect(tiny: Tiny, domain: str, run: Callable[[str], str]) -> None:
    """`run` gives a shell command to the server as root, and returns what it prints."""
    manage = f"shortstop manage {tiny.name} shell -v 0 -c"
    told = run(f"shortstop settings {tiny.name}")
    assert [part for part in tiny.told if part not in told] == [], told
    said = run(f"{manage} {shlex.quote(INSIDE.replace('DOMAIN', repr(domain)))}")
    inside = json.loads(next(line for line in said.splitlines() if line.startswith("inside ")).removeprefix("inside "))
    key = run(f"cat /etc/shortstop/generated/{tiny.name}.secret_key").split()[0]
    assert (inside["debug"] or False, inside["key"] == key, inside["own host"], inside["foreign host"]) == (False, True, True, False)
    assert inside["vendor"] in (tiny.database, "unknown" if not tiny.database else tiny.database)
    assert key not in told

    superuser = tiny.keys.get("superuser", {"username": "ada", "password": "correct horse battery"})
    if tiny.has_login and "superuser" not in tiny.keys:
        run(f"{manage} {shlex.quote(SUPERUSER)}")
    words = [
        domain,
        *tiny.pages,
        *(["--upload"] if tiny.has_upload else []),
        *(["--login", superuser["username"], superuser["password"]] if tiny.has_login else []),
    ]
    met = json.loads(run(f"printf %s {shlex.quote(VISIT)} | python3 - {shlex.join(words)}"))
    assert met["page"] == 200
    assert met["stylesheet"] == [200, "text/css", STYLESHEET]
    assert met["posted"] == [302, True]
    assert met["posted without a token"] == 403
    if tiny.has_upload:
        assert met["upload"] == [302, "uploaded words"]
    if tiny.has_login:
        assert met["login"] == [302, True]
    for path, part in tiny.pages.items():
        assert part in met[path]
