"""Static files: collected in scratch, published by content, gone when no kept release names them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import programs
import pytest
import scratch
import static_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report import StepFailed

NEW = "0000000000aa"


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


def names(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def published(blog) -> dict[str, str]:
    return {name: (blog.static_dir / name).read_text(encoding="utf-8") for name in names(blog.static_dir)}


@pytest.fixture
def collected(blog, make_release, machine) -> Callable[..., list[str]]:
    """Has collectstatic write these files, and a variant of each made; gives the warnings."""

    def collect(files: dict[str, str]) -> list[str]:
        def compress(line: str) -> str:
            directory = Path(line.split()[-2])
            directory.mkdir(exist_ok=True)
            write(directory, {f"{name}.gz": "gzip" for name in files if name != "staticfiles.json"})
            return ""

        make_release(NEW)
        (blog.release_dir(NEW) / "static").rmdir()
        machine.answer("collectstatic", lambda line: write(Path(re.search(r"DJANGO_STATIC_ROOT=(\S+)", line)[1]), files) or "")
        machine.answer("/inside/compress.py", compress)
        return list(static_files.collect(blog, NEW))

    return collect


def test_it_works(blog, collected):
    assert collected({"css/a.12.css": "a", "staticfiles.json": "{}"}) == []
    assert names(blog.release_dir(NEW) / "static") == {"css/a.12.css", "css/a.12.css.gz", "staticfiles.json"}


def test_both_commands_run_as_the_site_where_it_may_write(blog, collected, machine):
    collected({})
    collect, compress = machine.started
    directory = re.search(rf" --property=ReadWritePaths=({scratch.SCRATCH_DIR}/blog-\S+)", collect)[1]
    for line in (collect, compress):
        assert "--property=User=blog" in line
        assert f" --property=ReadWritePaths={directory} " in line
        assert f" --property=WorkingDirectory={blog.release_dir(NEW)}/source " in line
    prefix = f" -- /usr/bin/env DJANGO_STATIC_ROOT={directory}/static"
    assert collect.endswith(f"{prefix} {blog.release_dir(NEW)}/venv/bin/python manage.py collectstatic --no-input --verbosity=0")
    assert compress.endswith(f"{prefix} /usr/bin/python3 -I {static_files.SCRIPTS}/compress.py {directory}/static {blog.static_dir}")


@pytest.mark.parametrize(
    ("broken", "called"), [("collectstatic", "manage.py collectstatic"), ("/inside/compress.py", "compressing the static files")], ids=["collect", "compress"]
)
def test_a_command_that_fails_is_called_by_what_it_does(blog, make_release, machine, broken, called):
    make_release(NEW)
    machine.answer(broken, "no space left", status=1)
    with pytest.raises(StepFailed, match=f"^{called} ended with status 1:\nno space left$"):
        list(static_files.collect(blog, NEW))


def test_a_project_without_static_files_has_none(blog, make_release, machine):
    make_release(NEW)
    (blog.release_dir(NEW) / "static").rmdir()
    machine.answer("collectstatic", "Unknown command: 'collectstatic'\nType 'manage.py help' for usage.\n", status=1)
    machine.answer("/inside/compress.py", lambda line: Path(line.split()[-2]).mkdir() or "")
    assert list(static_files.collect(blog, NEW)) == []
    assert names(blog.release_dir(NEW) / "static") == set()


def test_files_without_hashes_are_a_warning(collected):
    (warning,) = collected({"a.css": "a"})
    assert warning.startswith("the static files carry no hashes")


def test_a_site_without_static_files_is_none(collected):
    assert collected({}) == []


def test_a_link_in_place_of_the_static_files_is_refused(blog, make_release, machine, tmp_path):
    (tmp_path / "foreign").mkdir(mode=0o751)
    (tmp_path / "foreign" / "environment").write_text("secret", encoding="utf-8")
    make_release(NEW)
    (blog.release_dir(NEW) / "static").rmdir()
    machine.answer("collectstatic", lambda line: Path(re.search(r"DJANGO_STATIC_ROOT=(\S+)", line)[1]).symlink_to(tmp_path / "foreign") or "")
    with pytest.raises(StepFailed, match=r'directory "static" it left something else, such as a link'):
        list(static_files.collect(blog, NEW))
    assert not (blog.release_dir(NEW) / "static").exists()
    assert (tmp_path / "foreign").stat().st_mode & 0o777 == 0o751


@pytest.mark.parametrize("leads", ["/etc/passwd", "a.css"])
def test_a_link_among_the_static_files_is_refused(blog, make_release, machine, leads):
    """nginx serves nothing from anywhere else."""

    def link(line: str) -> str:
        directory = Path(re.search(r"DJANGO_STATIC_ROOT=(\S+)", line)[1])
        write(directory, {"a.css": "a"})
        (directory / "link").symlink_to(leads)
        return ""

    make_release(NEW)
    (blog.release_dir(NEW) / "static").rmdir()
    machine.answer("collectstatic", link)
    with pytest.raises(StepFailed, match=r'^"static", which the site wrote, holds "link", a link, and root takes files and directories alone'):
        list(static_files.collect(blog, NEW))


def test_what_was_collected_is_read_by_the_site_alone(blog, collected):
    collected({"css/a.css": "a"})
    modes = {path.name: path.stat().st_mode & 0o777 for path in (blog.release_dir(NEW) / "static").rglob("*")}
    assert modes == {"css": 0o750, "a.css": 0o640, "a.css.gz": 0o640}


def test_static_files_are_published_without_their_manifest(blog, make_release):
    make_release(NEW, static=("css/a.css", "b.js", "staticfiles.json"))
    static_files.publish(blog, NEW)
    assert published(blog) == {"css/a.css": NEW, "b.js": NEW}


def test_what_older_pages_name_stays_published(blog, make_release):
    make_release("old", static=("old.css", "same.css"))
    make_release(NEW, static=("new.css", "same.css"))
    static_files.publish(blog, "old")
    static_files.publish(blog, NEW)
    assert published(blog) == {"old.css": "old", "new.css": NEW, "same.css": NEW}


@pytest.mark.parametrize(("stored", "replaced"), [(NEW, False), (NEW[::-1], True)], ids=["the same content", "another of the same length"])
def test_only_another_content_is_written(blog, make_release, stored, replaced):
    make_release(NEW, static=("a.css",))
    write(blog.static_dir, {"a.css": stored})
    for file in (blog.static_dir / "a.css", blog.release_dir(NEW) / "static/a.css"):
        os.utime(file, (1000, 1000))  # a time tells nothing of a content
    before = (blog.static_dir / "a.css").stat().st_ino
    static_files.publish(blog, NEW)
    assert ((blog.static_dir / "a.css").stat().st_ino != before) is replaced
    assert published(blog) == {"a.css": NEW}


def test_no_older_content_is_sent_compressed(blog, make_release):
    make_release("old", static=("a.css", "a.css.gz", "a.css.br"))
    make_release(NEW, static=("a.css", "a.css.gz"))
    static_files.publish(blog, "old")
    static_files.publish(blog, NEW)
    assert published(blog) == {"a.css": NEW, "a.css.gz": NEW}


def test_a_published_file_is_replaced_at_once(blog, make_release):
    make_release(NEW, static=("a.css",))
    write(blog.static_dir, {"a.css": "old"})
    with (blog.static_dir / "a.css").open(encoding="utf-8") as visitor:
        static_files.publish(blog, NEW)
        assert visitor.read() == "old"


@pytest.mark.parametrize(("stored", "file"), [("a.css", "a.css/b.css"), ("a.css", "a.css/b/c.css"), ("a.css/b.css", "a.css")])
def test_a_file_may_become_a_directory_and_back(blog, make_release, stored, file):
    write(blog.static_dir, {stored: "old"})
    make_release(NEW, static=(file,))
    static_files.publish(blog, NEW)
    assert published(blog) == {file: NEW}


def test_a_published_file_is_of_its_original_s_time(blog, make_release):
    """nginx sends that time, and a visitor's browser asks with it."""
    make_release(NEW, static=("a.css",))
    os.utime(blog.release_dir(NEW) / "static/a.css", (1000, 1000))
    static_files.publish(blog, NEW)
    assert (blog.static_dir / "a.css").stat().st_mtime == 1000


def test_everybody_reads_a_published_file(blog, make_release):
    make_release(NEW, static=("a.css",))
    (blog.release_dir(NEW) / "static/a.css").chmod(0o640)
    static_files.publish(blog, NEW)
    assert (blog.static_dir / "a.css").stat().st_mode & 0o777 == 0o644


@pytest.fixture
def foreign(tmp_path) -> Path:
    """What the site may not read, and no visitor."""
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/secret.css").write_text("secret", encoding="utf-8")
    return tmp_path / "foreign"


@pytest.mark.parametrize(("name", "leads"), [("link.css", "foreign/secret.css"), ("link", "foreign"), ("css/link.css", "foreign/secret.css")])
def test_nothing_is_published_through_a_link_of_an_older_release(blog, make_release, foreign, name, leads):
    make_release(NEW, static=("a.css", "css/b.css"))
    (blog.release_dir(NEW) / "static" / name).symlink_to(foreign.parent / leads)
    static_files.publish(blog, NEW)
    assert published(blog) == {"a.css": NEW, "css/b.css": NEW}


def test_nothing_is_published_where_the_static_files_are_a_link_themselves(blog, make_release, foreign):
    make_release(NEW)
    (blog.release_dir(NEW) / "static").rmdir()
    (blog.release_dir(NEW) / "static").symlink_to(foreign)
    static_files.publish(blog, NEW)
    assert published(blog) == {}


def test_what_only_a_link_names_does_not_stay(blog, make_release, foreign):
    make_release(NEW, static=("a.css",))
    static_files.publish(blog, NEW)
    (blog.release_dir(NEW) / "static/link").symlink_to(foreign)
    (blog.release_dir(NEW) / "static/link.css").symlink_to("a.css")
    write(blog.static_dir, {"link/secret.css": "secret", "link.css": "old"})
    static_files.prune(blog, [NEW])
    assert published(blog) == {"a.css": NEW}


def test_a_store_is_pruned_of_links_and_not_through_them(blog, make_release, foreign):
    make_release(NEW, static=("a.css",))
    static_files.publish(blog, NEW)
    (blog.static_dir / "link").symlink_to(foreign)
    (blog.static_dir / "link.css").symlink_to(foreign / "secret.css")
    static_files.prune(blog, [NEW])
    assert names(foreign) == {"secret.css"}
    assert not (blog.static_dir / "link.css").is_symlink()


@pytest.mark.parametrize(
    ("path", "is_there"),
    [
        ("/static/css/a.css", True),
        ("/static/caf%C3%A9.css", True),
        ("/static//css/a.css", True),
        ("/static/css", False),
        ("/static/", False),
        ("/static/b.css", False),
        ("/static/../source/manage.py", False),
        ("/static/css/%2e%2e/css/a.css", False),
        ("/static//etc/passwd", False),
        ("/static/a%00", False),
        (f"/static/{'x' * 300}.css", False),
        (f"/static/{'x/' * 3000}", False),
    ],
)
def test_what_is_among_a_release_s_static_files(blog, make_release, path, is_there):
    make_release(NEW, static=("css/a.css", "caf\u00e9.css"))
    (blog.release_dir(NEW) / "source/manage.py").touch()
    assert static_files.is_collected(blog, NEW, path) is is_there


@pytest.mark.parametrize(
    ("path", "is_there"),
    [
        ("/static/css/a.css", True),
        ("/static/old.css", True),
        ("/static/docs/", True),
        ("/static/docs/index.html", True),
        ("/static/docs", False),
        ("/static/css/", False),
        ("/static/", False),
        ("/static/b.css", False),
        ("/static/../secret.css", False),
        ("/static/%2e%2e/secret.css", False),
        ("/static/%2e%2e/", False),
    ],
)
def test_what_nginx_will_serve(blog, make_release, path, is_there):
    make_release(NEW, static=("css/a.css", "docs/index.html"))
    write(blog.static_dir, {"old.css": "old", "../secret.css": "secret", "../index.html": "secret"})
    assert static_files.is_served(blog, NEW, path) is is_there


def test_the_index_of_all_static_files_is_served(blog, make_release):
    make_release(NEW)
    write(blog.static_dir, {"index.html": "old"})
    assert static_files.is_served(blog, NEW, "/static/")


def test_what_an_earlier_release_left_is_missing_on_a_page(blog, make_release, machine):
    """It goes with that release."""
    make_release(NEW)
    write(blog.static_dir, {"old.css": "old"})
    machine.answer_of("page.py", paths=["/static/old.css"])
    assert static_files.missing_of_page(blog, NEW, "https://blog.example.com/", "") == ["/static/old.css"]


def test_a_look_at_a_page_is_soon_given_up(blog, make_release, machine, monkeypatch):
    make_release(NEW)
    machine.answer_of("page.py", paths=[])
    given = []
    monkeypatch.setattr(programs, "run", lambda words, **options: given.append(options["seconds"]) or machine(words))
    static_files.missing_of_page(blog, NEW, "https://blog.example.com/", "")
    assert given == [static_files.PAGE_SECONDS]


def test_what_a_page_names_and_nobody_collected_is_missing(blog, make_release, machine):
    make_release(NEW, static=("a.css",))
    pages = []

    def look(line: str) -> str:
        pages.append(Path(line.split()[-3]).read_text(encoding="utf-8"))
        return f"shortstop answers: {json.dumps({'paths': ['/static/a.css', '/static/b.js', '/static/' + 'x' * 300]})}\n"

    machine.answer("/inside/page.py", look)
    url = "https://blog.example.com/"
    assert static_files.missing_of_page(blog, NEW, url, "<p>caf\u00e9 \ufffd") == ["/static/b.js", f"/static/{'x' * 300}"]
    (line,) = machine.started
    directory = re.search(rf" --property=ReadWritePaths=({scratch.SCRATCH_DIR}/blog-\S+)", line)[1]
    assert line.endswith(f" -- /usr/bin/python3 -I {static_files.SCRIPTS}/page.py {directory}/page.html {url} /static/")
    assert "--property=User=blog" in line
    assert "EnvironmentFile" not in line
    assert pages == ["<p>caf\u00e9 \ufffd"]
    assert not Path(directory).exists()


@pytest.mark.parametrize("paths", ["/static/a.css", [1], ["/static/\x1b[2J"], ["x" * 501], None])
def test_a_forged_look_at_a_page_is_refused(blog, make_release, machine, paths):
    make_release(NEW)
    machine.answer_of("page.py", paths=paths)
    with pytest.raises(StepFailed, match=r"^a look for the page's stylesheets and scripts gave an answer that cannot be believed; "):
        static_files.missing_of_page(blog, NEW, "https://blog.example.com/", "")


FILES = st.sets(st.sampled_from(["a.css", "css/a.css", "css/deep/b.css", "b.js"]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=FILES, two=FILES, others=FILES)
def test_what_any_kept_release_names_stays_and_nothing_else(blog, make_release, one, two, others):
    for name, files in {"one": one, "two": two, "gone": others}.items():
        shutil.rmtree(blog.release_dir(name), ignore_errors=True)
        make_release(name, static=tuple(files))
        static_files.publish(blog, name)
    write(blog.static_dir, {".a.css.new": "half written"})
    static_files.prune(blog, ["one", "two"])
    assert names(blog.static_dir) == one | two
    assert {path for path in blog.static_dir.rglob("*") if path.is_dir()} == {
        parent for name in one | two for parent in (blog.static_dir / name).parents if blog.static_dir in parent.parents
    }
