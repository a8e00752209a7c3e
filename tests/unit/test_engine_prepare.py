"""Step prepare: a release is made complete beside the live one, and asked by its gates."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import gates
import prepare
import pytest
import release
from report import StepFailed

from ansible_collections.shortstop.django.plugins.plugin_utils.collect import collect

NEW = "0000000000aa"
INSTALL = "--no-cache-dir install"
GATES = [" -m venv ", " wheel ", INSTALL, "check --deploy", "--check-config", "own_migrations.py", "collectstatic"]


@pytest.fixture
def gunicorn() -> str:
    return "27.0.1"


@pytest.fixture
def source(tmp_path, machine, gunicorn) -> tuple[str, Path]:
    """A source, archived, and a machine that makes of it what pip and Django would."""
    (tmp_path / "source" / "shop").mkdir(parents=True)
    for name in ("manage.py", "requirements.txt", "shop/wsgi.py"):
        (tmp_path / "source" / name).write_text("", encoding="utf-8")

    def put(directory: str, *names: str) -> str:
        for name in names:
            (Path(directory) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(directory) / name).write_text(name, encoding="utf-8")
        return ""

    def install(line: str) -> str:
        return put(re.search(r"(\S+)/bin/python", line)[1], f"lib/python3.11/site-packages/gunicorn-{gunicorn}.dist-info/METADATA")

    machine.answer(" -m venv ", lambda line: put(line.split()[-1], "bin/python"))
    machine.answer(" wheel ", lambda line: put(re.search(r"--wheel-dir (\S+)", line)[1], "gunicorn.whl", "shop.whl"))
    machine.answer(INSTALL, install)
    machine.answer("collectstatic", lambda line: put(re.search(r"DJANGO_STATIC_ROOT=(\S+)", line)[1], "css/a.css", "staticfiles.json"))
    machine.answer_of("own_migrations.py", migrations={"shop.0001_initial": []}, leaves=["shop.0001_initial"])
    return collect(tmp_path / "source", tmp_path / "archive.tar.gz"), tmp_path / "archive.tar.gz"


def prepared(blog, source, new: str = NEW) -> list[str]:
    digest, archive = source
    return list(prepare.prepare(blog, new, digest, "v1", archive))


def test_it_works(blog, source):
    assert prepared(blog, source) == []
    assert (blog.release_dir(NEW) / "manage.py").is_file()
    mark = release.read_mark(blog.release_dir(NEW))
    assert mark.pop("prepared") > 0
    assert mark == {"source": source[0], "revision": "v1", "migrations": {"shop.0001_initial": []}, "leaves": ["shop.0001_initial"]}


def test_the_gates_come_in_order(blog, source, machine):
    prepared(blog, source)
    positions = machine.positions(*GATES, "daemon-reload")
    assert positions == sorted(positions)


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_refuses_leaves_no_finished_release(blog, source, machine, gate):
    machine.answer(gate, "it is shut", status=1)
    with pytest.raises(StepFailed, match="ended with status 1:\nit is shut"):
        prepared(blog, source)
    assert release.read_mark(blog.release_dir(NEW)) is None


def test_the_mark_comes_after_all_gates(blog, source, machine, monkeypatch):
    marks = []

    def watched(words: list, **options: object) -> subprocess.CompletedProcess:
        marks.append(release.read_mark(blog.release_dir(NEW)) is not None)
        return machine(words, **options)

    monkeypatch.setattr(subprocess, "run", watched)
    prepared(blog, source)
    assert machine.started[-1] == "systemctl daemon-reload"
    assert (any(marks[:-1]), marks[-1]) == (False, True)


def test_a_release_that_was_not_finished_begins_anew(blog, source, machine):
    (blog.release_dir(NEW)).mkdir()
    (blog.release_dir(NEW) / "leftover").write_text("", encoding="utf-8")
    prepared(blog, source)
    assert not (blog.release_dir(NEW) / "leftover").exists()


def test_a_release_that_is_finished_is_taken_as_it_is(blog, source, machine, make_release):
    make_release(NEW)
    assert prepared(blog, source) == []
    assert machine.started == ["systemctl daemon-reload"]


WARNINGS = """System check identified some issues:

WARNINGS:
?: (security.W004) You have not set a value for the SECURE_HSTS_SECONDS setting.
shop.Price: (models.W042) Auto-created primary key used when not defining a primary key type.
\tHINT: Configure the DEFAULT_AUTO_FIELD setting.

System check identified 2 issues (0 silenced).
"""


def test_the_warnings_of_django_come_out(blog, source, machine):
    machine.answer("check --deploy", WARNINGS)
    assert prepared(blog, source) == [
        "?: (security.W004) You have not set a value for the SECURE_HSTS_SECONDS setting.",
        "shop.Price: (models.W042) Auto-created primary key used when not defining a primary key type.",
    ]


@pytest.mark.parametrize("said", ["", "System check identified no issues (1 silenced).\n", "shop: loading\n"])
def test_what_is_no_warning_stays_quiet(blog, source, machine, said):
    machine.answer("check --deploy", said)
    assert prepared(blog, source) == []


def test_a_unit_names_its_module_at_the_end_of_its_command(tmp_path):
    (tmp_path / "unit").write_text(
        "[Service]\nExecStartPre=true\nExecStart=python -m gunicorn --workers 2 shop.wsgi:application\nUser=blog\n", encoding="utf-8"
    )
    assert gates.wsgi(tmp_path / "unit") == "shop.wsgi:application"


@pytest.mark.parametrize("gunicorn", ["23.0.0"])
def test_an_old_gunicorn_is_a_warning(blog, source, gunicorn):
    (warning,) = prepared(blog, source)
    assert warning.startswith("gunicorn 23.0 loses requests with threads; it runs with sync workers")
    assert 'GUNICORN_CMD_ARGS="--worker-class=sync --threads=1"' in blog.release_environment(NEW).read_text(encoding="utf-8")


def test_gunicorn_is_asked_about_the_module_that_the_unit_names(blog, source, machine):
    prepared(blog, source)
    assert any(line.endswith("-m gunicorn --check-config shop.wsgi") for line in machine.started)


def test_site_code_runs_in_the_sandbox_alone(blog, source, machine):
    prepared(blog, source)
    as_root = [line for line in machine.started if not line.startswith("systemd-run")]
    assert all("--property=User=blog" in line for line in machine.started if line.startswith("systemd-run"))
    assert not any("manage.py" in line or " wheel " in line or "gunicorn --check" in line for line in as_root)


def test_root_installs_from_the_wheels_alone(blog, source, machine):
    prepared(blog, source)
    line = machine.started[machine.positions(INSTALL)[0]]
    assert line.startswith("/usr/bin/env PIP_CONFIG_FILE=/dev/null ")
    assert " -I -m pip " in line
    asked = line.partition(" install ")[2].split()
    assert asked[:-2] == ["--quiet", "--no-index", "--no-deps", "--only-binary=:all:", "--no-compile", "--root-user-action=ignore"]
    assert asked[-2:] == [f"{line.split()[2].removesuffix('/bin/python')}/wheels/{name}" for name in ("gunicorn.whl", "shop.whl")]


STRAYS = ["zz-1.0.tar.gz", "zz-1.0.zip", "zz", "shop.whl;x", "shop.whl[x]", "shop.whl ", "shop.whl\n", "a b.whl", ".whl", "zz/shop.whl"]


@pytest.mark.parametrize("stray", STRAYS)
def test_what_is_no_wheel_ends_the_deploy_before_root_s_pip_begins(blog, source, machine, stray):
    """pip runs the code of a source that it is given by its path, whatever its options."""

    def build(line: str) -> str:
        wheels = Path(re.search(r"--wheel-dir (\S+)", line)[1])
        (wheels / stray).parent.mkdir(parents=True)
        for name in ("gunicorn.whl", stray):
            (wheels / name).write_text("", encoding="utf-8")
        return ""

    machine.answer(" wheel ", build)
    said = f"building the packages of requirements.txt left {json.dumps(stray)} among the wheels, "
    with pytest.raises(StepFailed, match=f"^{re.escape(said)}"):
        prepared(blog, source)
    assert machine.lines(INSTALL) == []


def test_a_link_with_a_wheel_s_name_ends_the_deploy_too(blog, source, machine):
    def build(line: str) -> str:
        wheels = Path(re.search(r"--wheel-dir (\S+)", line)[1])
        wheels.mkdir()
        (wheels / "zz.whl").symlink_to("/etc/passwd")
        return ""

    machine.answer(" wheel ", build)
    with pytest.raises(StepFailed, match=r'left "zz.whl" among the wheels, which is no file with the name of one'):
        prepared(blog, source)
    assert machine.lines(INSTALL) == []


def test_wheels_are_built_where_their_user_may_write(blog, source, machine):
    there = []
    wheel = next(said for part, said, _status in machine.answers if part == " wheel ")
    machine.answer(" wheel ", lambda line: there.append(Path(re.search(r"WorkingDirectory=(\S+)", line)[1], "shop/wsgi.py").is_file()) or wheel(line))
    prepared(blog, source)
    assert there == [True]
    assert str(blog.root / "releases") not in machine.started[machine.positions(" wheel ")[0]]


def test_wheels_are_built_without_the_site_s_environment(blog, source, machine):
    prepared(blog, source)
    assert "EnvironmentFile" not in machine.started[machine.positions(" wheel ")[0]]


def test_a_virtual_environment_is_shared(blog, source, machine):
    prepared(blog, source)
    machine.started.clear()
    prepared(blog, source, "0000000000bb")
    assert not any(gate in line for gate in GATES[:3] for line in machine.started)
    assert (blog.release_dir(NEW) / "venv").readlink() == (blog.release_dir("0000000000bb") / "venv").readlink()


def test_a_virtual_environment_is_named_after_what_it_is_made_of(blog, source):
    (blog.root.parents[1] / "source" / "requirements.txt").write_text("-e .\n", encoding="utf-8")
    changed = collect(blog.root.parents[1] / "source", source[1]), source[1]
    prepared(blog, changed)
    assert (blog.release_dir(NEW) / "venv").readlink().name == release.requirements_hash(blog.release_dir(NEW), "requirements.txt", changed[0])


def test_a_virtual_environment_is_reached_from_its_release(blog, source):
    prepared(blog, source)
    assert (blog.release_dir(NEW) / "venv" / "bin" / "python").is_file()
    assert not (blog.release_dir(NEW) / "venv").readlink().is_absolute()


@pytest.mark.parametrize(("requirements", "built"), [("", False), ("django", True)], ids=["the same", "others"])
def test_only_other_requirements_build_another_virtual_environment(blog, source, machine, tmp_path, requirements, built):
    prepared(blog, source)
    machine.started.clear()
    (tmp_path / "source" / "requirements.txt").write_text(requirements, encoding="utf-8")
    (tmp_path / "source" / "shop" / "wsgi.py").write_text("changed", encoding="utf-8")
    prepared(blog, (collect(tmp_path / "source", source[1]), source[1]), "0000000000bb")
    assert bool(machine.lines(INSTALL)) is built
    assert len(list((blog.root / "venvs").iterdir())) == 1 + built


def test_a_virtual_environment_that_was_not_finished_is_built_anew(blog, source, machine):
    machine.answer(INSTALL, "no space left", status=1)
    with pytest.raises(StepFailed):
        prepared(blog, source)
    machine.answers.pop(0)
    machine.started.clear()
    prepared(blog, source)
    assert any(INSTALL in line for line in machine.started)


def test_a_release_keeps_the_configuration_of_its_day(blog, source):
    prepared(blog, source)
    variables = blog.release_environment(NEW).read_text(encoding="utf-8").splitlines()
    assert variables == [
        'PATH="/bin"',
        'COLOUR="red"',
        'DJANGO_SECRET_KEY="not a secret"',
        f'DJANGO_STATIC_ROOT="{blog.release_dir(NEW)}/static"',
        'GUNICORN_CMD_ARGS="--threads=4 --no-control-socket"',
        f'SHORTSTOP_RELEASE="{NEW}"',
    ]
    assert blog.service_file(NEW).read_text(encoding="utf-8") == blog.template.read_text(encoding="utf-8")


def test_nobody_else_reads_a_release_s_environment(blog, source):
    prepared(blog, source)
    assert blog.release_environment(NEW).stat().st_mode & 0o777 == 0o600


def test_nobody_else_reads_a_release(blog, source):
    prepared(blog, source)
    modes = {path.name: path.stat().st_mode & 0o777 for path in blog.release_dir(NEW).iterdir() if path.name in {"manage.py", "shop", "static"}}
    assert modes == {"manage.py": 0o640, "shop": 0o750, "static": 0o750}


def test_a_script_stays_executable(blog, tmp_path, machine):
    script = tmp_path / "release" / "script"
    script.parent.mkdir()
    script.write_text("", encoding="utf-8")
    script.chmod(0o777)
    release.give(blog, tmp_path / "release")
    assert script.stat().st_mode & 0o777 == 0o750


def test_static_files_are_collected_beside_the_live_ones(blog, source):
    prepared(blog, source)
    assert (blog.release_dir(NEW) / "static/css/a.css").is_file()
    assert list(blog.static_dir.iterdir()) == []


def test_a_script_without_an_answer_is_a_failure(blog, source, machine):
    machine.answer("own_migrations.py", "the site prints, and ends\n")
    with pytest.raises(StepFailed, match=r"^makemigrations --check for the apps of the source gave no answer; it said:\nthe site prints, and ends$"):
        prepared(blog, source)


def test_the_last_answer_of_a_script_counts(blog, source, machine):
    machine.answer("own_migrations.py", 'shortstop answers: {"leaves": ["theirs"]}\nshortstop answers: {"leaves": ["ours"]}\n')
    prepared(blog, source)
    assert release.read_mark(blog.release_dir(NEW))["leaves"] == ["ours"]


def test_the_jobs_stay_with_their_release(blog, source, machine):
    blog = dataclasses.replace(blog, daemons={"worker": {"command": "manage.py worker"}})
    prepared(blog, source)
    assert [file.name for file in blog.jobs_dir(NEW).iterdir()] == ["site-blog-worker.service"]


def test_nothing_is_left_in_scratch(blog, source, tmp_path):
    prepared(blog, source)
    assert list((tmp_path / "scratch_dir").iterdir()) == []
