"""Lending: variables that nobody gave, and that the settings read what only this server knows from, have the site's values meanwhile."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from .wanted import ENGINES, Wanted, kind_of

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
DATABASE_KEYS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
# How django-environ, environs and dj-database-url call what reads a URL.
READS_URL = ("db", "db_url", "dj_db_url", "config", "parse")
# How the usual readers of variables are called.
READERS = ("environ", "env", "config")
# dynaconf takes variables that begin with DJANGO_ for settings, and these lists for texts.
LISTS = ("DJANGO_ALLOWED_HOSTS", "DJANGO_CSRF_TRUSTED_ORIGINS", "DJANGO_SECRET_KEY_FALLBACKS")
# Words for a developer's environment, and those for the one of a server.
DEVELOPERS = ("local", "dev", "devel", "develop", "development", "test", "testing")
PRODUCTION = ("production", "prod")
DEEPEST = 5  # names in one another


class Loans:
    """What is lent while the project's settings are loaded, and taken back afterwards. `told` says what else was chosen by it."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.told: list[str] = []
        self.required: dict[str, None] = {}  # variables that are read without a default, in their order
        self._before: dict[str, str | None] = {}

    def lend(self, tree: ast.Module, file: str) -> None:
        """Lend what a module of settings needs, whose syntax tree this is."""
        reads = _Reads(tree)
        self.required.update(dict.fromkeys(reads.required()))
        lent = {name: value for name, value in self._loans(reads) if name not in os.environ}
        for name, word in _stages(tree, Path(file).parent):
            if name not in os.environ and name not in lent:
                lent[name] = word
                self.told.append(f"variable {name}: not set, here {word}")
        if _imports_dynaconf(tree):
            lent.update((name, f"@json {json.dumps(os.environ[name].split(','))}") for name in LISTS if os.environ.get(name, "@")[0] != "@")
        for name in lent:
            self._before.setdefault(name, os.environ.get(name))
        os.environ.update(lent)

    def take_back(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()

    def _loans(self, reads: _Reads) -> Iterator[tuple[str, str]]:
        wanted = self.wanted
        of_settings = {
            "SECRET_KEY": wanted.secret_key,
            "DEBUG": "0",
            "ALLOWED_HOSTS": ",".join(wanted.hosts),
            "CSRF_TRUSTED_ORIGINS": ",".join(wanted.origins),
            "STATIC_ROOT": wanted.static_root,
            "MEDIA_ROOT": wanted.media_root,
        }
        for name, keys, value in reads.assignments:
            if name in of_settings and not wanted.leaves(name):
                yield from ((variable, of_settings[name]) for variable in reads.variables(value))
            elif name == "DATABASES" and "default" in wanted.databases and not wanted.leaves("DATABASES"):
                yield from self._loans_of_databases(reads, keys, value)

    def _loans_of_databases(self, reads: _Reads, keys: list, value: ast.expr) -> Iterator[tuple[str, str]]:
        """What is lent for the value of DATABASES, or of a part of it."""
        database = self.wanted.databases["default"]
        if not keys:
            for alias, entry in reads.items(value):
                yield from self._loans_of_databases(reads, [alias], entry)
        elif keys == ["default"]:
            for call in ast.walk(reads.resolved(value)):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in READS_URL:
                    yield from ((variable, self.wanted.urls["default"]) for variable in reads.variables(call))
            for setting, text in reads.items(value):
                yield from self._loans_of_databases(reads, ["default", setting], text)
        elif keys == ["default", "ENGINE"]:
            read = reads.resolved(value)
            # A default that fits may know more, such as PostGIS.
            if isinstance(read, (ast.Call, ast.Subscript)) and kind_of(_default(read)) != database.kind:
                yield from ((variable, ENGINES[database.kind, False]) for variable in reads.variables(read))
        elif keys[0] == "default" and keys[1] in DATABASE_KEYS:
            # Where the site's is empty, settings may still want a number, or some name.
            instead = {"PORT": "5432", "USER": self.wanted.variables.get("DJANGO_PG_USER_NAME", "")}
            text = database.settings[keys[1]] or instead.get(keys[1], "")
            yield from ((variable, text) for variable in reads.variables(value))


class _Reads:
    """The assignments of a module, and which variables their values are read from."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.assignments: list[tuple[str, list, ast.expr]] = []  # a name, the keys below it, and the value
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    name, *keys = _path(target)
                    self.assignments.append((name, keys, node.value))
        self._names = {name: value for name, keys, value in self.assignments if name and not keys}

    def resolved(self, node: ast.expr) -> ast.expr:
        """The value of a name that the same module assigned."""
        for _depth in range(DEEPEST):
            if not isinstance(node, ast.Name) or node.id not in self._names:
                break
            node = self._names[node.id]
        return node

    def items(self, node: ast.expr) -> Iterator[tuple[object, ast.expr]]:
        """The items of a dictionary's display whose keys are constants."""
        node = self.resolved(node)
        if isinstance(node, ast.Dict):
            yield from ((key.value, value) for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant))

    def variables(self, node: ast.expr, depth: int = 0) -> Iterator[str]:
        """The names of variables that an expression reads: `os.environ["NAME"]`, `env("NAME")`, `config("NAME", default="")`."""
        for part in ast.walk(node):
            first = _first(part)
            if isinstance(first, str) and VARIABLE.fullmatch(first):
                yield first
            elif isinstance(part, ast.Name) and part.id in self._names and depth < DEEPEST:
                yield from self.variables(self._names[part.id], depth + 1)

    def required(self) -> Iterator[str]:
        """Those that are read without a default."""
        for part in ast.walk(self.tree):
            first = _first(part)
            if not isinstance(first, str) or not VARIABLE.fullmatch(first):
                continue
            of = part.value if isinstance(part, ast.Subscript) else part.func
            names = {getattr(of, "id", ""), getattr(of, "attr", ""), getattr(getattr(of, "value", None), "id", "")}
            is_read = isinstance(part, ast.Call) and len(part.args) == 1 and not any(word.arg == "default" for word in part.keywords)
            if names.intersection(READERS) and (isinstance(part, ast.Subscript) or (is_read and getattr(of, "attr", "") not in ("get", "pop"))):
                yield first


def _first(part: ast.AST) -> object:
    """The constant that an expression's subscript or call begins with."""
    first = part.slice if isinstance(part, ast.Subscript) else part.args[0] if isinstance(part, ast.Call) and part.args else None
    return first.value if isinstance(first, ast.Constant) else None


def _default(part: ast.AST) -> str:
    """The default of a call that reads a variable, "" if it has none that is a text."""
    given = [*part.args[1:2], *(word.value for word in part.keywords if word.arg == "default")] if isinstance(part, ast.Call) else []
    return next((value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)), "")


def _path(target: ast.expr) -> list:
    """`DATABASES["default"]["NAME"]` as its name and its keys."""
    keys = []
    while isinstance(target, ast.Subscript):
        keys.insert(0, getattr(target.slice, "value", None))
        target = target.value
    return [getattr(target, "id", ""), *keys]


def _stages(tree: ast.Module, directory: Path) -> Iterator[tuple[str, str]]:
    """Variables that choose a developer's settings by default, and the word that chooses those of a server."""
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    word = next((word for word in PRODUCTION if word in texts or any(directory.glob(f"{word}.py")) or any(directory.glob(f"*/{word}.py"))), None)
    for part in ast.walk(tree) if word else ():
        first = _first(part)
        if isinstance(first, str) and VARIABLE.fullmatch(first) and _default(part).lower() in DEVELOPERS:
            yield first, word


def _imports_dynaconf(tree: ast.Module) -> bool:
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [getattr(node, "module", None) or alias.name for node in imports for alias in node.names]
    return any(name.partition(".")[0] == "dynaconf" for name in names)
