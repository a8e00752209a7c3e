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
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("w", encoding="utf-8")

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_error: object) -> None:
        self.file.close()

    def say(self, step: str, result: str, message: str = "", seconds: float = 0.0) -> None:
        line = {"step": step, "result": result, "message": message, "seconds": round(seconds, 1)}
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step, and name it in whatever ends it."""
        start = time.monotonic()
        try:
            yield
        except (StepFailed, OSError) as error:
            self.say(name, "failed", str(error), time.monotonic() - start)
            raise StepFailed(f"{name}: {error}") from error
        self.say(name, "done", seconds=time.monotonic() - start)
