"""What a release is made of: its id, its files, its requirements, its gunicorn."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import platform
import re
import tarfile
from pathlib import Path

import pytest
import release
from report import StepFailed

SOURCE = "a" * 64


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def packed(archive: Path, *members: tuple[str, str]) -> str:
    """Write an archive of files and links ("link -> target"), and return the hash that is announced for it."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in members:
            name, _, target = name.partition(" -> ")
            member = tarfile.TarInfo(name)
            if target:
                member.type, member.linkname = (tarfile.LNKTYPE if content == "hard" else tarfile.SYMTYPE), target
                tar.addfile(member)
            elif content == "directory":
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
            elif content == "fifo":
                member.type = tarfile.FIFOTYPE
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content.encode()))
    archive.write_bytes(gzip.compress(plain.getvalue()))
    return hashlib.sha256(plain.getvalue()).hexdigest()


@pytest.fixture(params=["this Python's filter", "no filter"])
def filters(request, monkeypatch) -> None:
    """The Pythons that a server may have: Debian 12's has no filters in tarfile yet."""
    if request.param == "no filter":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


def test_it_works(blog):
    assert re.fullmatch("[0-9a-f]{12}", release.identify(blog, SOURCE))


def test_the_same_makes_the_same_id(blog):
    assert release.identify(blog, SOURCE) == release.identify(dataclasses.replace(blog), SOURCE)


@pytest.mark.parametrize(
    "change",
    [
        lambda site: edit(site.environment_file, "red", "blue"),
        lambda site: edit(site.environment_file, "not a secret", "another one"),
        lambda site: edit(release.SERVER_ENVIRONMENT, "/bin", "/usr/bin"),
        lambda site: edit(site.template, "User=blog", "User=shop"),
        lambda site: edit(release.UNIT_DIR / "gunicorn-blog@.socket", "[Socket]", "[Socket]\nBacklog=1"),
    ],
    ids=["site's environment", "secret key", "server's environment", "service", "socket"],
)
def test_a_changed_configuration_is_another_release(blog, change):
    before = release.identify(blog, SOURCE)
    change(blog)
    assert release.identify(blog, SOURCE) != before


JOB = {"command": "manage.py poll", "every": "1min", "timeout": 300}
FULL = {
    "timers": {"poll": JOB},
    "daemons": {"worker": {"command": "celery"}},
    "fixtures": ["a.json"],
    "superuser": {"username": "ada", "email": "a@example.com"},
}


@pytest.mark.parametrize(
    "changed",
    [
        {"threads": 5},
        {"requirements": "production.txt"},
        {"timers": {}},
        {"timers": {"poll": {**JOB, "every": "2min"}}},
        {"timers": {"poll": {**JOB, "timeout": 301}}},
        {"daemons": {"worker": {"command": "celery -A shop"}}},
        {"daemons": {"other": {"command": "celery"}}},
        {"fixtures": ["a.json", "b.json"]},
        {"superuser": {}},
        {"superuser": {"username": "bob", "email": "a@example.com"}},
        {"superuser": {"username": "ada", "email": "b@example.com"}},
    ],
)
def test_a_changed_site_is_another_release(blog, changed):
    full = dataclasses.replace(blog, **FULL)
    assert release.identify(dataclasses.replace(full, **changed), SOURCE) != release.identify(full, SOURCE)


@pytest.mark.parametrize("changed", [{"releases_kept": 9}, {"health_timeout": 9}, {"deploy_timeout": 9}, {"health_path": "/"}, {"domain": "www.example.com"}])
def test_what_no_process_of_the_site_sees_is_no_other_release(blog, changed):
    assert release.identify(dataclasses.replace(blog, **changed), SOURCE) == release.identify(blog, SOURCE)


def test_another_password_of_the_superuser_is_no_other_release(blog):
    ids = set()
    for password in ("open sesame", "another one"):
        blog.superuser_file.write_text(f'DJANGO_SUPERUSER_PASSWORD="{password}"\n', encoding="utf-8")
        ids.add(release.identify(dataclasses.replace(blog, **FULL), SOURCE))
    assert len(ids) == 1


def test_another_source_is_another_release(blog):
    assert release.identify(blog, "b" * 64) != release.identify(blog, SOURCE)


def test_another_python_is_another_release(blog, monkeypatch):
    before = release.identify(blog, SOURCE)
    monkeypatch.setattr(release.platform, "python_version", lambda: "3.99.0")
    assert release.identify(blog, SOURCE) != before


def test_an_id_cannot_be_computed_without_the_secret_key(blog, monkeypatch):
    before = release.identify(blog, SOURCE)
    monkeypatch.setattr(release, "SECRET_KEY", re.compile('COLOUR="(.*)"'))
    assert release.identify(blog, SOURCE) != before


def test_a_site_without_a_secret_key_has_an_id(blog):
    edit(blog.environment_file, "DJANGO_SECRET_KEY", "COLOUR2")
    assert release.identify(blog, SOURCE)


def test_a_server_without_variables_of_its_own_is_no_error(blog):
    release.SERVER_ENVIRONMENT.unlink()
    assert release.environment(blog).strip().startswith("COLOUR")


def test_the_site_speaks_after_the_server(blog):
    release.SERVER_ENVIRONMENT.write_text('COLOUR="blue"', encoding="utf-8")
    assert release.environment(blog).splitlines()[:2] == ['COLOUR="blue"', 'COLOUR="red"']


def test_a_carriage_return_in_a_value_survives(blog):
    blog.environment_file.write_bytes(b'COLOUR="red\rgreen"\n')
    assert release.environment(blog).endswith('COLOUR="red\rgreen"\n')


def test_an_archive_is_unpacked(tmp_path, filters):
    source = packed(tmp_path / "a.tar.gz", ("shop", "directory"), ("shop/urls.py", "urls"), ("shop/link.py -> ../manage.py", ""), ("manage.py", "manage"))
    release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", source)
    assert (tmp_path / "release/shop/urls.py").read_text(encoding="utf-8") == "urls"
    assert (tmp_path / "release/shop/link.py").read_text(encoding="utf-8") == "manage"


def test_another_archive_than_announced_is_refused(tmp_path):
    packed(tmp_path / "a.tar.gz", ("manage.py", "manage"))
    with pytest.raises(OSError, match="arrived with another content"):
        release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", SOURCE)
    assert not (tmp_path / "release").exists()


@pytest.mark.parametrize(
    "members",
    [
        [("passwd -> /etc/passwd", "")],
        [("up -> ../../etc", "")],
        [("up -> ../release2", "")],
        [("d", "directory"), ("d/root -> ..", ""), ("e -> d/root/..", "")],
        [("../beside.txt", "content")],
        [("same -> /etc/passwd", "hard")],
        [("pipe", "fifo")],
    ],
    ids=["absolute link", "link upwards", "neighbour with the same beginning", "link through a link", "name upwards", "hard link", "fifo"],
)
def test_an_archive_with_a_way_out_is_refused(tmp_path, filters, members):
    source = packed(tmp_path / "a.tar.gz", *members)
    with pytest.raises(StepFailed, match=f'the source holds "{re.escape(members[-1][0].partition(" -> ")[0])}".* leads out of it'):
        release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", source)


def test_a_link_by_its_full_path_is_refused_even_inside(tmp_path, filters):
    source = packed(tmp_path / "a.tar.gz", ("manage.py", "manage"), (f"link -> {tmp_path}/release/manage.py", ""))
    with pytest.raises(StepFailed, match='the source holds "link" -> '):
        release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", source)


def test_a_link_may_not_leave_and_come_back(tmp_path, filters):
    """Outside of the release others make links, too."""
    source = packed(tmp_path / "a.tar.gz", ("manage.py", "manage"), ("link -> ../release/manage.py", ""))
    with pytest.raises(StepFailed, match='the source holds "link" -> '):
        release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", source)


def test_a_link_that_others_bend_afterwards_is_refused(tmp_path, filters):
    source = packed(tmp_path / "a.tar.gz", ("a.py -> p/q/../../secret.py", ""), ("p -> .", ""), ("q -> .", ""))
    with pytest.raises(StepFailed, match=r'the source holds "a.py" -> "p/q/../../secret.py", which leads out of it'):
        release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", source)


@pytest.mark.parametrize("link", ["python -> ../venv/bin/python", "shop/python -> ../../venv/bin/python", "shop/x -> ../../venv/../source/manage.py"])
def test_a_link_into_the_virtual_environment_beside_the_source_is_refused(tmp_path, filters, link):
    source = packed(tmp_path / "a.tar.gz", ("shop", "directory"), (link, ""))
    with pytest.raises(StepFailed, match=r'the source holds ".*" -> ".*venv/.*", which leads out of it'):
        release.unpack(tmp_path / "a.tar.gz", tmp_path / "release/source", source)


def test_a_source_may_call_its_files_whatever_it_likes(tmp_path, filters):
    source = packed(tmp_path / "a.tar.gz", ("venv", "directory"), ("venv/bin", "content"), (".shortstop.json", "{}"), ("source -> venv", ""))
    release.unpack(tmp_path / "a.tar.gz", tmp_path / "release/source", source)
    assert {path.name for path in (tmp_path / "release/source").iterdir()} == {"venv", ".shortstop.json", "source"}


def test_a_path_that_is_too_long_to_be_looked_through_is_refused(tmp_path, filters):
    """Past the length that the system takes, a link looks like anything else."""
    long, members, path = "d" * 247, [], ""
    for letter in "abcdefghijklmnop":
        members += [(f"{path}{long}", "directory"), (f"{path}{letter} -> {long}", "")]
        path += f"{long}/"
    up = f"{'/'.join('abcdefghijklmnop')}/{'l' * 254}"
    members += [(f"{up} -> {'../' * 16}", ""), (f"way -> {up}/../foreign", ""), ("way/file", "written")]
    (tmp_path / "foreign").mkdir()
    source = packed(tmp_path / "a.tar.gz", *members)
    with pytest.raises(StepFailed, match=r'^the source holds "d*/d*/'):
        release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", source)
    assert list((tmp_path / "foreign").iterdir()) == []


def test_a_link_that_leads_round_in_a_circle_stays_inside(tmp_path, filters):
    source = packed(tmp_path / "a.tar.gz", ("round -> round", ""))
    release.unpack(tmp_path / "a.tar.gz", tmp_path / "release", source)
    assert (tmp_path / "release/round").is_symlink()


@pytest.mark.parametrize(
    "line",
    [
        *["-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt", "-c base.txt"],
        *["--constraint base.txt", "--constraint=base.txt", "  -r  base.txt  # what all need"],
    ],
)
def test_requirements_that_others_name_count(tmp_path, line):
    (tmp_path / "requirements.txt").write_text(f"django\n{line}\n", encoding="utf-8")
    (tmp_path / "base.txt").write_text("gunicorn==27.0\n", encoding="utf-8")
    before = release.requirements_hash(tmp_path, "requirements.txt", SOURCE, "postgres")
    (tmp_path / "base.txt").write_text("gunicorn==27.1\n", encoding="utf-8")
    assert release.requirements_hash(tmp_path, "requirements.txt", SOURCE, "postgres") != before


def test_another_kind_of_database_makes_another_environment(tmp_path):
    """It may need a driver."""
    (tmp_path / "requirements.txt").write_text("django\n", encoding="utf-8")
    assert len({release.requirements_hash(tmp_path, "requirements.txt", SOURCE, database) for database in ("postgres", "sqlite")}) == 2


def test_requirements_are_found_from_the_file_that_names_them(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/production.txt").write_text("-r base.txt\n", encoding="utf-8")
    (tmp_path / "requirements/base.txt").write_text("django\n", encoding="utf-8")
    assert re.fullmatch("[0-9a-f]{12}", release.requirements_hash(tmp_path, "requirements/production.txt", SOURCE, "postgres"))


@pytest.mark.parametrize("outside", ["../base.txt", "{directory}/base.txt", "link.txt"])
def test_root_reads_no_requirements_outside_of_the_release(tmp_path, outside):
    """Not to tell, by the hash, what is in a file that the site may not read."""
    (tmp_path / "release").mkdir()
    (tmp_path / "release/link.txt").symlink_to("../base.txt")
    (tmp_path / "release/requirements.txt").write_text(f"-r {outside.format(directory=tmp_path)}\n", encoding="utf-8")
    (tmp_path / "base.txt").write_text("gunicorn\n", encoding="utf-8")
    before = release.requirements_hash(tmp_path / "release", "requirements.txt", SOURCE, "postgres")
    (tmp_path / "base.txt").write_text("django\n", encoding="utf-8")
    assert release.requirements_hash(tmp_path / "release", "requirements.txt", SOURCE, "postgres") == before


@pytest.mark.parametrize("line", ["-r requirements.txt", "--require-hashes", "-c https://example.com/constraints.txt", "-e ."])
def test_lines_that_name_no_other_file_here_are_no_error(tmp_path, line):
    (tmp_path / "requirements.txt").write_text(f"{line}\n", encoding="utf-8")
    assert release.requirements_hash(tmp_path, "requirements.txt", SOURCE, "postgres")


def hashes(directory: Path, line: str) -> set[str]:
    """The virtual environments that one line asks for in two sources."""
    (directory / "requirements.txt").write_text(f"django\n{line}\n", encoding="utf-8")
    (directory / "parts").mkdir()
    (directory / "parts" / "base.txt").write_text("gunicorn\n", encoding="utf-8")
    return {release.requirements_hash(directory, "requirements.txt", source, "postgres") for source in (SOURCE, "b" * 64)}


@pytest.mark.parametrize(
    "line", ["-e .", "--editable .", ".", "./packages/shop", "packages/shop", "vendor/shop-1.0-py3-none-any.whl", "shop @ file:packages/shop"]
)
def test_the_source_counts_where_a_package_comes_with_it(tmp_path, line):
    assert len(hashes(tmp_path, line)) == 2


@pytest.mark.parametrize(
    "line",
    [
        "gunicorn>=27",
        "-r parts/base.txt",
        "-rparts/base.txt",
        "# see docs/a.txt",
        "shop @ https://example.com/shop.zip",
        "git+https://example.com/shop.git",
        "--index-url https://example.com/",
    ],
)
def test_the_source_does_not_count_for_packages_from_elsewhere(tmp_path, line):
    assert len(hashes(tmp_path, line)) == 1


def test_the_source_counts_where_its_requirements_are_in_utf_16(tmp_path):
    (tmp_path / "requirements.txt").write_text("-e .\n", encoding="utf-16")
    assert len({release.requirements_hash(tmp_path, "requirements.txt", source, "postgres") for source in (SOURCE, "b" * 64)}) == 2


def test_requirements_that_are_no_utf_8_have_a_hash(tmp_path):
    found = set()
    for letter in (b"\xe9", b"\xe8"):
        (tmp_path / "requirements.txt").write_bytes(b"# caf" + letter + b"\ndjango\n")
        found.add(release.requirements_hash(tmp_path, "requirements.txt", SOURCE, "postgres"))
    assert len(found) == 2


def test_a_virtual_environment_of_version_0_1_0_is_not_shared(tmp_path):
    """pip made it, with the release's requirements and Python alone in its name."""
    (tmp_path / "requirements.txt").write_text("django\n", encoding="utf-8")
    older = hashlib.sha256(f"{platform.python_version()}django\n".encode()).hexdigest()[:12]
    assert release.requirements_hash(tmp_path, "requirements.txt", SOURCE, "postgres") != older


def test_requirements_of_another_python_are_others(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("django\n", encoding="utf-8")
    before = release.requirements_hash(tmp_path, "requirements.txt", SOURCE, "postgres")
    monkeypatch.setattr(release.platform, "python_version", lambda: "3.99.0")
    assert release.requirements_hash(tmp_path, "requirements.txt", SOURCE, "postgres") != before


@pytest.mark.parametrize(
    ("name", "version"),
    [("gunicorn-27.0.1", (27, 0)), ("gunicorn-23.0.0", (23, 0)), ("gunicorn-25.1.dev0", (25, 1)), ("gunicorn-27", (27, 0)), ("gunicorn-27rc1", (27, 0))],
)
def test_the_version_of_gunicorn_is_read_from_its_files(tmp_path, name, version):
    for package in (name, "gunicorn_extras-1.0", "django-5.2"):
        (tmp_path / f"lib/python3.11/site-packages/{package}.dist-info").mkdir(parents=True)
    assert release.gunicorn_version(tmp_path) == version


@pytest.mark.parametrize("name", [None, "gunicorn-", "gunicorn-x.y", "gunicorn-1234567.0"])
def test_a_gunicorn_whose_version_cannot_be_told_is_refused(tmp_path, name):
    if name:
        (tmp_path / f"lib/python3.11/site-packages/{name}.dist-info").mkdir(parents=True)
    with pytest.raises(StepFailed, match=r"^the virtual environment holds no gunicorn whose version can be told; let the requirements ask for gunicorn>=27$"):
        release.gunicorn_version(tmp_path)


@pytest.mark.parametrize(
    ("version", "arguments"),
    [
        ((23, 0), "--worker-class=sync --threads=1"),
        ((25, 0), "--worker-class=sync --threads=1"),
        ((25, 1), "--worker-class=sync --threads=1 --no-control-socket"),
        ((26, 2), "--worker-class=sync --threads=1 --no-control-socket"),
        ((27, 0), "--threads=4 --no-control-socket"),
    ],
)
def test_only_gunicorn_27_gets_threads(version, arguments):
    assert release.gunicorn_arguments(version, 4) == arguments
