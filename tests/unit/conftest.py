"""Puts the collection on the import path, as `make setup` links it into the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".ansible" / "collections"

if not (COLLECTIONS / "ansible_collections" / "shortstop" / "django").exists():
    pytest.exit('The collection is not linked into .ansible/collections; run "make setup" first.', returncode=2)
sys.path.insert(0, str(COLLECTIONS))

# The same examples at each run, and no clock: a slow machine fails no test.
settings.register_profile("shortstop", deadline=None, derandomize=True)
settings.load_profile("shortstop")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source with all that the contract looks for."""
    directory = tmp_path.resolve() / "source"
    directory.mkdir()
    (directory / "requirements.txt").write_text("django\n", encoding="utf-8")
    (directory / "manage.py").write_text(
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n', encoding="utf-8"
    )
    return directory
