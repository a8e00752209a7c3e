"""What the engine knows of a release: a file beside its directory, where nothing of the site's is written."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from report import StepFailed
from site_config import Site

OLD_MARK = ".shortstop.json"  # in the directory of a release of version 0.1.0
LARGEST = 16 << 20  # bytes of a record
LONGEST = 500  # characters of a name
MOST = 20_000  # names
LONGEST_NUMBER = 20  # digits
LATEST = 1e11  # seconds since 1970, in the fifth millennium: what stands for a time can be shown as one


def is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and value.isprintable()


def is_time(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < LATEST


def is_id(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{12}", value) is not None


def is_migration(value: object) -> bool:
    """Whether a value names a migration, such as `blog.0002_title`."""
    return is_text(value) and re.fullmatch(r"\w+\.[^/]+", value) is not None


def is_list_of(one: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and len(value) <= MOST and all(map(one, value))


def is_by_migration(one: Callable[[object], bool]) -> Callable[[object], bool]:
    """A check of a dict from migrations to lists of what `one` checks."""
    each = is_list_of(one)
    return lambda value: isinstance(value, dict) and len(value) <= MOST and all(is_migration(key) and each(listed) for key, listed in value.items())


SHAPE: dict[str, Callable[[object], bool]] = {
    "source": is_text,
    "revision": is_text,
    "by": is_text,
    "prepared": is_time,
    "live_since": is_time,
    "previous": lambda value: value is None or is_id(value),
    "migrations": is_by_migration(is_migration),
    "leaves": is_list_of(is_migration),
    "settings": is_list_of(is_text),  # what the overlay changed
    "warnings": is_list_of(is_text),  # of Django's checks
    "late": is_list_of(is_text),  # gates that are asked again after the migrations
}


def fits(value: object, shape: dict[str, Callable[[object], bool]], *, whole: bool = False) -> bool:
    """Whether a value is a dict of this shape, and of no other keys; a `whole` one has all of them."""
    if not isinstance(value, dict) or not value.keys() <= shape.keys() or (whole and value.keys() != shape.keys()):
        return False
    return all(shape[key](item) for key, item in value.items())


def parse(text: str | bytes) -> object:
    """What a JSON text says, or None where it is no JSON that Python can read."""
    try:
        # Python reads a number of a million digits for minutes.
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < LONGEST_NUMBER else math.inf)
    except (ValueError, RecursionError):
        return None


def record_file(site: Site, release: str) -> Path:
    return site.root / "releases" / f"{release}.json"


def read(site: Site, release: str) -> dict | None:
    """What is known of a release; None unless it is complete, and what is known can be believed."""
    if not site.release_dir(release).is_dir():
        return None
    for file in (record_file(site, release), site.release_dir(release) / OLD_MARK):
        try:
            record = parse(_content(file))
        except FileNotFoundError:
            continue
        except OSError:
            return None
        # Version 0.1.0 kept its mark among the site's files, which could forge it.
        return record if fits(record, SHAPE) else None
    return None


def _content(file: Path) -> bytes:
    """What a regular file holds. A link is not followed, and nobody waits for a pipe."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{file} is no file")
        with open(descriptor, "rb", closefd=False) as opened:
            return opened.read(LARGEST)
    finally:
        os.close(descriptor)


def write(site: Site, release: str, **what: object) -> None:
    """Say this of a release, beside what is known already. With its first record a release is complete."""
    what = {key: as_text(value) if isinstance(value, str) else value for key, value in what.items()}
    file = record_file(site, release)
    temporary = file.with_name(f"{file.name}.new")
    content = json.dumps({**(read(site, release) or {}), **what}, ensure_ascii=False).encode("utf-8", "replace")
    if len(content) > LARGEST:
        raise StepFailed(f"what the release says of its migrations takes more than {LARGEST >> 20} MB; find what in the source makes it so long")
    temporary.write_bytes(content)
    temporary.chmod(0o600)
    temporary.rename(file)


def as_text(value: str) -> str:
    """The value as `is_text` wants it: a revision or a name comes from outside."""
    return "".join(letter if letter.isprintable() else "?" for letter in value[:LONGEST])


def remove(site: Site, release: str) -> None:
    file = record_file(site, release)
    for one in (file, file.with_name(f"{file.name}.new")):
        one.unlink(missing_ok=True)


def names(site: Site) -> set[str]:
    """The releases that have a directory, complete or not, or a record."""
    directory = site.root / "releases"
    return {path.name.removesuffix(".new").removesuffix(".json") for path in (directory.iterdir() if directory.is_dir() else ())}


def finished(site: Site) -> dict[str, dict]:
    """The records of the releases that are complete, the one that was live last first."""
    complete = {name: record for name in names(site) if (record := read(site, name)) is not None}
    return dict(sorted(complete.items(), key=lambda item: item[1].get("live_since", 0), reverse=True))


def previous(site: Site) -> str | None:
    """The release that the live one took the place of, if it is still there."""
    records = finished(site)
    name = records.get(site.live or "", {}).get("previous")
    return name if name in records else None
