"""What a module may do at its top, for a test that compares its names with and without pins."""

from __future__ import annotations

import collections.abc as _abc
import contextlib
import dataclasses
import enum
import os.path
import sys
import typing
from pathlib import Path

from other import *

BASE = Path(__file__).name
NAME = __name__
DOC = __doc__
DEBUG, OTHER = True, 1
(SECRET_KEY, *REST) = ["public", 2, 3]
ALLOWED_HOSTS: list[str] = []
ALLOWED_HOSTS += ["more"]
STATIC_ROOT = Path("/x")
MEDIA_ROOT = "/x"
FROM_DEBUG = ["debug"] if DEBUG else []
FROM_KEY = f"{SECRET_KEY}!"
ANNOTATED: int = 3
ONLY_ANNOTATED: str

COMPREHENSION = [x + y for x in range(2) for y in range(x)]
GENERATED = tuple(name for name in ("A", "B") if name not in globals())
NESTED = {key: [other for other in [key]] for key in "ab"}
SEEN_BY_A_COMPREHENSION = [DEBUG for _ in range(1)]
LAMBDA = (lambda value: value + OTHER)(1)
WALRUS = (walrus := 5) + walrus
CHAINED = ALSO = []
ALSO.append(CHAINED is ALSO)


def function():
    return DEBUG, SECRET_KEY


SEEN_BY_A_FUNCTION = function()


def sets_global():
    global SET_BY_GLOBAL
    SET_BY_GLOBAL = 1


sets_global()


def outer():
    kept = [1]

    def inner():
        nonlocal kept
        kept = [*kept, 2]
        return kept

    return inner()


CLOSURE = outer()


class Class:
    seen = DEBUG
    names = sorted(name for name in ("seen",))

    class Inner:
        value = OTHER

    @property
    def property(self):
        return self.seen

    @staticmethod
    def static():
        return OTHER


SEEN_BY_A_CLASS = Class().property
STATIC = Class.static() + Class.Inner.value


@dataclasses.dataclass
class Data:
    number: int = 1
    names: list[str] = dataclasses.field(default_factory=list)


DATA = Data()


class Color(enum.Enum):
    RED = 1


class Pair(typing.NamedTuple):
    first: int
    second: str = "b"


PAIR = Pair(1)
COLOR = Color.RED.name

SEEN_IN_LOCALS = locals()["DEBUG"]
locals()["SET_IN_LOCALS"] = 1
vars()["SET_IN_VARS"] = 2
globals()["SET_IN_GLOBALS"] = 3
locals().update(UPDATED=4)
locals().setdefault("DEFAULTED", 5)
COPY = sorted(name for name in locals().copy() if name.startswith("SET_IN"))
HAS = "OTHER" in locals(), "NOTHING" in vars(), locals().get("NOTHING", 6)
LISTED = [key for key, _value in list(locals().items()) if key == "OTHER"]
exec("EXECUTED = OTHER + 1")
exec("EXECUTED_IN_GLOBALS = OTHER + 2", globals())
exec("value = 1", {}, executed_apart := {})
EVALUATED = eval("OTHER + 3")

DELETED = 1
del DELETED
for LOOPED in range(3):
    if LOOPED == 1:
        break
else:
    LOOPED = "all"
while OTHER < 3:
    OTHER += 1
try:
    import nothing_of_this_name
except ImportError as error:
    MISSED = type(error).__name__
finally:
    FINALLY = True
try:
    _ = {}["x"]
except (KeyError, ValueError):
    CAUGHT = True
with contextlib.suppress(ZeroDivisionError) as SUPPRESSED:
    1 / 0
match REST:
    case [first, second]:
        MATCHED = first + second
    case _:
        MATCHED = None
assert isinstance(COMPREHENSION, _abc.Sequence)


def decorator(function):
    function.marked = True
    return function


@decorator
def decorated():
    yield from (1, 2)


MARKED = decorated.marked, list(decorated())


async def coroutine():
    return 1


def recursive(number):
    return number if number < 1 else recursive(number - 1)


RECURSIVE = recursive(3)
ABSOLUTE = os.path.isabs("/x")
VERSION = sys.version_info[0]
if "OTHER" in dir():
    IN_DIR = True
