"""LOGGING: errors reach standard error, and by that the site's journal, where a project's settings have them reach nothing but mail."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .table import Table

LOGGERS = ("django.request", "django.security")
DICT_CONFIG = "logging.config.dictConfig"
_state: dict = {"configure": DICT_CONFIG, "told": []}


def lay_over(table: Table) -> None:
    """Have Django configure logging by this module, which looks at what the project's configuration leads to."""
    own = table.names.get("LOGGING_CONFIG", DICT_CONFIG)
    if own is None or table.wanted.leaves("LOGGING") or table.wanted.leaves("LOGGING_CONFIG"):
        return
    _state.update(configure=own, told=table.told)
    table.names["LOGGING_CONFIG"] = f"{__name__}.configure"
    # Django configures nothing for an empty one.
    table.names["LOGGING"] = table.names.get("LOGGING") or {"version": 1, "disable_existing_loggers": False}


def configure(configuration: dict) -> None:
    """What LOGGING_CONFIG names."""
    from django.utils.module_loading import import_string

    own = _state["configure"]
    (import_string(own) if isinstance(own, str) else own)(_writable(configuration))
    loggers = {name: logging.getLogger(name) for name in LOGGERS}
    if off := [name for name, logger in loggers.items() if logger.disabled]:
        _state["told"].append(f"LOGGING: {' and '.join(off)} off by disable_existing_loggers, here on")
    for name in off:
        loggers[name].disabled = False
    if unheard := [name for name, logger in loggers.items() if not reaches_something(logger)]:
        _state["told"].append(f"LOGGING: errors of {' and '.join(unheard)} reach nothing but mail, here standard error, too")
    for name in unheard:
        handler = logging.StreamHandler()
        handler.setLevel(logging.ERROR)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        loggers[name].addHandler(handler)


def _writable(configuration: object) -> object:
    """The configuration with standard error for each file that cannot be written, such as one in the source."""
    handlers = configuration.get("handlers") if isinstance(configuration, dict) else None
    new = dict(handlers or {})
    for name, handler in new.items():
        file = handler.get("filename") if isinstance(handler, dict) else None
        if file and not os.access(file if os.path.exists(file) else os.path.dirname(os.path.abspath(file)), os.W_OK):
            new[name] = {"class": "logging.StreamHandler", **{key: handler[key] for key in ("level", "formatter", "filters") if key in handler}}
            _state["told"].append(f"LOGGING: handler {name} writes to {file}, which cannot be written, here to standard error")
    return {**configuration, "handlers": new} if handlers else configuration


def reaches_something(logger: logging.Logger) -> bool:
    """Whether an error has a handler, while DEBUG is off, other than one for mail."""
    from django.utils.log import AdminEmailHandler, RequireDebugTrue

    if not logger.isEnabledFor(logging.ERROR):
        return False
    at: logging.Logger | None = logger
    while at:
        for handler in at.handlers:
            is_silent = isinstance(handler, (AdminEmailHandler, logging.NullHandler)) or any(isinstance(one, RequireDebugTrue) for one in handler.filters)
            if handler.level <= logging.ERROR and not is_silent:
                return True
        at = at.parent if at.propagate else None
    return False
