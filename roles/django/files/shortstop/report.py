"""What happens in a deploy, told as JSON lines: {step, result, seconds, message}."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StepFailed(Exception):
    """A step ended this deploy. Its text is a sentence to whoever deploys, then the last lines of what was run."""


class Report:
    """Writes to a file of its own, and none of the given secrets."""

    def __init__(self, path: Path, secrets: set[str] = frozenset()) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.file = path.open("w", encoding="utf-8")
        self.secrets = sorted(secrets, key=len, reverse=True)  # a part of another one comes after it

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_error: object) -> None:
        self.file.close()

    def say(self, step: str, result: str, message: str = "", seconds: float = 0.0) -> None:
        for secret in self.secrets:
            message = message.replace(secret, "********")
        line = {"step": step, "result": result, "message": message, "seconds": round(seconds, 1)}
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, and tell what ends it; whatever that is, the caller meets it as StepFailed."""
        start = time.monotonic()
        try:
            yield
        except Exception as error:
            message = str(error) if isinstance(error, StepFailed) else f"{type(error).__name__}: {error}"
            self.say(name, "failed", message, time.monotonic() - start)
            raise StepFailed(message) from error
        self.say(name, "done", seconds=time.monotonic() - start)
