"""What a release is made of, and which id that gives."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import platform
import re
import tarfile
from pathlib import Path

from site_config import SERVER_ENVIRONMENT, UNIT_DIR, Site

ID_LENGTH = 12  # a socket's path, which holds the id, ends at 107 bytes
MARK = ".shortstop.json"  # written last: a release without it was never finished
REQUIRED = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)")
SECRET = re.compile(r'^\w*(?:SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|KEY|DSN|DATABASE_URL)\w*="(.{6,})"$', re.MULTILINE | re.IGNORECASE)
SECRET_KEY = re.compile(r'^DJANGO_SECRET_KEY="(.*)"$', re.MULTILINE)


def environment(site: Site) -> str:
    """The variables that a release made today has: the server's, then the site's."""
    server = SERVER_ENVIRONMENT.read_text(encoding="utf-8") if SERVER_ENVIRONMENT.exists() else ""
    return f"{server.rstrip()}\n{site.environment_file.read_text(encoding='utf-8')}"


def secrets(site: Site) -> set[str]:
    """The values that no message may show, as far as their variables' names tell."""
    return {re.sub(r'\\(["\\$`])', r"\1", value) for value in SECRET.findall(environment(site))}


def identify(site: Site, source: str) -> str:
    """The id of a release of this source and today's configuration.

    It is keyed with the site's secret key, since it shows in paths and process lists and must not let anybody try out
    guesses at the environment that it covers.
    """
    variables = environment(site)
    key = SECRET_KEY.search(variables)
    parts = {
        "source": source,
        "python": platform.python_version(),
        "service": site.template.read_text(encoding="utf-8"),
        "socket": (UNIT_DIR / f"{site.unit}@.socket").read_text(encoding="utf-8"),
        "environment": variables,
        "requirements": site.requirements,
        "threads": site.threads,
    }
    message = json.dumps(parts, sort_keys=True).encode()
    return hmac.new((key[1] if key else "").encode(), message, hashlib.sha256).hexdigest()[:ID_LENGTH]


def unpack(archive: Path, target: Path, source: str) -> None:
    """Unpack the archive, after a look at whether it is the one that was announced."""
    digest = hashlib.sha256()
    with gzip.open(archive) as tar:
        while block := tar.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != source:
        raise OSError(f"the archive arrived with another content than it was sent with ({archive})")
    target.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        # Debian 12's Python has no filters yet.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(target, **safely)


def requirements_hash(release_dir: Path, name: str) -> str:
    """Names the virtual environment that these requirements and this Python make."""
    digest = hashlib.sha256(platform.python_version().encode())
    seen: set[Path] = set()

    def add(file: Path) -> None:
        if file in seen:
            return
        seen.add(file)
        for line in file.read_text(encoding="utf-8").splitlines():
            digest.update(line.encode() + b"\n")
            if match := REQUIRED.match(line):
                add((file.parent / match[1]).resolve())

    add((release_dir / name).resolve())
    return digest.hexdigest()[:ID_LENGTH]


def gunicorn_version(venv: Path) -> tuple[int, ...]:
    """The version in a virtual environment, read without running anything of it."""
    found = next(venv.glob("lib/python*/site-packages/gunicorn-*.dist-info"))
    return tuple(int(number) for number in re.findall(r"\d+", found.name)[:2])


def gunicorn_arguments(version: tuple[int, ...], threads: int) -> str:
    """What this gunicorn can be trusted with: before 27, its threads lose requests whenever a release is retired."""
    arguments = [f"--threads={threads}" if version >= (27,) else "--worker-class=sync --threads=1"]
    if version >= (25, 1):
        arguments.append("--no-control-socket")
    return " ".join(arguments)


def read_mark(release_dir: Path) -> dict | None:
    try:
        return json.loads((release_dir / MARK).read_text(encoding="utf-8"))
    except OSError:
        return None


def write_mark(release_dir: Path, **what: object) -> None:
    temporary = release_dir / f"{MARK}.new"
    temporary.write_text(json.dumps(what), encoding="utf-8")
    temporary.rename(release_dir / MARK)
