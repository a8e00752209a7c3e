"""Pins: a few settings hold the server's values while the project's settings module runs, so that what it computes from them is right.

An assignment to such a name, in the settings module or in a module that it takes settings from, stores the server's value.
"""

from __future__ import annotations

import ast
import builtins
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from types import CodeType, ModuleType

from .lend import Loans
from .wanted import Wanted

NAMES = ("DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "STATIC_ROOT", "MEDIA_ROOT")
# What else a module may be imported for, as settings.
IMPORTED = (*NAMES, "DATABASES")
PINS_OF_CLASS = "_shortstop_pins"


class Pins:
    """Which values the project assigned, and which ones it got instead."""

    def __init__(self, wanted: Wanted, own_keys: set[str] | None = None) -> None:
        self.wanted = wanted
        self.assigned: dict[str, list] = {}  # by name, in the order of the assignments
        self.replaced: dict[str, object] = {}  # the last value of the project's that was not kept
        self.own_keys = set() if own_keys is None else own_keys  # secret keys that came with the source
        self.loans = Loans(wanted)
        self._stored: dict[str, object] = {}

    def pin(self, name: str, value: object) -> object:
        """What is stored where the project assigns this value."""
        if name not in NAMES or self.wanted.leaves(name):
            return value
        self.assigned.setdefault(name, []).append(list(value) if isinstance(value, (list, tuple)) else value)
        stored = self._wanted_for(name, value)
        # What the project makes of our value, such as ALLOWED_HOSTS += […], is still not what it had. False is False wherever it comes from.
        if stored is not value:
            self.replaced[name] = self.assigned[name][-1]
        elif name == "DEBUG" or value is not self._stored.get(name):
            self.replaced.pop(name, None)
        self._stored[name] = stored
        return stored

    def _wanted_for(self, name: str, value: object) -> object:
        """The value itself if it will do."""
        if name == "DEBUG":
            return False if value else value
        if name == "SECRET_KEY":
            return self._key(value)
        if name == "ALLOWED_HOSTS":
            return value if covers(value, self.wanted.hosts) else list(self.wanted.hosts)
        return directory(value, self.wanted.static_root if name == "STATIC_ROOT" else self.wanted.media_root)

    def _key(self, value: object) -> object:
        if self.wanted.is_given(value) or not self.wanted.secret_key:
            return value
        self.disown(value)
        return self.wanted.secret_key.encode() if isinstance(value, bytes) else self.wanted.secret_key

    def disown(self, key: object) -> None:
        """Remember a secret key of the project's, which is to be found nowhere in the end."""
        text = key.decode("latin-1") if isinstance(key, bytes) else key
        if isinstance(text, str) and text:
            self.own_keys.add(str(text))

    def adopt(self, settings: type) -> None:
        """Take over what was assigned in the body of this class of settings, or of the class that it has a setting from."""
        of_classes = [pins for one in settings.__mro__ if (pins := vars(one).get(PINS_OF_CLASS))]
        for name in NAMES:
            pins = next((pins for pins in of_classes if name in pins.assigned), self)
            self.assigned[name] = pins.assigned.get(name, [])
            if name in pins.replaced:
                self.replaced[name] = pins.replaced[name]
            else:
                self.replaced.pop(name, None)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Pin what is assigned meanwhile in the project's settings module, and in what it imports or executes as settings."""
        finder, execute = Finder(self), builtins.exec
        sys.meta_path.insert(0, finder)
        builtins.exec = finder.exec
        try:
            yield
        finally:
            builtins.exec = execute
            sys.meta_path.remove(finder)
            self.loans.take_back()


class Namespace(MutableMapping):
    """The names of a settings module as its code sees them: a module's own dictionary, but for assignments."""

    def __init__(self, names: dict, pins: Pins) -> None:
        self.names = names
        self._pins = pins

    def __getitem__(self, name: str) -> object:
        return self.names[name]

    def __setitem__(self, name: str, value: object) -> None:
        self.names[name] = self._pins.pin(name, value)

    def __delitem__(self, name: str) -> None:
        del self.names[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def copy(self) -> dict:
        return dict(self.names)


class ClassNamespace(dict):
    """The same for the body of a class of settings, whose names Python wants in a dictionary. The class keeps the pins of its own."""

    def __init__(self, wanted: Wanted, own_keys: set[str]) -> None:
        super().__init__()
        self._pins = Pins(wanted, own_keys)
        super().__setitem__(PINS_OF_CLASS, self._pins)

    def __setitem__(self, name: str, value: object) -> None:
        super().__setitem__(name, self._pins.pin(name, value))


class Finder:
    """Finds the settings module, and the modules that it takes settings from, and has them loaded with pins."""

    def __init__(self, pins: Pins) -> None:
        self.pins = pins
        self.guarded = {pins.wanted.settings}
        self._exec = builtins.exec

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name in self.guarded else None
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(self, spec.loader.name, spec.loader.path)
        return spec

    def exec(self, code: str | bytes | CodeType, names: dict | None = None, local: object = None, /, **more: object) -> None:
        """Stands in for Python's exec(): settings files are also executed, by django-split-settings and by hand."""
        if names is None:
            frame = sys._getframe(1)
            names, local = frame.f_globals, frame.f_locals if local is None else local
        if isinstance(names, Namespace):  # locals() of a settings module
            names, local = names.names, names if local is None else local
        if (local is None or local is names) and names.get("__name__") in self.guarded:
            local = Namespace(names, self.pins)
        if isinstance(local, Namespace):
            self.pins.loans.lend(*_tree_of(code))
        self._exec(code, names, local, **more)


class Loader(importlib.machinery.SourceFileLoader):
    """Executes a module of settings with pins."""

    def __init__(self, finder: Finder, name: str, path: str) -> None:
        super().__init__(name, path)
        self._finder = finder

    def exec_module(self, module: ModuleType) -> None:
        tree = ast.parse(Path(self.path).read_bytes(), self.path)
        self._finder.guarded.update(sources_of_settings(tree, module))
        pins = self._finder.pins
        pins.loans.lend(tree, self.path)
        self._finder._exec(self.get_code(module.__name__), module.__dict__, Namespace(module.__dict__, pins))


def _tree_of(code: str | bytes | CodeType) -> tuple[ast.Module, str]:
    """The syntax tree of what is executed, and its file. What cannot be read has an empty one."""
    file = code.co_filename if isinstance(code, CodeType) else ""
    try:
        return ast.parse(Path(file).read_bytes() if file else code), file
    except (OSError, SyntaxError, ValueError, TypeError):
        return ast.Module([], []), file


def sources_of_settings(tree: ast.Module, module: ModuleType) -> Iterator[str]:
    """The modules that this one takes settings from by their own names: `from .base import *`, `from conf import DEBUG`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" or (alias.name in IMPORTED and not alias.asname) for alias in node.names):
            try:
                yield importlib.util.resolve_name("." * node.level + (node.module or ""), module.__package__ or "")
            except ImportError:  # Python will say so when it comes there
                continue


def covers(value: object, hosts: tuple[str, ...]) -> bool:
    """Whether ALLOWED_HOSTS lets in these hosts, and not whatever host somebody sends."""
    if not isinstance(value, (list, tuple)) or "*" in value:
        return False
    patterns = [str(pattern).lower() for pattern in value]

    def lets_in(host: str) -> bool:
        name = host.lower().lstrip(".")
        above = any(pattern.startswith(".") and (name == pattern[1:] or name.endswith(pattern)) for pattern in patterns)
        return above or (host.lower() in patterns)

    return all(map(lets_in, hosts))


def directory(value: object, wanted: str) -> object:
    """The wanted directory as the project writes it, as a text or a path; the value itself if it is that directory."""
    if not wanted or (isinstance(value, (str, PurePath)) and str(value).rstrip("/") == wanted):
        return value
    return Path(wanted) if isinstance(value, PurePath) else wanted
