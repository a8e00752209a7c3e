"""Step prepare: a release is made complete, asked by its gates, published, and forgotten in the end."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import prepare
import pytest
import release
from report import StepFailed

from ansible_collections.shortstop.django.plugins.plugin_utils.collect import collect

NEW = "0000000000aa"
INSTALL = "--no-cache-dir install"
GATES = [" -m venv ", " wheel ", INSTALL, "check --deploy", "makemigrations", "--check-config", "collectstatic"]


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
    return collect(tmp_path / "source", tmp_path / "archive.tar.gz"), tmp_path / "archive.tar.gz"


def prepared(blog, source) -> list[str]:
    return list(prepare.prepare(blog, NEW, *source))


def test_it_works(blog, source):
    assert prepared(blog, source) == []
    assert (blog.release_dir(NEW) / "manage.py").is_file()
    assert release.read_mark(blog.release_dir(NEW))["source"] == source[0]


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


def test_the_warnings_of_django_come_out(blog, source, machine):
    warning = "?: (security.W004) You have not set a value for the SECURE_HSTS_SECONDS setting."
    machine.answer("check --deploy", f"System check identified some issues:\n\nWARNINGS:\n{warning}\nSystem check identified 1 issue (0 silenced).\n")
    assert prepared(blog, source) == [warning]


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
    assert {"--no-index", "--no-deps", "--only-binary=:all:", "-I"} < set(line.split())
    assert [Path(word).name for word in line.split() if word.endswith(".whl")] == ["gunicorn.whl", "shop.whl"]


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
    list(prepare.prepare(blog, "0000000000bb", *source))
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
    prepare.give(blog, tmp_path / "release")
    assert script.stat().st_mode & 0o777 == 0o750


def test_static_files_are_collected_beside_the_live_ones(blog, source):
    prepared(blog, source)
    assert (blog.release_dir(NEW) / "static/css/a.css").is_file()
    assert list(blog.static_dir.iterdir()) == []


def test_nothing_is_left_in_scratch(blog, source, tmp_path):
    prepared(blog, source)
    assert list((tmp_path / "scratch_dir").iterdir()) == []


def published(blog) -> dict[str, str]:
    return {path.relative_to(blog.static_dir).as_posix(): path.read_text(encoding="utf-8") for path in blog.static_dir.rglob("*") if path.is_file()}


def test_static_files_are_published_without_their_manifest(blog, make_release):
    make_release(NEW, static=("css/a.css", "b.js", "staticfiles.json"))
    prepare.publish_static(blog, NEW)
    assert published(blog) == {"css/a.css": NEW, "b.js": NEW}


def test_what_older_pages_name_stays_published(blog, make_release):
    make_release("old", static=("old.css", "same.css"))
    make_release(NEW, static=("new.css", "same.css"))
    prepare.publish_static(blog, "old")
    prepare.publish_static(blog, NEW)
    assert published(blog) == {"old.css": "old", "new.css": NEW, "same.css": NEW}


def test_a_published_file_is_replaced_at_once(blog, make_release):
    make_release(NEW, static=("a.css",))
    (blog.static_dir / "a.css").write_text("old", encoding="utf-8")
    with (blog.static_dir / "a.css").open(encoding="utf-8") as visitor:
        prepare.publish_static(blog, NEW)
        assert visitor.read() == "old"


def test_everybody_reads_a_published_file(blog, make_release):
    make_release(NEW, static=("a.css",))
    (blog.release_dir(NEW) / "static/a.css").chmod(0o640)
    prepare.publish_static(blog, NEW)
    assert (blog.static_dir / "a.css").stat().st_mode & 0o777 == 0o644


@pytest.fixture(params=["directory", "link"])
def rooted(request, blog, tmp_path):
    """The site, its root as it is and reached through a link."""
    if request.param == "directory":
        return blog
    (tmp_path / "link").symlink_to(blog.root)
    return dataclasses.replace(blog, root=tmp_path / "link")


@pytest.fixture
def three(blog, make_release) -> None:
    """Three releases, of which two are kept; the newest is live."""
    for since, name in enumerate(("one", "two", "three"), start=1):
        make_release(name, live_since=since, venv=f"venv-{name}", static=(f"{name}.css", "same.css"))
        prepare.publish_static(blog, name)
    (blog.root / "live.sock").symlink_to(blog.socket("three"))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_the_newest_releases_are_kept(rooted, three):
    prepare.prune(rooted)
    assert names(rooted.root / "releases") == {"two", "three"}


def test_what_only_pruned_releases_used_goes_with_them(rooted, three):
    prepare.prune(rooted)
    assert names(rooted.root / "venvs") == {"venv-two", "venv-three"}
    assert set(published(rooted)) == {"two.css", "three.css", "same.css"}
    assert [rooted.service_file(name).exists() for name in ("one", "two", "three")] == [False, True, True]
    assert [rooted.release_environment(name).exists() for name in ("one", "two", "three")] == [False, True, True]


def test_a_shared_virtual_environment_stays_as_long_as_one_uses_it(blog, three, make_release):
    make_release("four", live_since=4, venv="venv-one")
    prepare.prune(blog)
    assert "venv-one" in names(blog.root / "venvs")


def test_what_the_site_has_beside_its_releases_stays(blog, three):
    prepare.prune(blog)
    assert blog.template.exists()
    assert blog.environment_file.exists()
    assert (blog.configuration_dir / "site.json").exists()


def test_a_release_that_was_never_live_goes_first(blog, three, make_release):
    make_release("never")
    prepare.prune(blog)
    assert names(blog.root / "releases") == {"two", "three"}


@pytest.mark.parametrize("mark", [{"live_since": 0.5}, {}], ids=["the clock was put back", "no word of it"])
def test_the_live_release_is_kept_whatever_its_mark_says(rooted, three, mark):
    (rooted.release_dir("three") / release.MARK).write_text(json.dumps(mark), encoding="utf-8")
    prepare.prune(rooted)
    assert names(rooted.root / "releases") == {"two", "three"}
    assert "three.css" in published(rooted)
