"""Source and virtual environment: the site's user makes both in one unit, and root copies what is there."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
from pathlib import Path

import build
import programs
import pytest
import release
import scratch
from report import StepFailed

from ansible_collections.shortstop.django.plugins.plugin_utils.collect import collect

NEW, NEXT = "0000000000aa", "0000000000bb"
BUILD = "/inside/build.py"
MINOR = platform.python_version().rpartition(".")[0]


def built(blog, archived, new: str = NEW) -> Path:
    digest, archive = archived
    blog.release_dir(new).mkdir()
    return build.build(blog, blog.release_dir(new), archive, digest).venv


def leaves(machine, make) -> None:
    """Let the build leave something more: `make` is given the source's directory and the environment's."""
    works = next(said for part, said, _status in machine.answers if part == BUILD)

    def answer(line: str) -> str:
        works(line)
        source = Path(re.search(r"WorkingDirectory=(\S+)", line)[1])
        make(source, source.with_name("environment"))
        return ""

    machine.answer(BUILD, answer)


def test_it_works(blog, archived):
    venv = built(blog, archived)
    assert (blog.release_dir(NEW) / "source/shop/wsgi.py").is_file()
    assert (venv / "lib/python3.11/site-packages/gunicorn-27.0.1.dist-info/METADATA").is_file()
    assert (venv / "lib64/python3.11").is_dir()
    assert venv.parent == blog.root / "venvs"


def test_one_unit_makes_both_and_root_starts_nothing(blog, archived, machine):
    built(blog, archived)
    (line,) = machine.started
    assert line.startswith("systemd-run ")
    assert "--property=User=blog" in line


def test_the_script_runs_where_its_user_may_write(blog, archived, machine):
    there = []
    leaves(machine, lambda source, _environment: there.append((source / "shop/wsgi.py").is_file()))
    built(blog, archived)
    (line,) = machine.started
    directory = re.search(rf" --property=ReadWritePaths=({scratch.SCRATCH_DIR}/blog-\S+)", line)[1]
    assert there == [True]
    assert f" --property=WorkingDirectory={directory}/source " in line
    assert line.endswith(
        f" -- /usr/bin/env TMPDIR={directory} HOME={directory} /usr/bin/python3 -I {build.SCRIPTS}/build.py {directory}/environment requirements.txt postgres"
    )


def test_a_build_knows_no_variable_of_the_site(blog, archived, machine):
    built(blog, archived)
    assert "EnvironmentFile" not in machine.started[0]


def is_locked() -> bool:
    with (build.RUN_DIR / "shortstop-build.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_the_packages_of_one_site_are_built_at_a_time(blog, archived, machine):
    locked = []
    leaves(machine, lambda _source, _environment: locked.append(is_locked()))
    built(blog, archived)
    assert (locked, is_locked()) == ([True], False)


def test_a_source_without_new_packages_waits_for_no_other(blog, archived, machine):
    built(blog, archived)
    locked = []
    works = next(said for part, said, _status in machine.answers if part == BUILD)
    machine.answer(BUILD, lambda line: locked.append(is_locked()) or works(line))
    built(blog, archived, NEXT)
    assert locked == [False]


def test_a_build_has_bounds_of_its_own_and_reaches_the_index(blog, archived, machine):
    built(blog, archived)
    for wanted in ("Slice=site.slice", "MemoryMax=75%", "TasksMax=1024", "OOMScoreAdjust=1000", "PrivateNetwork=no", "IPAddressDeny=", "IPAddressAllow="):
        assert f" --property={wanted} " in machine.started[0]


def test_a_build_that_fails_is_called_by_what_it_does(blog, archived, machine):
    machine.answer(BUILD, "no such package", status=1)
    with pytest.raises(StepFailed, match=r"^installing the packages of requirements.txt ended with status 1:\nno such package$"):
        built(blog, archived)
    assert list((blog.root / "venvs").iterdir()) == []
    assert not (blog.release_dir(NEW) / "source").exists()


def test_a_build_that_takes_too_long_fails(blog, archived, machine):
    def late(_line: str) -> str:
        raise programs.Exceeded(["build"], "took longer than 1800 seconds", "Building wheel")

    machine.answer(BUILD, late)
    with pytest.raises(StepFailed, match=r"^installing the packages of requirements.txt took longer than 1800 seconds and was ended; .*:\nBuilding wheel$"):
        built(blog, archived)


def test_another_source_than_announced_is_not_built(blog, archived, machine):
    with pytest.raises(OSError, match="arrived with another content"):
        built(blog, ("b" * 64, archived[1]))
    assert machine.started == []


def test_what_the_build_compiled_is_the_release_s(blog, archived):
    built(blog, archived)
    assert (blog.release_dir(NEW) / "source/shop/__pycache__/wsgi.cpython-311.pyc").is_file()


def test_a_link_in_the_source_is_kept(blog, archived, tmp_path):
    (tmp_path / "source/shop/link.py").symlink_to("../manage.py")
    built(blog, (collect(tmp_path / "source", archived[1], whole=True).digest, archived[1]))
    assert os.readlink(blog.release_dir(NEW) / "source/shop/link.py") == "../manage.py"


def test_nobody_else_reads_a_release(blog, archived, tmp_path):
    (tmp_path / "source/manage.py").chmod(0o755)
    venv = built(blog, (collect(tmp_path / "source", archived[1], whole=True).digest, archived[1]))
    source = blog.release_dir(NEW) / "source"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (source, source / "shop", source / "shop/wsgi.py", source / "manage.py", venv, venv / "lib")}
    assert modes == {"source": 0o750, "shop": 0o750, "wsgi.py": 0o640, "manage.py": 0o750, venv.name: 0o750, "lib": 0o750}


def test_nothing_is_left_in_scratch(blog, archived):
    built(blog, archived)
    assert list(scratch.SCRATCH_DIR.iterdir()) == []


def test_a_virtual_environment_is_shared(blog, archived, machine):
    assert built(blog, archived) == built(blog, archived, NEXT)
    assert machine.started[1].endswith("/inside/build.py")
    assert " --description=Site blog: compiling the source " in machine.started[1]
    assert (blog.release_dir(NEXT) / "source/shop/__pycache__/wsgi.cpython-311.pyc").is_file()


def test_a_virtual_environment_is_reached_from_its_release(blog, archived):
    venv = built(blog, archived)
    assert os.readlink(blog.release_dir(NEW) / "venv") == f"../../venvs/{venv.name}"
    assert (blog.release_dir(NEW) / "venv/bin/gunicorn").is_file()


def test_a_virtual_environment_is_named_after_what_it_is_made_of(blog, archived, tmp_path):
    (tmp_path / "source/requirements.txt").write_text("-e .\n", encoding="utf-8")
    digest = collect(tmp_path / "source", archived[1], whole=True).digest
    assert built(blog, (digest, archived[1])).name == release.requirements_hash(blog.release_dir(NEW) / "source", "requirements.txt", digest, "postgres")


def test_a_build_has_no_say_in_the_name(blog, archived, machine, tmp_path):
    """By the requirements of another release it could put its packages in that one's place."""
    leaves(machine, lambda source, _environment: (source / "requirements.txt").write_text("django\n", encoding="utf-8"))
    assert built(blog, archived).name == release.requirements_hash(tmp_path / "source", "requirements.txt", archived[0], "postgres")


@pytest.mark.parametrize(("requirements", "others"), [("", False), ("django", True)], ids=["the same", "others"])
def test_only_other_requirements_build_another_virtual_environment(blog, archived, machine, tmp_path, requirements, others):
    built(blog, archived)
    (tmp_path / "source/requirements.txt").write_text(requirements, encoding="utf-8")
    (tmp_path / "source/shop/wsgi.py").write_text("changed", encoding="utf-8")
    built(blog, (collect(tmp_path / "source", archived[1], whole=True).digest, archived[1]), NEXT)
    assert machine.started[1].endswith(" requirements.txt postgres") is others
    assert len(list((blog.root / "venvs").iterdir())) == 1 + others


def test_the_interpreter_is_the_system_s(blog, archived):
    venv = built(blog, archived)
    interpreter = os.path.realpath("/usr/bin/python3")
    links = {name: os.readlink(venv / "bin" / name) for name in ("python", "python3", f"python{MINOR}")}
    assert links == {"python": interpreter, "python3": "python", f"python{MINOR}": "python"}
    assert (venv / "pyvenv.cfg").read_text(encoding="utf-8") == (
        f"home = {os.path.dirname(interpreter)}\ninclude-system-site-packages = false\nversion = {platform.python_version()}\n"
    )
    assert not (venv / ".lock").exists()


@pytest.mark.parametrize("name", ["bin/python", "bin/python3", f"bin/python{MINOR}", "pyvenv.cfg", ".lock"])
@pytest.mark.parametrize(
    "put",
    [
        lambda path: path.write_text("home = /tmp", encoding="utf-8"),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("../lib"),
        lambda path: os.mkfifo(path),
    ],
    ids=["file", "directory", "link out", "link", "fifo"],
)
def test_what_a_package_puts_in_the_interpreter_s_place_stays_behind(blog, archived, machine, name, put):
    def make(_source: Path, environment: Path) -> None:
        (environment / name).unlink(missing_ok=True)
        put(environment / name)

    leaves(machine, make)
    venv = built(blog, archived)
    assert (venv / "bin/python").resolve() == Path("/usr/bin/python3").resolve()
    assert (venv / "pyvenv.cfg").read_text(encoding="utf-8").startswith("home = /usr/bin\n")
    assert not os.path.lexists(venv / ".lock")


@pytest.mark.parametrize(
    "replace",
    [lambda _programs: None, Path.touch, lambda programs: programs.symlink_to("lib"), lambda programs: programs.symlink_to("nowhere")],
    ids=["nothing", "a file", "a link", "a dangling link"],
)
def test_an_environment_without_a_directory_of_programs_is_refused(blog, archived, machine, replace):
    def make(_source: Path, environment: Path) -> None:
        shutil.rmtree(environment / "bin")
        replace(environment / "bin")

    leaves(machine, make)
    with pytest.raises(StepFailed, match=r'^the environment that the site made has no directory "bin"; '):
        built(blog, archived)


HOSTILE = {
    "a link out": lambda directory: (directory / "bait").symlink_to("/etc"),
    "a link up": lambda directory: (directory / "bait").symlink_to(".."),
    "a fifo": lambda directory: os.mkfifo(directory / "bait"),
    "setuid": lambda directory: ((directory / "bait").touch(), (directory / "bait").chmod(0o4755)),
}


@pytest.mark.parametrize("place", ["source", "environment"])
@pytest.mark.parametrize("put", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_but_files_directories_and_links_inside_is_taken(blog, archived, machine, place, put):
    leaves(machine, lambda source, _environment: put(source.with_name(place)))
    with pytest.raises(StepFailed, match=f'^"{place}", which the site wrote, holds "bait"'):
        built(blog, archived)
    assert not any(path.name[0] != "." for path in (blog.root / "venvs").iterdir())
    assert not os.path.lexists(blog.release_dir(NEW) / "venv")


@pytest.mark.parametrize("place", ["source", "environment"])
def test_a_link_in_place_of_a_directory_is_refused(blog, archived, machine, place):
    def make(source: Path, _environment: Path) -> None:
        source.with_name(place).rename(source.with_name("away"))
        source.with_name(place).symlink_to("/etc")

    leaves(machine, make)
    with pytest.raises(StepFailed, match=f'where the site was to write its directory "{place}" it left something else'):
        built(blog, archived)


def test_nothing_stays_of_an_environment_that_was_not_copied_whole(blog, archived, machine):
    """It may be as large as the disk."""
    leaves(machine, lambda _source, environment: os.mkfifo(environment / "fifo"))
    with pytest.raises(StepFailed, match="a device or a pipe"):
        built(blog, archived)
    assert list((blog.root / "venvs").iterdir()) == []


def test_what_a_killed_run_left_of_another_environment_goes_first(blog, archived):
    left = blog.root / "venvs/.0123456789ab.new"
    (left / "lib").mkdir(parents=True)
    built(blog, archived)
    assert not left.exists()


@pytest.mark.parametrize("broken", ["take", "symlink_to", "rename"])
def test_a_virtual_environment_has_its_name_only_when_it_is_complete(blog, archived, machine, monkeypatch, broken):
    def killed(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(*((build, "take") if broken == "take" else (Path, broken)), killed)
        with pytest.raises(KeyboardInterrupt):
            built(blog, archived)
    assert not any(path.name[0] != "." for path in (blog.root / "venvs").iterdir())
    venv = built(blog, archived, NEXT)
    assert machine.started[-1].endswith(" requirements.txt postgres")
    assert [path.name for path in (blog.root / "venvs").iterdir()] == [venv.name]


def test_what_an_earlier_build_left_half_taken_is_no_part_of_the_next(blog, archived, tmp_path):
    name = release.requirements_hash(tmp_path / "source", "requirements.txt", archived[0], "postgres")
    (blog.root / "venvs" / f".{name}.new/lib").mkdir(parents=True)
    (blog.root / "venvs" / f".{name}.new/lib/left.py").touch()
    venv = built(blog, archived)
    assert not (venv / "lib/left.py").exists()
    assert [path.name for path in (blog.root / "venvs").iterdir()] == [name]
