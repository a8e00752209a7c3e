"""Module tree: many directories and files in one task."""

from __future__ import annotations

import getpass
import grp
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OWNER = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


@pytest.fixture
def tree(tmp_path: Path):
    """Runs the module on entries below a directory, in a real play; returns its result."""

    def run(*entries: dict, options: tuple[str, ...] = ()) -> dict:
        entries = [{**OWNER, **entry, "path": str(tmp_path / "root" / entry["path"])} for entry in entries]
        (tmp_path / "root").mkdir(exist_ok=True)
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [
                # A failure is a result to look at, too.
                {"shortstop.django.tree": {"entries": entries}, "register": "result", "ignore_errors": True},
                {"ansible.builtin.copy": {"content": "{{ result | to_json }}", "dest": str(tmp_path / "result")}, "check_mode": False},
            ],
        }
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        subprocess.run(["ansible-playbook", "-i", "localhost,", *options, tmp_path / "play.yml"], cwd=ROOT, env=environment, check=True, capture_output=True)
        return json.loads((tmp_path / "result").read_text())

    return run


FILE = {"path": "directory/file", "content": "text\n", "mode": "0640"}
BOTH = ({"path": "directory", "mode": "0750"}, FILE)


def test_it_works(tree, tmp_path: Path) -> None:
    directory = tmp_path / "root/directory"
    assert tree(*BOTH)["paths"] == [str(directory), str(directory / "file")]
    assert (directory / "file").read_text() == "text\n"
    assert (directory.stat().st_mode & 0o777, (directory / "file").stat().st_mode & 0o777) == (0o750, 0o640)
    assert tree(*BOTH)["changed"] is False


def test_a_check_changes_nothing_and_says_what_it_would(tree, tmp_path: Path) -> None:
    result = tree(*BOTH, options=("--check", "--diff"))
    assert len(result["paths"]) == 2
    assert result["diff"][1]["after"] == "text\n"
    assert list((tmp_path / "root").iterdir()) == []


def test_drift_is_repaired(tree, tmp_path: Path) -> None:
    tree(*BOTH)
    file = tmp_path / "root/directory/file"
    file.chmod(0o666)
    (tmp_path / "root/directory").chmod(0o777)
    assert tree(*BOTH)["paths"] == [str(file.parent), str(file)]
    file.write_text("another text")
    assert tree(*BOTH)["paths"] == [str(file)]
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("text\n", 0o640)


@pytest.mark.parametrize("there", [b"caf\xe9\n", b"text\r\n", b"\x00\xff"], ids=["latin-1", "carriage return", "no text"])
def test_a_file_that_is_no_such_text_is_repaired(tree, tmp_path: Path, there: bytes) -> None:
    tree(*BOTH)
    file = tmp_path / "root/directory/file"
    file.write_bytes(there)
    assert tree(*BOTH)["paths"] == [str(file)]
    assert file.read_bytes() == b"text\n"


def test_a_parent_that_is_not_there_is_named(tree, tmp_path: Path) -> None:
    result = tree(FILE)
    assert result["failed"]
    assert result["msg"].endswith(f"{tmp_path}/root/directory/file: No such file or directory")
