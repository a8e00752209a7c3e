"""Mails the admins what went wrong: each error at most once an hour, without settings or secrets, and at nobody's expense."""

import fcntl
import hashlib
import logging
import os
import re
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore

from django.conf import settings
from django.core.mail import mail_admins
from django.http import HttpRequest

EVERY = 3600  # seconds between two mails of one error
LONGEST_QUEUE = 20
REST = 60  # seconds that a mail server which takes nothing is left alone, lest the end of a process waits for each mail
SECRET = re.compile("API|AUTH|KEY|PASS|SECRET|SIGNATURE|TOKEN|ADMIN_PATH|DATABASE_URL", re.IGNORECASE)
TOLD_HEADERS = ("Host", "User-Agent", "Referer", "X-Forwarded-For")

logger = logging.getLogger(__name__)


class MailHandler(logging.Handler):
    """Sends from a thread of its own, so that no visitor waits for a mail server. What it has accepted it sends before the process ends."""

    def __init__(self) -> None:
        super().__init__()
        self._sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
        self._places = BoundedSemaphore(LONGEST_QUEUE)
        self._rests_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        # What it says itself must not be mailed by itself.
        if not settings.ADMINS or record.name == logger.name:
            return
        try:
            subject, text = report(record)
            if self._places.acquire(blocking=False):
                self._sender.submit(self._send, fingerprint(record), subject, text)
            else:
                logger.warning("Too many mails wait; this one is left out: %s", subject)
        except Exception:  # noqa: BLE001 a handler of errors makes none; logging says what became of it
            self.handleError(record)

    def _send(self, error: str, subject: str, text: str) -> None:
        try:
            if time.monotonic() < self._rests_until:
                return
            with once_per_hour(error) as is_first:
                if is_first:
                    mail_admins(subject, text)
        except Exception as failure:  # noqa: BLE001 whatever hinders a mail is told, and hinders nothing else
            logger.warning("The mail %r could not be sent: %s", subject, failure)
            self._rests_until = time.monotonic() + REST
        finally:
            self._places.release()


def fingerprint(record: logging.LogRecord) -> str:
    """What makes two errors the same one: the kind of the exception and where it was raised; without one, the message's own text."""
    kind, _value, trace = record.exc_info or (None, None, None)
    if kind is None:
        what = f"{record.name}:{record.msg}"
    else:
        # The file by its name: its directory is another one in each release.
        places = [f"{os.path.basename(place.filename)}:{place.lineno}" for place in traceback.extract_tb(trace)[-1:]]
        what = f"{kind.__module__}.{kind.__qualname__}:{places}"
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def report(record: logging.LogRecord) -> tuple[str, str]:
    """Subject and text of a record's mail."""
    parts = [record.getMessage()]
    if isinstance(request := getattr(record, "request", None), HttpRequest):
        headers = [f"{name}: {request.headers[name]}" for name in TOLD_HEADERS if name in request.headers]
        parts.append("\n".join([f"{request.method} {request.get_full_path()}", *headers]))
    if record.exc_info and record.exc_info[0]:
        parts.append("".join(traceback.format_exception(*record.exc_info)))
    parts.append(f"Release: {settings.SHORTSTOP_RELEASE or 'none'}")
    subject, text = without_secrets(record.getMessage()), without_secrets("\n\n".join(parts))
    return f"{record.levelname}: {' '.join(subject.split())[:150]}", text


def without_secrets(text: str) -> str:
    """The text without any value of the environment whose name says that it is secret, and without the database's password."""
    secrets = [value for name, value in os.environ.items() if SECRET.search(name)] + [str(settings.DATABASES["default"].get("PASSWORD", ""))]
    # As they stand, and as Python shows them inside of quotes. The longest first, since one may hold another.
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1]) if len(form) > 3}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


@contextmanager
def once_per_hour(error: str) -> Iterator[bool]:
    """Whether an error is to be mailed now, of all processes of the site by one. If the mail cannot be sent, the next error is to be."""
    directory = Path(settings.STATE_DIR) / "mailed"
    directory.mkdir(mode=0o700, exist_ok=True)
    with (directory / error).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        is_first = time.time() - float(file.read() or 0) >= EVERY
        yield is_first
        if is_first:
            file.truncate(0)
            file.write(str(time.time()))
