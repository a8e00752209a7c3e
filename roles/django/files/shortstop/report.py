"""What happens in a run of the engine, told as JSON lines: {step, result, message, seconds}."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

END = "end"  # the step of a report's last line, whose result is the run's
TAIL_LINES = 100
LINE_LENGTH = 1000  # characters
MESSAGE_LENGTH = 20_000  # characters
MASK = "********"
PASSWORD_OF_URL = re.compile(r"(\w://[^\s/:@]{0,200}:)[^\s/@]{1,200}@")


class StepFailed(Exception):
    """A step ended this run. Its text is a sentence to whoever started it, then the last lines of what was run."""


class CommandFailed(StepFailed):
    """A program ended badly; `output` is all that it printed."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def printable(text: str) -> str:
    """The text with each character escaped that could change how a terminal shows the rest."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else letter.encode("unicode_escape").decode("ascii") for letter in text)


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last lines of what a program printed."""
    return "\n".join(text.strip().split("\n")[-lines:])


class Report:
    """Writes to a file of its own, and none of the given secrets."""

    def __init__(self, path: Path, secrets: set[str] = frozenset()) -> None:
        """`secrets` may grow while the report is written."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = path.exists() and not path.read_bytes().endswith(b"\n")
        self.file = path.open("a", encoding="utf-8")
        if half:  # who wrote it was killed meanwhile
            self.file.truncate(path.read_bytes().rfind(b"\n") + 1)
        self.secrets = secrets
        self.start = time.monotonic()
        self.failure: tuple[str, str] = ("", "")

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self.file.close()

    def masked(self, text: str) -> str:
        """The text as it may be shown: without a secret, not too long, and as no terminal takes it for a command."""
        text = "\n".join(line[: 10 * LINE_LENGTH] for line in text.split("\n"))[: 10 * MESSAGE_LENGTH]
        for secret in sorted(self.secrets, key=len, reverse=True):  # a part of another one comes after it
            text = text.replace(secret, MASK)
        text = PASSWORD_OF_URL.sub(rf"\g<1>{MASK}@", text)
        # After that, or a part of a secret could be left where a line is cut.
        return printable("\n".join(line[:LINE_LENGTH] for line in text.split("\n"))[:MESSAGE_LENGTH])

    def say(self, step: str, result: str, message: str = "", seconds: float = 0.0, **more: object) -> None:
        line = {"step": step, "result": result, "message": self.masked(message), "seconds": round(seconds, 1), **more}
        try:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()  # what could not be written yet is tried again with the next line
        except OSError as error:
            # No run ends halfway since it cannot be told of.
            print(f"the report cannot be written ({error}): {json.dumps(line)}", file=sys.stderr)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, and tell what ends it; whatever that is, the caller meets it as StepFailed."""
        start = time.monotonic()
        self.say(name, "begun")
        try:
            yield
        except Exception as error:
            message = str(error) if isinstance(error, StepFailed) else f"{type(error).__name__}: {error}"
            self.say(name, "failed", message, time.monotonic() - start)
            self.failure = self.failure if self.failure[0] else (name, message)
            raise StepFailed(message) from error
        self.say(name, "done", seconds=time.monotonic() - start)

    def end(self, result: str, release: str, message: str = "") -> None:
        """The last line: what became of the run, and which release it was about."""
        self.say(END, result, message, time.monotonic() - self.start, release=release)
