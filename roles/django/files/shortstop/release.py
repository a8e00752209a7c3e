"""What a release is made of, and which id that gives."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import os
import platform
import re
import tarfile
from itertools import accumulate
from pathlib import Path

import jobs
import overlay
from report import StepFailed
from site_config import SERVER_ENVIRONMENT, UNIT_DIR, Site

ID_LENGTH = 12  # a socket's path, which holds the id, ends at 107 bytes
LONGEST = 1024  # bytes of a path; where the system refuses one, os.path.realpath no longer sees a link
REQUIRED = re.compile(r"^\s*(?:-[rc]\s*|--(?:requirement|constraint)[\s=]+)(\S+)")
LOCAL_PACKAGE = re.compile(r"^\s*(?:-e|--editable|\.|/|[^#]*file:|[^#\s@:-][^#\s@:]*/)")
# The lines of /etc/environment that are not ours need no quotes, or have others.
SECRET = re.compile(
    r"""^\s*(?:export\s+)?\w*(?:SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|KEY|DSN|DATABASE_URL)\w*=(["']|(?!["']))(.{6,}?)\1[ \t\r]*$""",
    re.MULTILINE | re.IGNORECASE,
)
SECRET_KEY = re.compile(r'^DJANGO_SECRET_KEY="(.*)"$', re.MULTILINE)
FALLBACKS = re.compile(r'^DJANGO_SECRET_KEY_FALLBACKS="(.*)"$', re.MULTILINE)


def environment(site: Site) -> str:
    """The variables that a release made today has: the server's, then the site's."""
    # As bytes: read_text() makes a line break of a carriage return, which a value may hold.
    server = SERVER_ENVIRONMENT.read_bytes() if SERVER_ENVIRONMENT.exists() else b""
    return (server.rstrip() + b"\n" + site.environment_file.read_bytes()).decode("utf-8")


def secrets(site: Site) -> set[str]:
    """The values that no message may show, as far as their variables' names tell."""
    own = site.superuser_file.read_bytes().decode("utf-8") if site.superuser_file.exists() else ""
    values = [value for _quote, value in SECRET.findall(f"{environment(site)}\n{own}")]
    values += [key for keys in FALLBACKS.findall(environment(site)) for key in keys.split(",") if key]
    return {re.sub(r'\\(["\\$`])', r"\1", value) for value in values}


def identify(site: Site, source: str) -> str:
    """The id of a release of this source and today's configuration.

    It is keyed with the site's secret key, since it shows in paths and process lists and must not let anybody try out
    guesses at the environment that it covers.
    """
    service = site.template.read_text(encoding="utf-8")
    parts = {
        "source": source,
        "python": platform.python_version(),
        "service": service,
        "socket": (UNIT_DIR / f"{site.unit}@.socket").read_text(encoding="utf-8"),
        "environment": environment(site),
        "requirements": site.requirements,
        "threads": site.threads,
        "jobs": jobs.texts(site, "", service),
        "fixtures": site.fixtures,
        "superuser": site.superuser,
        "overlay": overlay.texts(),
        "settings_left": site.settings_left,
        "databases": site.databases,
    }
    keys = SECRET_KEY.findall(environment(site))
    return hmac.new("".join(keys[-1:]).encode(), json.dumps(parts, sort_keys=True).encode(), hashlib.sha256).hexdigest()[:ID_LENGTH]


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
        for member in tar:
            refuse_stray(member, target)
            tar.extract(member, target, **safely)
        # Where a link leads, the links that came after it have a say in.
        for member in tar.getmembers():
            refuse_stray(member, target)


def refuse_stray(member: tarfile.TarInfo, target: Path) -> None:
    if strays(member, target):
        leads = f'"{member.name}" -> "{member.linkname}"' if member.linkname else f'"{member.name}"'
        raise StepFailed(f"the source holds {leads}, which leads out of it; a release is files, directories and relative links inside")


def strays(member: tarfile.TarInfo, target: Path) -> bool:
    """Whether a member of an archive is more than a release may hold: a way out of it, by the links that are there so far, or a device.

    A link may not even leave and come back, since outside others may make links, too.
    """
    if not (member.isreg() or member.isdir() or member.issym()) or os.path.isabs(member.linkname):
        return True
    inside, path = os.path.realpath(target), os.path.join(target, member.name)
    ways = accumulate([os.path.dirname(path), *member.linkname.split("/")], os.path.join) if member.issym() else [path]
    return any(os.path.commonpath([inside, way]) != inside or len(os.fsencode(way)) > LONGEST for way in map(os.path.realpath, ways))


def requirements_hash(release_dir: Path, name: str, source: str, database: str) -> str:
    """Names the virtual environment that these requirements, this Python and this kind of database make.

    Where they ask for a package that comes with the source, the whole source counts.
    """
    # Version 0.1.0 made environments with pip, and those are not shared.
    digest = hashlib.sha256(f"uv {platform.python_version()} {database}".encode())
    release_dir = release_dir.resolve()
    seen: set[Path] = set()

    def add(file: Path) -> None:
        # What is not the source's own uv reads as the site's user, and root not at all.
        if file in seen or not file.is_relative_to(release_dir):
            return
        seen.add(file)
        content = file.read_bytes()
        if b"\0" in content:  # UTF-16, whose lines are not read here
            digest.update(source.encode())
        for line in content.decode("utf-8", "surrogateescape").splitlines():
            digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
            if LOCAL_PACKAGE.match(line):
                digest.update(source.encode())
            if (match := REQUIRED.match(line)) and "://" not in match[1]:
                add((file.parent / match[1]).resolve())

    add((release_dir / name).resolve())
    return digest.hexdigest()[:ID_LENGTH]


def gunicorn_version(venv: Path) -> tuple[int, ...]:
    """The version in a virtual environment, as the name of its directory says: root reads nothing of a site's packages."""
    names = [found.name for found in venv.glob("lib/python*/site-packages/gunicorn-*.dist-info")]
    versions = [re.fullmatch(r"gunicorn-(\d{1,6})(?:\.(\d{1,6}))?(?:\D.*)?\.dist-info", name) for name in names]
    if not versions or not versions[0]:
        raise StepFailed("the virtual environment holds no gunicorn whose version can be told; let the requirements ask for gunicorn>=27")
    return tuple(int(number or 0) for number in versions[0].groups())


def gunicorn_arguments(version: tuple[int, ...], threads: int) -> str:
    """What this gunicorn can be trusted with: before 27, its threads lose requests whenever a release is retired."""
    arguments = [f"--threads={threads}" if version >= (27,) else "--worker-class=sync --threads=1"]
    if version >= (25, 1):
        arguments.append("--no-control-socket")
    return " ".join(arguments)
