"""Loads the project's settings with pins, and lays the table over them."""

from __future__ import annotations

import errno
import importlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import django.conf
from django.conf import global_settings

from .errors import SettingsRefused
from .pins import ClassNamespace, Pins
from .table import Table
from .wanted import Wanted, initial_environment

MODULE = "shortstop_settings"
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
DJANGO_SETTINGS = django.conf.settings
# As Python, django-environ, python-decouple, environs and pydantic name a variable that is missing.
MISSING = (
    re.compile(r"^'([A-Za-z_][A-Za-z0-9_]*)'$"),
    re.compile(r"Set the (\w+) environment variable"),
    re.compile(r"^(\w+) not found\. Declare it as envvar"),
    re.compile(r'Environment variable "(\w+)" not set'),
    re.compile(r"^(\w+)\n  Field required", re.MULTILINE),
)


class Loaded:
    """What is known of the settings that this process runs with."""

    def __init__(self) -> None:
        self.wanted = Wanted.from_environment(initial_environment())
        self.pins = Pins(self.wanted)
        self.told: list[str] = []
        self.not_made: list[str] = []  # directories


_loaded: list[Loaded] = []


def loaded() -> Loaded | None:
    """None where this process has not loaded the release's settings."""
    return _loaded[-1] if _loaded else None


def settings_into(namespace: dict) -> None:
    """Fill the namespace of our settings module."""
    now = Loaded()
    with _as_the_project(now.wanted.settings), now.pins.hold(), _pinned_classes(now.pins), _read_only(now.not_made):
        own = _own_module(now)
    configuration = os.environ.get("DJANGO_CONFIGURATION")
    if configuration and isinstance(getattr(own, configuration, None), type):
        namespace[configuration] = _configured(now, getattr(own, configuration), namespace)
    else:
        names = {name: value for name, value in vars(own).items() if name.isupper()}
        dynamic = django.conf.settings if is_dynaconf(django.conf.settings) else None
        if dynamic:
            names.update((name, _plain(dynamic.get(name))) for name in dynamic if name.isupper() and not _is_default(name, dynamic.get(name)))
            # It reads its files when the module has come to its end, so that nothing was computed from it.
            if names.get("DEBUG"):
                names["DEBUG"], now.pins.replaced["DEBUG"] = False, names["DEBUG"]
        before = dict(names)
        _apply(now, names)
        namespace.update(names)
        # A part of the project may import its settings module itself.
        vars(own).update(names)
        for name, value in names.items() if dynamic else ():
            if before.get(name) is not value or name == "DEBUG":
                dynamic.set(name, value)
    _loaded.append(now)


def _apply(now: Loaded, names: dict) -> None:
    """Lay the table over the names."""
    made = [f"{path}: the settings make this directory, and a release is read-only, so it is not made" for path in now.not_made]
    table = Table(names, now.wanted, now.pins)
    table.told += now.pins.loans.told + made
    now.told = table.apply()


def _is_default(name: str, value: object) -> bool:
    """Whether dynaconf has this setting from Django alone."""
    return hasattr(global_settings, name) and getattr(global_settings, name) == value


@contextmanager
def _read_only(not_made: list[str]) -> Iterator[None]:
    """Settings that make a directory in their source find that it is not to be, and go on."""
    mkdir = os.mkdir

    def make(path: str | os.PathLike, *arguments: object, **more: object) -> None:
        try:
            mkdir(path, *arguments, **more)
        except OSError as error:
            if error.errno not in READ_ONLY and os.path.dirname(os.path.abspath(path)) not in not_made:
                raise
            not_made.append(os.path.abspath(path))

    os.mkdir = make
    try:
        yield
    finally:
        os.mkdir = mkdir


@contextmanager
def _as_the_project(settings: str) -> Iterator[None]:
    """Settings may read which module they are."""
    before = os.environ.get("DJANGO_SETTINGS_MODULE", MODULE)
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    try:
        yield
    finally:
        os.environ["DJANGO_SETTINGS_MODULE"] = before


@contextmanager
def _pinned_classes(pins: Pins) -> Iterator[None]:
    """Pins in the bodies of classes of django-configurations."""
    if not os.environ.get("DJANGO_CONFIGURATION"):
        yield
        return
    from configurations.base import ConfigurationBase

    ConfigurationBase.__prepare__ = classmethod(lambda *_arguments, **_more: ClassNamespace(pins.wanted, pins.own_keys))
    try:
        yield
    finally:
        del ConfigurationBase.__prepare__


def _own_module(now: Loaded) -> ModuleType:
    name = now.wanted.settings
    try:
        # Whoever imported it before did so without pins.
        return importlib.reload(sys.modules[name]) if name in sys.modules else importlib.import_module(name)
    except SettingsRefused:
        raise
    except Exception as error:
        sentence = _sentence(now, error)
        if not sentence:
            raise
        raise SettingsRefused(sentence) from error


def _sentence(now: Loaded, error: Exception) -> str:
    """What to do about an error of the settings, or an empty text if nothing is known of it."""
    name = now.wanted.settings
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return f'there is no module {error.name} in the source, which the settings {name} are to be; give the settings module by the key "settings"'
    if isinstance(error, OSError) and error.errno in READ_ONLY and error.filename:
        return f"the settings {name} write to {error.filename}, and a release is read-only; let them write below the variable DJANGO_STATE_DIR"
    variable = _missing_variable(error)
    if not variable:
        return ""
    missing = [variable, *(one for one in now.pins.loans.required if one not in os.environ and one != variable)]
    of = "a variable" if len(missing) == 1 else "variables"
    return (
        f"the settings {name} read {of} {', '.join(missing)}, which this site does not have; give {'it' if len(missing) == 1 else 'them'} in"
        f' "environment", or let "environment_names: {{{variable}: …}}" take its value from another'
    )


def _missing_variable(error: BaseException) -> str:
    """The variable that the settings missed, or an empty text if the error is another."""
    text = str(error)
    names = [match[1] for pattern in MISSING if (match := pattern.search(text))]
    if not names or names[0].upper() in os.environ or (isinstance(error, KeyError) and not _is_of_environment(error)):
        return ""
    return names[0].upper()


def _is_of_environment(error: BaseException) -> bool:
    """Whether os.environ raised it."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "os"


def _configured(now: Loaded, own: type, namespace: dict) -> type:
    """A class of django-configurations that lays the table over what the project's class leads to."""

    def post_setup(cls: type) -> None:
        super(configured, cls).post_setup()
        now.pins.adopt(own)
        names = {name: value for name, value in namespace.items() if name.isupper()}
        _apply(now, names)
        namespace.update(names)
        vars(sys.modules[now.wanted.settings]).update(names)

    configured = type(own)(own.__name__, (own,), {"__module__": MODULE, "post_setup": classmethod(post_setup)})
    return configured


def is_dynaconf(settings: object) -> bool:
    """Whether dynaconf has put an object of its own in the place of django.conf.settings, which then reads no module.

    What imported django.conf.settings before, such as Django's own handlers, goes on to use Django's.
    """
    return type(settings).__module__.startswith("dynaconf")


def _plain(value: object) -> object:
    """dynaconf's own kinds of dictionary and list as Python's."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
