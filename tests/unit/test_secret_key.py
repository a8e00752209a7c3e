"""Module secret_key: a key that its host makes, exchanges, and takes back, which is in no result."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE = re.compile(r"[A-Za-z0-9_-]{67}")


class Key:
    """A site's key and the environment of its live release, with the module as Ansible runs it."""

    def __init__(self, directory: Path) -> None:
        self.file, self.live = directory / "blog.secret_key", directory / "0a1b.env"

    def run(self, state: str = "present", *, check: bool = False, fails: bool = False) -> dict:
        given = {"path": str(self.file), "state": state, "live": None if state == "present" else str(self.live), "_ansible_check_mode": check}
        environment = {"PYTHONPATH": str(ROOT / ".ansible/collections")}
        module = "ansible_collections.shortstop.django.plugins.modules.secret_key"
        done = subprocess.run(
            [sys.executable, "-m", module], input=json.dumps({"ANSIBLE_MODULE_ARGS": given}), env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        assert [line for line in self.lines if line in done.stdout] == []
        return json.loads(done.stdout)

    @property
    def lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []

    def release(self, key: str, fallback: str = "", before: str = "") -> None:
        """Have a live release with these."""
        self.live.write_text(f'{before}A="1"\nDJANGO_SECRET_KEY="{key}"\n' + (f'DJANGO_SECRET_KEY_FALLBACKS="{fallback}"\n' if fallback else ""))


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return Key(tmp_path)


def test_it_works(key):
    assert key.run()["changed"]
    (made,) = key.lines
    assert MADE.fullmatch(made)
    assert key.file.stat().st_mode & 0o777 == 0o600
    assert not key.run()["changed"]
    assert key.lines == [made]


def test_a_rotation_keeps_the_key_in_use_as_the_only_fallback(key):
    key.file.write_text("first-key\n")
    key.release("first-key")
    assert key.run("rotated")["changed"]
    second, fallback = key.lines
    assert (bool(MADE.fullmatch(second)), fallback) == (True, "first-key")
    key.release(second, "first-key")
    key.run("rotated")
    third, fallback = key.lines
    assert (third not in ("first-key", second), fallback) == (True, second)
    assert key.file.stat().st_mode & 0o777 == 0o600


def test_a_rotation_after_one_that_went_nowhere_falls_back_on_what_is_in_use(key):
    key.file.write_text("never-live\nfirst-key\n")
    key.release("first-key", "zeroth")
    key.run("rotated")
    assert key.lines[1:] == ["first-key"]


@pytest.mark.parametrize(("fallback", "lines"), [("", ["first-key"]), ("zeroth", ["first-key", "zeroth"])])
def test_what_is_live_is_the_truth(key, fallback, lines):
    key.file.write_text("second\nfirst-key\n")
    key.release("first-key", fallback)
    assert key.run("live")["changed"]
    assert key.lines == lines
    assert not key.run("live")["changed"]


def test_the_site_s_own_variable_counts_and_not_the_server_s(key):
    key.file.write_text("first-key\n")
    key.release("first-key", before='DJANGO_SECRET_KEY="of-the-server"\n')
    key.run("rotated")
    assert key.lines[1] == "first-key"


@pytest.mark.parametrize("state", ["present", "rotated", "live"])
def test_a_check_changes_nothing(key, state):
    if state != "present":
        key.file.write_text("first-key\n")
        key.release("second")
    before = key.lines
    assert key.run(state, check=True)["changed"]
    assert key.lines == before


@pytest.mark.parametrize("state", ["rotated", "live"])
def test_a_key_that_was_not_made_here_is_left_alone(key, state):
    key.file.write_text("first-key\n")
    key.release("given: $ecret")
    said = key.run(state, fails=True)["msg"]
    assert said == f"{key.live} has no secret key that was made here; release the site with the one of {key.file} first"
    assert key.lines == ["first-key"]


def test_nothing_else_is_left_in_the_directory(key, tmp_path):
    key.run()
    key.release(key.lines[0])
    key.run("rotated")
    assert {file.name for file in tmp_path.iterdir()} == {key.file.name, key.live.name}
