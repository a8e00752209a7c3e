"""The values that only this server knows, read from the environment that the release was started with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

# How URLs name a kind of database.
KINDS = {
    **dict.fromkeys(("postgres", "postgresql", "postgis", "pgsql", "psql", "timescale"), "postgres"),
    **dict.fromkeys(("sqlite", "sqlite3", "spatialite"), "sqlite"),
}

OTHER_VENDORS = re.compile(r"mysql|mariadb|oracle|mssql|sql_server|cockroach|mongo|snowflake|db2|firebird", re.IGNORECASE)
POSTGRES = re.compile(r"postg|psql|psycopg|timescale", re.IGNORECASE)
SQLITE = re.compile(r"sqlite|spatialite", re.IGNORECASE)
GIS = re.compile(r"postgis|spatialite|contrib\.gis", re.IGNORECASE)
ENGINES = {
    ("postgres", False): "django.db.backends.postgresql",
    ("postgres", True): "django.contrib.gis.db.backends.postgis",
    ("sqlite", False): "django.db.backends.sqlite3",
    ("sqlite", True): "django.contrib.gis.db.backends.spatialite",
}


def kind_of(engine: str) -> str:
    """`postgres`, `sqlite`, `other`, or an empty text for an engine that nothing is known of."""
    if OTHER_VENDORS.search(engine):
        return "other"
    return "postgres" if POSTGRES.search(engine) else "sqlite" if SQLITE.search(engine) else ""


@dataclass(frozen=True)
class Database:
    """A database of the site. `kind` is `postgres` or `sqlite`; `host` is empty for PostgreSQL's unix socket."""

    kind: str
    name: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: str = ""

    @classmethod
    def from_url(cls, url: str) -> Database | None:
        """None for a URL that no site of ours has, but one that the operator gave instead."""
        try:
            parts = urlsplit(url)
            port = str(parts.port or "")
        except ValueError:
            return None
        if parts.scheme not in KINDS:
            return None
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(KINDS[parts.scheme], unquote(parts.path[1:]), user, password, parts.hostname or "", port)

    @property
    def settings(self) -> dict[str, str]:
        """The keys of an entry of DATABASES that say where the database is."""
        return {"NAME": self.name, "USER": self.user, "PASSWORD": self.password, "HOST": self.host, "PORT": self.port}


@dataclass(frozen=True)
class Wanted:
    """What the settings of this release are to hold."""

    settings: str  # the project's own module
    left: frozenset[str] = frozenset()  # settings that stay as the project has them
    secret_key: str = ""
    fallbacks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()  # as ALLOWED_HOSTS has them
    origins: tuple[str, ...] = ()
    static_root: str = ""
    media_root: str = ""
    static_url: str = ""
    media_url: str = ""
    tls: bool = False
    databases: dict[str, Database] = field(default_factory=dict)  # by alias
    urls: dict[str, str] = field(default_factory=dict)  # of these databases
    variables: dict[str, str] = field(default_factory=dict)  # the whole environment

    @classmethod
    def from_environment(cls, variables: dict[str, str]) -> Wanted:
        def words(name: str) -> tuple[str, ...]:
            return tuple(word for word in variables.get(name, "").split(",") if word)

        aliases = words("SHORTSTOP_DATABASES")
        urls = {alias: variables.get("DATABASE_URL" if alias == "default" else f"{alias.upper()}_DATABASE_URL", "") for alias in aliases}
        databases = {alias: database for alias, url in urls.items() if (database := Database.from_url(url))}
        return cls(
            settings=variables["SHORTSTOP_SETTINGS"],
            left=frozenset(words("SHORTSTOP_SETTINGS_LEFT")),
            secret_key=variables.get("DJANGO_SECRET_KEY", ""),
            fallbacks=words("DJANGO_SECRET_KEY_FALLBACKS"),
            hosts=words("DJANGO_ALLOWED_HOSTS"),
            origins=words("DJANGO_CSRF_TRUSTED_ORIGINS"),
            static_root=variables.get("DJANGO_STATIC_ROOT", ""),
            media_root=variables.get("DJANGO_MEDIA_ROOT", ""),
            static_url=variables.get("DJANGO_STATIC_URL", ""),
            media_url=variables.get("DJANGO_MEDIA_URL", ""),
            tls=variables.get("DJANGO_SECURE") == "1",
            databases=databases,
            urls=urls,
            variables=variables,
        )

    def leaves(self, name: str) -> bool:
        """Whether the operator wants this setting as the project has it."""
        return name in self.left or "all" in self.left

    def is_given(self, key: object) -> bool:
        """Whether a secret key is a value, or an item of a list, of the environment. That is the operator's, and none of the project's."""
        text = key.decode("latin-1") if isinstance(key, bytes) else key
        return isinstance(text, str) and text != "" and any(text in (value, *value.split(",")) for value in self.variables.values())


def initial_environment() -> dict[str, str]:
    """The variables that this process was started with; a file `.env` of the project's may have replaced some since."""
    content = Path("/proc/self/environ").read_bytes().decode("utf-8", "surrogateescape")
    return dict(line.split("=", 1) for line in content.split("\0") if "=" in line)
