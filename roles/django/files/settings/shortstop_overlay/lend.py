"""Lending: variables that nobody gave, and that the settings read their secret key or database from, have the site's values meanwhile."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from .wanted import Wanted

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
DATABASE_KEYS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
# How django-environ, environs and dj-database-url call what reads a URL.
READS_URL = ("db", "db_url", "dj_db_url", "config", "parse")
# dynaconf takes variables that begin with DJANGO_ for settings, and these lists for texts.
LISTS = ("DJANGO_ALLOWED_HOSTS", "DJANGO_CSRF_TRUSTED_ORIGINS", "DJANGO_SECRET_KEY_FALLBACKS")


@contextmanager
def lend(tree: ast.Module, wanted: Wanted) -> Iterator[None]:
    """While a module of settings is executed, whose syntax tree this is."""
    lent = {name: value for name, value in _loans(tree, wanted) if name not in os.environ}
    if _imports_dynaconf(tree):
        lent.update((name, f"@json {json.dumps(os.environ[name].split(','))}") for name in LISTS if os.environ.get(name))
    before = {name: os.environ.get(name) for name in lent}
    os.environ.update(lent)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _imports_dynaconf(tree: ast.Module) -> bool:
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [getattr(node, "module", None) or alias.name for node in imports for alias in node.names]
    return any(name.partition(".")[0] == "dynaconf" for name in names)


def _loans(tree: ast.Module, wanted: Wanted) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            name, *keys = _path(target)
            if name == "SECRET_KEY" and not wanted.leaves("SECRET_KEY"):
                yield from ((variable, wanted.secret_key) for variable in _variables(node.value))
            elif name == "DATABASES" and "default" in wanted.databases and not wanted.leaves("DATABASES"):
                yield from _loans_of_databases(keys, node.value, wanted)


def _path(target: ast.expr) -> list:
    """`DATABASES["default"]["NAME"]` as its name and its keys."""
    keys = []
    while isinstance(target, ast.Subscript):
        keys.insert(0, getattr(target.slice, "value", None))
        target = target.value
    return [getattr(target, "id", ""), *keys]


def _loans_of_databases(keys: list, value: ast.expr, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """What is lent for the value of DATABASES, or of a part of it."""
    if not keys:
        for alias, entry in _items(value):
            yield from _loans_of_databases([alias], entry, wanted)
    elif keys == ["default"]:
        for call in ast.walk(value):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in READS_URL:
                yield from ((variable, wanted.urls["default"]) for variable in _variables(call))
        for setting, text in _items(value):
            yield from _loans_of_databases(["default", setting], text, wanted)
    elif keys[0] == "default" and keys[1] in DATABASE_KEYS:
        yield from ((variable, wanted.databases["default"].settings[keys[1]]) for variable in _variables(value))


def _items(node: ast.expr) -> Iterator[tuple[object, ast.expr]]:
    """The items of a dictionary's display whose keys are constants."""
    if isinstance(node, ast.Dict):
        yield from ((key.value, value) for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant))


def _variables(node: ast.expr) -> Iterator[str]:
    """The names of variables that an expression reads: `os.environ["NAME"]`, `env("NAME")`, `config("NAME", default="")`."""
    for part in ast.walk(node):
        first = part.slice if isinstance(part, ast.Subscript) else part.args[0] if isinstance(part, ast.Call) and part.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and VARIABLE.fullmatch(first.value):
            yield first.value
