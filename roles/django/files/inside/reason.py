"""Run inside a release: asks for a path in this process, with Django's test client, and says why the answer is no page.

reason.py PATH HOST SCHEME SECONDS

What takes longer than that is ended, and the lines that it was at are printed.
"""

import contextlib
import faulthandler
import json
import logging
import sys
import traceback

path, host, scheme, seconds = sys.argv[1:]
from shortstop_project import one_line, set_up

set_up()
# The question alone is timed: what the project needs to load it needed for every command before.
faulthandler.dump_traceback_later(float(seconds), exit=True, file=sys.stdout)

from django.conf import settings
from django.db import connections
from django.db.transaction import atomic
from django.test import Client

MOST_LINES = 500  # of a traceback


class Undo(Exception):
    """Ends a transaction so that nothing of it stays."""


class Listener(logging.Handler):
    """Keeps what django.security says, such as which host it does not know."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def undone():
    """Undo what a request writes to the databases. One that cannot be reached has nothing to undo."""
    with contextlib.suppress(Undo), contextlib.ExitStack() as transactions:
        for alias in connections:
            with contextlib.suppress(Exception):
                connections[alias].ensure_connection()
                block = atomic(using=alias)
                block._from_testcase = True  # or a view with a durable transaction of its own would be refused
                transactions.enter_context(block)
        yield
        raise Undo


def ask():
    """The status, 0 where the request ended in an exception, and the lines of that."""
    headers = {"HTTP_HOST": host, "HTTP_X_FORWARDED_PROTO": scheme, "HTTP_USER_AGENT": "shortstop", "REMOTE_ADDR": "127.0.0.1"}
    try:
        return Client().get(path, secure=scheme == "https", **headers).status_code, []
    except Exception:
        return 0, traceback.format_exc().splitlines()


listener = Listener()
# A project may have silenced one of them, such as that of unknown hosts.
for name in {"django.security", *(name for name in logging.root.manager.loggerDict if name.startswith("django.security."))}:
    logger = logging.getLogger(name)
    logger.handlers, logger.propagate, logger.disabled = [listener], False, False
    logger.setLevel(logging.WARNING)
with undone():
    status, lines = ask()
faulthandler.cancel_dump_traceback_later()
answer = {"status": status, "traceback": lines[-MOST_LINES:], "logged": listener.lines[:10], "hosts": list(settings.ALLOWED_HOSTS)[:100]}
print("shortstop answers: " + json.dumps({key: value if key == "status" else [one_line(item) for item in value] for key, value in answer.items()}))
