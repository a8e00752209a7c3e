# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a Django project has its parts: read from its files, of which none is executed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# What both manage.py and wsgi.py write: os.environ.setdefault("DJANGO_SETTINGS_MODULE", "blog.settings"), or an assignment.
NAMED = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*(?:,\s*(?:default\s*=\s*)?|\]\s*=\s*)["']([\w.]+)["']""")
COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
DOCSTRING = re.compile(r'^\s*(?:"""[^"]*"""|\'\'\'[^\']*\'\'\'|"[^"\n]*")\s*$')
# The same for a class of django-configurations.
CONFIGURATION = re.compile(r"""DJANGO_CONFIGURATION["']\s*(?:,|\]\s*=)\s*["'](\w+)["']""")
CLASS = re.compile(r"^class\s+(\w+)", re.MULTILINE)
URL = {name: re.compile(rf"""^[ \t]*{name}\b[^=\n]*=\s*["']([^"'\n]*)["']\s*(?:#.*)?$""", re.MULTILINE) for name in ("STATIC_URL", "MEDIA_URL")}
STAR_IMPORT = re.compile(r"^[ \t]*from\s+(\.*)([\w.]*)\s+import\s+\*", re.MULTILINE)
URL_PATH = re.compile(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)+")
URLS = {"static_url": "/static/", "media_url": "/media/"}
DEVELOPERS = ("local", "dev", "devel", "develop", "development", "test", "testing", "base", "common")
PRODUCTION = ("production", "prod")
# Below these lies no project of the source's own.
SKIPPED = ("node_modules", "venv", "site-packages", "tests", "test", "docs", "examples")
DEEPEST = 3  # directories below the top
# systemd and shells read such a path as it is written.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True)
class Layout:
    """A project's parts. `directory` is manage.py's, relative to the source, "" for its top; `settings` is "" where nothing names them.

    `configuration` is a class of django-configurations, "" where there is none. The URLs are paths that begin and end with a slash.
    """

    directory: str
    settings: str
    wsgi: str
    requirements: str
    told: list[str] = field(default_factory=list)  # what was chosen where there was a choice, a sentence each
    configuration: str = ""
    static_url: str = URLS["static_url"]
    media_url: str = URLS["media_url"]


def layout(
    source: str,
    *,
    directory: str = "",
    settings: str = "",
    wsgi: str = "",
    requirements: str = "requirements.txt",
    static_url: str = "",
    media_url: str = "",
) -> Layout:
    """Find the parts of the project in a source, "" for one that is nowhere to read. What is given is not looked for."""
    told = []
    if source and not directory:
        found = project_directories(source)
        directory = found[0] if len(found) == 1 else ""
        if directory:
            told.append(f"manage.py is in {directory}")
    base = Path(source, directory) if source else None
    if not settings and base:
        settings, reason = _settings(base)
        if reason:
            told.append(reason)
    if source and directory and not Path(source, requirements).is_file() and (base / requirements).is_file():
        requirements = f"{directory}/{requirements}"
    texts = _settings_texts(base, settings) if base else []
    configuration, reason = _configuration(base, settings, texts) if base else ("", "")
    if reason:
        told.append(reason)
    urls = {name: url for name, url in {"static_url": static_url, "media_url": media_url}.items() if url}
    urls = {**_urls(texts, urls), **urls}
    return Layout(directory, settings, wsgi or _wsgi(base, settings), requirements, told, configuration, **urls)


def project_directories(source: str) -> list[str]:
    """The directories that hold a manage.py, relative to the source: its top alone, or else the least deep ones below."""
    if Path(source, "manage.py").is_file():
        return [""]
    found = [name for name in _files(Path(source), ("manage.py",)) if name.parent.as_posix() != "." and PLAIN_PATH.fullmatch(name.parent.as_posix())]
    least = min((len(name.parts) for name in found), default=0)
    return [name.parent.as_posix() for name in found if len(name.parts) == least]


def _files(top: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """The files of these names, relative to the top, the least deep ones first, and then in the order of `names`."""
    level = [Path()]
    for _depth in range(DEEPEST + 1):
        below = []
        for inside in level:
            yield from (inside / name for name in names if (top / inside / name).is_file())
            try:
                entries = sorted(entry.name for entry in os.scandir(top / inside) if entry.is_dir(follow_symlinks=False))
            except OSError:
                continue
            below += [inside / name for name in entries if name not in SKIPPED and not name.startswith(".")]
        level = below


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _named(file: Path, pattern: re.Pattern = NAMED) -> str:
    found = pattern.search(COMMENT.sub("", _text(file)))
    return found[1] if found else ""


def _module_file(base: Path, module: str) -> Path | None:
    path = base.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _is_there(base: Path, module: str) -> bool:
    """Whether a module is there that may hold settings: an empty package is none."""
    file = _module_file(base, module)
    text = COMMENT.sub("", _text(file)) if file and file.name == "__init__.py" else "code"
    return file is not None and bool(text.strip()) and not DOCSTRING.match(text)


def _settings(base: Path) -> tuple[str, str]:
    """The settings module, and why it is this one if there was another."""
    of_manage = _named(base / "manage.py")
    entry, of_entry = _entry_point(base, of_manage)
    settings = of_entry or of_manage
    reason = f"the settings are {settings}, which {entry} names; manage.py names {of_manage}" if of_entry and of_manage not in ("", of_entry) else ""
    package, _dot, last = settings.rpartition(".")
    if last in DEVELOPERS:
        for name in PRODUCTION:
            if _is_there(base, f"{package}.{name}".lstrip(".")):
                settings = f"{package}.{name}".lstrip(".")
                return settings, f"the settings are {settings}, since {entry or 'manage.py'} names a developer's"
        reason = f"the settings are {settings}, which may be a developer's; the key settings names others"
    return (settings, reason) if settings else _only_settings(base)


def _only_settings(base: Path) -> tuple[str, str]:
    """The settings of a project whose manage.py computes their name: the only settings.py that names a ROOT_URLCONF."""
    found = [name for name in _files(base, ("settings.py",)) if "ROOT_URLCONF" in _text(base / name)]
    settings = ".".join(found[0].with_suffix("").parts) if len(found) == 1 else ""
    return settings, f"the settings are {settings}, which no manage.py or wsgi.py names" if settings else ""


def _entry_point(base: Path, of_manage: str) -> tuple[str, str]:
    """A wsgi.py or asgi.py of this project, and the settings that it names; empty texts if none names any that are there."""
    near = [Path(*package) / name for package in _packages(of_manage) for name in ("wsgi.py", "asgi.py")] if of_manage else []
    for name in near:
        if (named := _named(base / name)) and _is_there(base, named):
            return name.as_posix(), named
    found = [(name.as_posix(), _named(base / name)) for name in _files(base, ("wsgi.py", "asgi.py"))]
    found = [(name, named) for name, named in found if named and _is_there(base, named)]
    # Beside its own, a project may bring an example's.
    own = [one for one in found if one[1].partition(".")[0] == of_manage.partition(".")[0]]
    if not own and (not of_manage or len({named for _name, named in found}) == 1):
        own = found
    return own[0] if own else ("", "")


def _settings_texts(base: Path, settings: str) -> list[str]:
    """The texts of the settings module and of those that it takes all names from, the nearest one first."""
    texts, waiting, seen = [], [settings] if settings else [], set()
    while waiting:
        module = waiting.pop(0)
        file = _module_file(base, module)
        if module in seen or not file:
            continue
        seen.add(module)
        texts.append(_text(file))
        package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
        for dots, name in STAR_IMPORT.findall(texts[-1]):
            above = package[: len(package) - len(dots) + 1] if dots else []
            waiting.append(".".join([*above, *filter(None, [name])]))
    return texts


def _configuration(base: Path, settings: str, texts: list[str]) -> tuple[str, str]:
    """The class of django-configurations to use, and why it is this one if there was another."""
    entries = [Path(*package) / name for package in _packages(settings) for name in ("wsgi.py", "asgi.py")]
    named = [(file.as_posix(), found) for file in (*entries, Path("manage.py")) if (found := _named(base / file, CONFIGURATION))]
    if not named:
        return "", ""
    file, configuration = named[0]
    if configuration.lower() in DEVELOPERS:
        classes = {name.lower(): name for text in texts for name in CLASS.findall(text)}
        for name in PRODUCTION:
            if name in classes:
                return classes[name], f"the configuration is {classes[name]}, since {file} names a developer's"
    return configuration, ""


def _urls(texts: list[str], given: dict[str, str]) -> dict[str, str]:
    """Where the settings say that static files and uploads are; by convention where they do not, or name another server."""
    found = dict(given)
    for name, convention in URLS.items():
        values = [URL[name.upper()].findall(text)[-1:] for text in texts]
        value = next((value[0] for value in values if value), "")
        path = "" if "//" in value else f"/{value.strip('/')}/"
        found.setdefault(name, path if URL_PATH.fullmatch(path) and not path.startswith("/.well-known/") else convention)
    first, second = sorted(found.values(), key=len)
    return {**URLS, **given} if second.startswith(first) else found


def _packages(settings: str) -> Iterator[list[str]]:
    """The packages that settings lie in, from the inmost to the top."""
    parts = settings.split(".")[:-1]
    while parts:
        yield parts
        parts = parts[:-1]
    yield []


def _wsgi(base: Path | None, settings: str) -> str:
    """The WSGI module: beside the settings, or in a package around them, or else where it names them; by convention beside them."""
    if base and settings:
        for package in _packages(settings):
            if base.joinpath(*package, "wsgi.py").is_file():
                return ".".join([*package, "wsgi"])
        for name in _files(base, ("wsgi.py",)):
            if _named(base / name).rpartition(".")[0] == settings.rpartition(".")[0]:
                return ".".join(name.with_suffix("").parts)
    return ".".join([*settings.split(".")[:-1], "wsgi"])
