"""The table: which settings are laid over the project's after they are loaded, and the list of what was changed."""

from __future__ import annotations

import os
import re
from pathlib import PurePath

import django

from . import databases, logs
from .pins import Pins, covers, directory
from .wanted import Wanted

MISSING = object()
LONGEST = 120  # characters of a value in the list
SHORTEST_KEY = 16  # characters; a shorter text can be the same by chance
DEEPEST = 6  # dictionaries and lists in one another
COMMITTED_FINDER = "shortstop_overlay.finders.CommittedFinder"
COOKIES = ("SESSION_COOKIE", "CSRF_COOKIE")
SECRETS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS")
PROXY_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # as nginx sends it


class Table:
    """Lays the server's values over a dictionary of settings. `told` says what differs from the project's, a line each, without secrets."""

    def __init__(self, names: dict, wanted: Wanted, pins: Pins) -> None:
        self.names = names
        self.wanted = wanted
        self.pins = pins
        self.told: list[str] = []

    def apply(self) -> list[str]:
        # In the order in which they are told. DEBUG is pinned alone: where it is on in spite of that, other settings were computed from it.
        if "DEBUG" in self.names:
            self.put("DEBUG", self.names["DEBUG"])
        self.secret_key()
        self.hosts()
        databases.lay_over(self)
        self.files()
        self.https()
        self.cookie_domains()
        logs.lay_over(self)
        self.copies_of_the_key()
        return self.told

    def put(self, name: str, value: object) -> None:
        """Set a setting, and tell of it if the project had it otherwise, before the pins or now."""
        if self.wanted.leaves(name):
            return
        old = self.names.get(name, MISSING)
        if old is MISSING or type(old) is not type(value) or old != value:
            self.names[name] = value
        else:
            old = self.pins.replaced.get(name, value)
            if old is value:
                return
        if name in SECRETS:
            self.told.append(f"{name}: {'not set' if old is MISSING else 'the project has its own'}, here the site's")
        else:
            here = "the release's" if name == "STATIC_ROOT" else shown(value)
            self.told.append(f"{name}: {'not set' if old is MISSING else shown(old)}, here {here}")

    def secret_key(self) -> None:
        key = self.names.get("SECRET_KEY", MISSING)
        if self.wanted.is_given(key) or not self.wanted.secret_key:
            self.put("SECRET_KEY", key)
        else:
            self.pins.disown(key)
            self.put("SECRET_KEY", self.wanted.secret_key)
        own = self.names.get("SECRET_KEY_FALLBACKS") or []
        fallbacks = [key for key in own if self.wanted.is_given(key)]
        fallbacks += [key for key in self.wanted.fallbacks if key not in fallbacks]
        if fallbacks != list(own):
            self.put("SECRET_KEY_FALLBACKS", fallbacks)

    def copies_of_the_key(self) -> None:
        """The secret key of the source may be the value of another setting, too, such as one that SECRET_KEY was made from."""
        keys = self.pins.own_keys if not self.wanted.leaves("SECRET_KEY") else set()
        for name, value in list(self.names.items()):
            if name not in SECRETS and not self.wanted.leaves(name) and (new := _replaced(value, keys, self.wanted.secret_key)) is not value:
                self.names[name] = new
                self.told.append(f"{name}: holds the project's own SECRET_KEY, here the site's")

    def hosts(self) -> None:
        hosts = self.names.get("ALLOWED_HOSTS", [])
        self.put("ALLOWED_HOSTS", hosts if covers(hosts, self.wanted.hosts) else list(self.wanted.hosts))
        if django.VERSION < (4, 0):  # its origins have no scheme
            return
        own = self.names.get("CSRF_TRUSTED_ORIGINS", [])
        origins = [origin for origin in own if isinstance(origin, str) and "://" in origin]
        origins += [origin for origin in self.wanted.origins if origin not in origins]
        if origins != list(own):
            self.put("CSRF_TRUSTED_ORIGINS", origins)

    def files(self) -> None:
        for name, wanted in (("STATIC_ROOT", self.wanted.static_root), ("MEDIA_ROOT", self.wanted.media_root)):
            if wanted:
                old = self.names.get(name)
                self.put(name, directory(old, wanted) if old else wanted)
        for name, wanted in (("STATIC_URL", self.wanted.static_url), ("MEDIA_URL", self.wanted.media_url)):
            url = self.names.get(name)
            # Without STATIC_URL a project has no static files. A URL with a host is another server's.
            if wanted and not (url is None and name == "STATIC_URL") and not is_elsewhere(url) and path_of(url) != wanted:
                self.put(name, wanted)
        self.storage("default", "MEDIA_ROOT")
        self.storage("staticfiles", "STATIC_ROOT")
        self.committed_files()

    def storage(self, alias: str, root: str) -> None:
        """A storage's own location that repeats the project's MEDIA_ROOT or STATIC_ROOT gives way to the site's."""
        storages = self.names.get("STORAGES") or {}
        options = (storages.get(alias) or {}).get("OPTIONS") or {}
        location = options.get("location")
        if location and root in self.pins.replaced and real(location) in {real(one) for one in self.pins.assigned[root] if is_path(one)}:
            kept = {key: value for key, value in options.items() if key != "location"}
            self.names["STORAGES"] = {**storages, alias: {**storages[alias], "OPTIONS": kept}}
            self.told.append(f"STORAGES[{alias!r}]: location {shown(location)}, here {root}")

    def committed_files(self) -> None:
        """Files that the source has in the project's own STATIC_ROOT are found last, or else their stale copies would win over Django's."""
        own = self.pins.replaced.get("STATIC_ROOT")
        if not is_path(own) or self.wanted.leaves("STATICFILES_FINDERS") or "django.contrib.staticfiles" not in self.names.get("INSTALLED_APPS", ()):
            return
        own = real(own)
        entries = [entry[1] if isinstance(entry, (list, tuple)) else entry for entry in self.names.get("STATICFILES_DIRS", ())]
        if own in map(real, entries) or not os.path.isdir(own) or not os.listdir(own):
            return
        from django.conf import global_settings

        self.names["STATICFILES_FINDERS"] = [*self.names.get("STATICFILES_FINDERS", global_settings.STATICFILES_FINDERS), COMMITTED_FINDER]
        self.names["SHORTSTOP_COMMITTED_STATIC"] = own
        self.told.append(f"STATICFILES_FINDERS: what the source has in {shown(own)} is collected, too, where nothing else has a file of that name")

    def https(self) -> None:
        header = self.names.get("SECURE_PROXY_SSL_HEADER")
        # Without one, gunicorn tells Django what nginx says.
        if header and tuple(header) != PROXY_HEADER:
            self.put("SECURE_PROXY_SSL_HEADER", PROXY_HEADER)
        if not self.wanted.tls and self.names.get("SECURE_SSL_REDIRECT"):
            self.put("SECURE_SSL_REDIRECT", False)
        for cookie in COOKIES:
            if self.wanted.tls:
                self.put(f"{cookie}_SECURE", True)
            elif self.names.get(f"{cookie}_SECURE") or str(self.names.get(f"{cookie}_NAME", "")).startswith(("__Secure-", "__Host-")):
                self.told.append(f"{cookie}: browsers keep it over HTTPS alone, and this site has no TLS, so that nobody can log in or send a form")

    def cookie_domains(self) -> None:
        for name in ("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN", "LANGUAGE_COOKIE_DOMAIN"):
            domain = str(self.names.get(name) or "").lstrip(".").lower()
            hosts = [host.lstrip(".").lower() for host in self.wanted.hosts]
            if domain and not any(host == domain or host.endswith(f".{domain}") for host in hosts):
                self.put(name, None)


def _replaced(value: object, keys: set[str], key: str, depth: int = 0) -> object:
    """The value with this key in the place of others, in dictionaries and lists, too; the value itself where it holds none."""
    if isinstance(value, str):
        return key if len(value) >= SHORTEST_KEY and value in keys else value
    if isinstance(value, dict) and depth < DEEPEST:
        new = {name: _replaced(item, keys, key, depth + 1) for name, item in value.items()}
        return new if any(new[name] is not item for name, item in value.items()) else value
    if isinstance(value, (list, tuple)) and depth < DEEPEST:
        items = [_replaced(item, keys, key, depth + 1) for item in value]
        is_changed = any(one is not other for one, other in zip(items, value, strict=True))
        return (items if isinstance(value, list) else tuple(items)) if is_changed else value
    return value


def is_path(value: object) -> bool:
    return isinstance(value, (str, PurePath)) and str(value) != ""


def real(value: object) -> str:
    return os.path.realpath(str(value))


def is_elsewhere(url: object) -> bool:
    return isinstance(url, str) and ("://" in url or url.startswith("//"))


def path_of(url: object) -> str:
    """A path as Django reads it in STATIC_URL and MEDIA_URL."""
    return f"/{str(url).lstrip('/')}" if url else ""


def shown(value: object) -> str:
    """A value as the list shows it, without a password that stands in a URL."""
    if not isinstance(value, (str, int, float, bool, type(None), list, tuple, dict, PurePath)):
        return f"a {type(value).__name__}"
    text = str(value) if isinstance(value, PurePath) else repr(value)
    text = re.sub(r"://[^/@'\"]*@", "://…@", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
