"""The work of all packages once, or again and again."""

from __future__ import annotations

import json
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from lab import work


class Command(BaseCommand):
    help = "Does the work of each package and leaves its results for a test to read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the file in the site's own directory")
        parser.add_argument("--every", type=float, help="seconds between two rounds; by default there is one")

    def handle(self, *_args: object, name: str, every: float | None, **_options: object) -> None:
        while True:
            results = {package: do() for package, do in work.ALL.items()}
            file = settings.STATE_DIR / f"{name}.json"
            file.with_suffix(".new").write_text(json.dumps(results), encoding="utf-8")
            file.with_suffix(".new").rename(file)
            if every is None:
                return
            time.sleep(every)
