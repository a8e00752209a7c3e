"""A site as the engine knows it: what the inventory said, and where its things are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CONFIGURATION_DIR = Path("/etc/shortstop")
UNIT_DIR = Path("/etc/systemd/system")
RUN_DIR = Path("/run")
SCRATCH_DIR = Path("/var/lib/shortstop/scratch")
INCOMING_DIR = Path("/var/lib/shortstop/incoming")
SERVER_ENVIRONMENT = Path("/etc/environment")


@dataclass(frozen=True)
class Site:
    """Read from /etc/shortstop/<name>/site.json, which role django writes."""

    name: str
    user: str
    root: Path
    unit: str
    domain: str
    scheme: str
    requirements: str
    health_path: str
    threads: int
    releases_kept: int
    database: str
    # What an older Shortstop wrote lacks these.
    health_timeout: int = 60
    deploy_timeout: int = 1800
    timeout: int = 30
    workers: int = 1
    fixtures: list[str] = field(default_factory=list)
    timers: dict[str, dict] = field(default_factory=dict)
    daemons: dict[str, dict] = field(default_factory=dict)
    superuser: dict[str, str] = field(default_factory=dict)
    settings_left: list[str] = field(default_factory=list)
    databases: list[str] = field(default_factory=list)  # aliases beside "default"
    aliases: list[str] = field(default_factory=list)  # host names that nginx redirects to `domain`
    wildcards: list[str] = field(default_factory=list)  # such as "*.example.com", whose names are served under themselves
    static_url: str = "/static/"
    media_url: str = "/media/"
    memory: str = ""  # of each process tree, as systemd reads it
    # The values that no message may show. What the project's own settings hold is added when it is known.
    hidden: set[str] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def load(cls, name: str) -> Site:
        file = CONFIGURATION_DIR / name / "site.json"
        try:
            given = json.loads(file.read_text(encoding="utf-8"))
        except OSError:
            known = ", ".join(site.name for site in sites()) or "none yet"
            raise SystemExit(f'shortstop: there is no site "{name}" on this server; the sites are: {known}') from None
        return cls(**{**given, "root": Path(given["root"])})

    @property
    def configuration_dir(self) -> Path:
        return CONFIGURATION_DIR / self.name

    @property
    def environment_file(self) -> Path:
        """The wanted environment; each release has a copy."""
        return self.configuration_dir / "environment"

    @property
    def superuser_file(self) -> Path:
        """The variables of `createsuperuser`, the password among them; no other process gets them."""
        return self.configuration_dir / "superuser.env"

    @property
    def audit_file(self) -> Path:
        return self.root / "deploys.jsonl"

    @property
    def static_dir(self) -> Path:
        return self.root / "static"

    @property
    def live(self) -> str | None:
        """The id of the release that `live.sock` names, which is the one that visitors meet."""
        link = self.root / "live.sock"
        return link.readlink().stem if link.is_symlink() else None

    @property
    def template(self) -> Path:
        """The wanted service unit; each release has a copy."""
        return UNIT_DIR / f"{self.unit}@.service"

    def release_dir(self, release: str) -> Path:
        return self.root / "releases" / release

    def socket(self, release: str) -> Path:
        return RUN_DIR / self.unit / f"{release}.sock"

    def release_environment(self, release: str) -> Path:
        return self.configuration_dir / f"{release}.env"

    def jobs_dir(self, release: str) -> Path:
        """A release's units of timers and daemons; those of the live one are copied to where systemd looks."""
        return self.configuration_dir / f"{release}.jobs"

    def service_file(self, release: str) -> Path:
        return UNIT_DIR / f"{self.unit}@{release}.service"

    def units(self, release: str) -> list[str]:
        """The socket first: a service is started by its socket's existence, and stopped before it goes."""
        return [f"{self.unit}@{release}.socket", f"{self.unit}@{release}.service"]


def sites() -> Iterator[Site]:
    return (Site.load(file.parent.name) for file in sorted(CONFIGURATION_DIR.glob("*/site.json")))
