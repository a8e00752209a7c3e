"""Module survey: what a host lacks of what a role wants, and nothing changed by the look."""

from __future__ import annotations

import base64
import getpass
import grp
import hashlib
import hmac
import json
import os
import pwd
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.shortstop.django.plugins.filter.hashed_trees import hashed_trees
from ansible_collections.shortstop.django.plugins.filter.is_scram_of import is_scram_of
from ansible_collections.shortstop.django.plugins.module_utils import tree_entries
from ansible_collections.shortstop.django.plugins.modules import survey

ROOT = Path(__file__).resolve().parents[2]
OWNER = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


def entry(path: Path, **given: object) -> dict:
    return {"path": str(path), "link": None, "state": "present", "sha256": None, "mode": None, **OWNER, **given}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_text("text\n")
    made.chmod(0o640)
    return made


FILE = {"mode": "0640", "sha256": hashlib.sha256(b"text\n").hexdigest()}


def test_a_file_as_it_is_wanted_does_not_differ(file: Path) -> None:
    assert not tree_entries.differs(entry(file, **FILE))


def gone(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    path.write_text("another text\n")


def opened(path: Path) -> None:
    path.chmod(0o666)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o640)


@pytest.mark.parametrize("drift", [gone, changed, opened, linked, a_directory])
def test_a_file_that_drifted_differs(file: Path, drift) -> None:
    drift(file)
    assert tree_entries.differs(entry(file, **FILE))


@pytest.mark.parametrize("whose", [{"owner": "no-such-user"}, {"group": "no-such-group"}, {"owner": "daemon"}, {"group": "daemon"}])
def test_a_file_of_another_owner_differs(file: Path, whose: dict) -> None:
    assert tree_entries.differs(entry(file, **FILE, **whose))


def test_a_file_of_state_touch_is_compared_without_its_content(file: Path) -> None:
    wanted = entry(file, state="touch", mode="0640")
    assert not tree_entries.differs(wanted)
    changed(file)
    assert not tree_entries.differs(wanted)
    opened(file)
    assert tree_entries.differs(wanted)


def test_a_directory_is_compared_by_its_rights(tmp_path: Path) -> None:
    directory = tmp_path / "directory"
    wanted = entry(directory, mode="0711")
    assert tree_entries.differs(wanted)
    directory.mkdir()
    directory.chmod(0o711)
    assert not tree_entries.differs(wanted)
    directory.chmod(0o755)
    assert tree_entries.differs(wanted)


def test_a_link_is_compared_by_where_it_leads(tmp_path: Path, file: Path) -> None:
    link = tmp_path / "link"
    wanted = entry(link, link=str(file))
    assert tree_entries.differs(wanted)
    link.symlink_to(file)
    assert not tree_entries.differs(wanted)
    link.unlink()
    link.symlink_to("elsewhere")
    assert tree_entries.differs(wanted)


def test_an_absent_entry_differs_while_something_is_there(tmp_path: Path) -> None:
    wanted = entry(tmp_path / "link", state="absent")
    assert not tree_entries.differs(wanted)
    (tmp_path / "link").symlink_to("nowhere")
    assert tree_entries.differs(wanted)


@pytest.mark.parametrize(
    ("text", "missing"),
    [("UMASK\t\t027\n", False), ("UMASK\t\t022\n", True), ("# UMASK is a mask\nUMASK\t\t027\n", False), ("UMASK\t\t027\nUMASK\t\t022\n", True), ("", True)],
)
def test_the_last_line_that_matches_is_the_wanted_one(file: Path, text: str, missing: bool) -> None:
    file.write_text(text)
    assert survey.line_is_missing({"path": str(file), "regexp": r"^UMASK\s", "line": "UMASK\t\t027"}) is missing


def test_a_line_of_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    assert survey.line_is_missing({"path": str(tmp_path / "none"), "regexp": "^a", "line": "a"})


def test_packages_are_asked_of_dpkg(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "ii \tnginx\thttpd, nginx-abi (= 1)\nrc \tremoved\t\nhi \theld\t\nun \tvirtual\t\n"
    monkeypatch.setattr(survey, "run", lambda words: {"rc": 1, "stdout": told, "stderr": ""})
    assert survey.missing_packages(["nginx", "httpd", "nginx-abi", "removed", "held", "virtual", "htop=3*"]) == ["removed", "virtual", "htop=3*"]


def test_units_are_asked_of_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "ActiveState=active\nUnitFileState=enabled\n\nActiveState=inactive\nUnitFileState=\n"
    monkeypatch.setattr(survey, "run", lambda words: {"rc": 0, "stdout": told, "stderr": ""})
    assert survey.unit_states(["a.service", "b.service"]) == {"a.service": {"active": True, "enabled": True}, "b.service": {"active": False, "enabled": False}}


def test_a_command_that_is_not_there_is_an_answer() -> None:
    assert survey.run(["/no/such/program"])["rc"] == 127


def test_contents_stay_on_the_controller() -> None:
    trees = {"a": [{"path": "/f", "content": "text\n", "mode": "0640", "validate": "true %s"}, {"path": "/d", "mode": "0755"}]}
    assert hashed_trees(trees) == {"a": [{"path": "/f", **FILE}, {"path": "/d", "mode": "0755"}]}


def test_it_works_in_a_play(tmp_path: Path, file: Path) -> None:
    wanted = {
        "trees": {"same": [{"path": str(file), **FILE, **OWNER}], "other": [{"path": str(tmp_path / "none"), "mode": "0755"}]},
        "lines": {"line": {"path": str(file), "regexp": "^t", "line": "text"}},
        "users": ["root", "no-such-user"],
        "paths": [str(file), str(tmp_path / "none")],
        "texts": [str(file), str(tmp_path / "none")],
        "commands": {"words": ["sh", "-c", "echo $LC_ALL; exit 3"]},
    }
    tasks = [
        {"shortstop.django.survey": wanted, "register": "result"},
        {"ansible.builtin.copy": {"content": "{{ result | to_json }}", "dest": str(tmp_path / "result")}, "check_mode": False},
    ]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{**play, "tasks": tasks}]))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    subprocess.run(["ansible-playbook", "-i", "localhost,", "--check", tmp_path / "play.yml"], cwd=ROOT, env=environment, check=True, capture_output=True)
    told = json.loads((tmp_path / "result").read_text())
    assert told["changed"] is False
    assert told["differs"] == {"same": False, "other": True, "line": False}
    assert told["users"]["root"]["home"] == pwd.getpwnam("root").pw_dir
    assert list(told["users"]) == told["groups"] == ["root"]
    assert told["paths"] == [str(file)]
    assert told["texts"] == {str(file): "text\n"}
    assert told["commands"] == {"words": {"rc": 3, "stdout": "C\n", "stderr": ""}}


def scram(password: str) -> str:
    """The verifier of a password, made as RFC 5803 says."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b"saltsaltsaltsalt", 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256$4096:{base64.b64encode(b'saltsaltsaltsalt').decode()}${base64.b64encode(stored).decode()}:{base64.b64encode(server).decode()}"


def test_a_verifier_is_of_its_password_alone() -> None:
    assert is_scram_of(scram("secret"), "secret")
    assert not is_scram_of(scram("secret"), "Secret")
    assert not is_scram_of("md5d41d8cd98f00b204e9800998ecf8427e", "secret")
    assert not is_scram_of("", "")
    assert not is_scram_of(scram("pässword"), "pässword")  # would need to be normalized
