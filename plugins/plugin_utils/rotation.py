# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which secrets of a site can be rotated, and what stands in the way, a sentence each. No sentence holds a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.shortstop.django.plugins.plugin_utils.site_values import FALLBACKS

KEY = "DJANGO_SECRET_KEY"
MADE_HERE = re.compile(r"[A-Za-z0-9_-]+")  # what module secret_key makes
STAND_IN = "-rotating"  # ends the name of the role that role postgres makes for the time of a rotation


def rotation_errors(site: dict, what: str, live: dict[str, str]) -> list[str]:
    """Say why these secrets of a site cannot be rotated now; an empty list means that they can.

    `what` is "secret_key", "database_password" or both, separated by a comma, and `live` the environment of the live release, empty where nothing is live.
    """
    say = f'site "{site["name"]}": '
    if not live:
        return [f"{say}nothing of it is live yet, so there is nothing to rotate; release it first"]
    asked = re.findall(r"[^,\s]+", what)
    errors = [*(_key_errors(site, live) if "secret_key" in asked else ()), *(_password_errors(site, live) if "database_password" in asked else ())]
    return [say + error for error in errors]


def _key_errors(site: dict, live: dict[str, str]) -> Iterator[str]:
    given, fallbacks = site["environment"].get(KEY), site["environment"].get(FALLBACKS, "")
    if given is None:
        if FALLBACKS in site["environment"]:
            yield f'key "environment": {FALLBACKS} is given and {KEY} is not; the host makes both then, so leave it out'
        elif not MADE_HERE.fullmatch(live.get(KEY, "")):
            yield f"the {KEY} in use was not made by this host, which cannot rotate it; release the site without it first"
    elif str(given) == live.get(KEY):
        yield (
            f'key "environment": {KEY} comes from the inventory, which still gives the key in use; write a new one there,'
            f" give the one in use as {FALLBACKS} beside it, and run this again"
        )
    elif live.get(KEY) not in str(fallbacks).split(","):
        yield (
            f'key "environment": {FALLBACKS} lacks the key in use, so whoever is signed in would be signed out; give it there,'
            " or run site.yml if that is what you want"
        )


def _password_errors(site: dict, live: dict[str, str]) -> Iterator[str]:
    database, user = site["database"], live.get("DJANGO_PG_USER_NAME")
    same = live.get("DJANGO_PG_PASSWORD") == str(database["password"])
    if database["engine"] != "postgres":
        yield f'key "database": {database["engine"]} has no password, so there is nothing to rotate'
    elif not database["host"]:
        yield 'key "database": PostgreSQL on its own server knows it by its system user (peer authentication), so it has no password to rotate'
    elif same and user == database["user"]:
        yield 'key "database": the inventory still gives the password in use; write a new one there, and run this again'
    elif not same and user == database["user"] + STAND_IN:
        yield (
            'key "database": a rotation began with another password than the inventory gives now, and did not end; give that one again,'
            " run this to its end, and then rotate anew"
        )
