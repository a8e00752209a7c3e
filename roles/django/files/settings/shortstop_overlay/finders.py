"""Finds the static files that a source has in the project's own STATIC_ROOT."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.contrib.staticfiles import utils
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

# What collectstatic or a compressor once left there.
LEFT = ("staticfiles.json", ".gz", ".br")


class CommittedFinder(BaseFinder):
    """To be the last one: an app's file of the same name goes first."""

    def __init__(self, *_arguments: object, **_more: object) -> None:
        self.storage = FileSystemStorage(location=settings.SHORTSTOP_COMMITTED_STATIC)
        self.storage.prefix = ""

    def check(self, **_more: object) -> list:
        return []

    def find(self, path: str, find_all: bool = False, all: bool = False) -> str | list[str]:
        found = [self.storage.path(path)] if self.storage.exists(path) else []
        return found if find_all or all else next(iter(found), [])

    def list(self, ignore_patterns: object) -> Iterator[tuple[str, FileSystemStorage]]:
        for path in utils.get_files(self.storage, ignore_patterns):
            if not path.endswith(LEFT):
                yield path, self.storage
