"""The script that makes a virtual environment and bytecode as a site's user, with a program in uv's place."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

# Notes how it was called, then does what a test has told it: each call has a status, and installs packages.
UV = """#!{python} -IS
import json, os, sys
from pathlib import Path
notes = Path({notes!r})
call = len(list(notes.iterdir()))
told = json.loads(Path({told!r}).read_text())
(notes / str(call)).write_text(json.dumps({{"words": sys.argv[1:], "cwd": os.getcwd(), "variables": dict(os.environ)}}))
Path("left-where-it-builds").touch()
for package in told["installs"] if sys.argv[1] == "pip" else []:
    os.makedirs(Path({environment!r}, "lib/python3.11/site-packages", package), exist_ok=True)
status = told["statuses"][call] if call < len(told["statuses"]) else 0
os.kill(os.getpid(), 9) if status == 9 else sys.exit(status)
"""


@pytest.fixture
def script(inside_script, tmp_path, monkeypatch) -> ModuleType:
    """The script, in a source whose requirements ask for Django, on a server where nothing is configured."""
    module = inside_script("build")
    for name in ("UV_CONFIGURATION", "PIP_CONFIGURATION", "CERTIFICATES"):
        monkeypatch.setattr(module, name, type(getattr(module, name))(tmp_path / name.lower()))
    for directory in ("home", "source/shop"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "source/requirements.txt").write_text("django\n", encoding="utf-8")
    (tmp_path / "source/shop/wsgi.py").write_text("application = None\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "source")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("SSL_CERT_FILE", *(variable for variable, _separator in module.PIP_OPTIONS.values())):
        monkeypatch.delenv(name, raising=False)
    return module


@pytest.fixture
def uv(script, tmp_path, monkeypatch) -> SimpleNamespace:
    """The program in uv's place."""
    notes, told = tmp_path / "notes", tmp_path / "told.json"
    notes.mkdir()
    file = tmp_path / "uv"
    file.write_text(UV.format(python=sys.executable, notes=str(notes), told=str(told), environment=str(tmp_path / "environment")), encoding="utf-8")
    file.chmod(0o755)
    monkeypatch.setattr(script, "UV", str(file))

    def does(installs: tuple[str, ...] = ("gunicorn-27.0.1.dist-info",), statuses: tuple[int, ...] = ()) -> None:
        told.write_text(json.dumps({"installs": installs, "statuses": statuses}), encoding="utf-8")

    def calls() -> list[dict]:
        return [json.loads((notes / str(number)).read_text(encoding="utf-8")) for number in range(len(list(notes.iterdir())))]

    does()
    return SimpleNamespace(does=does, calls=calls)


def run(script: ModuleType, tmp_path: Path, monkeypatch, requirements: str = "requirements.txt", database: str = "sqlite") -> None:
    monkeypatch.setattr(sys, "argv", ["build.py", str(tmp_path / "environment"), requirements, database])
    script.main()


def test_it_works(script, uv, tmp_path, monkeypatch):
    run(script, tmp_path, monkeypatch)
    environment = f"{tmp_path}/environment"
    assert [call["words"] for call in uv.calls()] == [
        ["venv", "--quiet", "--relocatable", "--python", "/usr/bin/python3", environment],
        ["pip", "install", "--python", f"{environment}/bin/python", "--no-editable", "--compile-bytecode", "--requirement", "requirements.txt"],
    ]
    assert list((tmp_path / "source/shop/__pycache__").glob("wsgi.*.pyc"))


def test_where_nothing_is_asked_for_only_bytecode_is_made(script, uv, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["build.py"])
    script.main()
    assert uv.calls() == []
    assert list((tmp_path / "source/shop/__pycache__").glob("wsgi.*.pyc"))


def test_a_file_that_does_not_compile_is_no_failure(script, uv, tmp_path, monkeypatch, capfd):
    (tmp_path / "source/shop/broken.py").write_text("def\n", encoding="utf-8")
    run(script, tmp_path, monkeypatch)
    assert list((tmp_path / "source/shop/__pycache__").glob("wsgi.*.pyc"))
    assert capfd.readouterr().out == ""


def test_gunicorn_is_installed_where_the_requirements_do_not_ask_for_it(script, uv, tmp_path, monkeypatch):
    uv.does(installs=("gunicorn_extras-1.0.dist-info", "django-5.2.dist-info"))
    run(script, tmp_path, monkeypatch)
    first, second = (call["words"] for call in uv.calls()[1:])
    assert second == [*first[: first.index("--requirement")], "gunicorn"]


@pytest.mark.parametrize("driver", ["psycopg-3.2.1", "psycopg2-2.9.9", "psycopg2_binary-2.9.10"])
def test_a_driver_that_the_requirements_bring_is_enough(script, uv, tmp_path, monkeypatch, capfd, driver):
    uv.does(installs=("gunicorn-27.0.1.dist-info", "django-5.2.dist-info", f"{driver}.dist-info"))
    run(script, tmp_path, monkeypatch, database="postgres")
    assert len(uv.calls()) == 2
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("django", "driver"),
    [
        ("django-5.2", "psycopg[binary]"),
        ("django-4.2.16", "psycopg[binary]"),
        ("Django-4.1.13", "psycopg2-binary"),
        ("Django-3.2.25", "psycopg2-binary"),
        ("django-10.0", "psycopg[binary]"),
        ("psycopg_binary-3.2.1", "psycopg[binary]"),
    ],
)
def test_a_driver_is_added_where_the_requirements_bring_none(script, uv, tmp_path, monkeypatch, capfd, django, driver):
    uv.does(installs=("gunicorn-27.0.1.dist-info", f"{django}.dist-info"))
    run(script, tmp_path, monkeypatch, database="postgres")
    assert uv.calls()[-1]["words"][-1] == driver
    assert capfd.readouterr().out == f"shortstop adds: {driver}\n"


@pytest.mark.parametrize("database", ["sqlite", "none"])
def test_another_database_needs_no_driver(script, uv, tmp_path, monkeypatch, database):
    run(script, tmp_path, monkeypatch, database=database)
    assert len(uv.calls()) == 2


def test_gunicorn_and_a_driver_come_in_one_step(script, uv, tmp_path, monkeypatch):
    uv.does(installs=())
    run(script, tmp_path, monkeypatch, database="postgres")
    assert uv.calls()[-1]["words"][-2:] == ["gunicorn", "psycopg[binary]"]


def test_gunicorn_needs_no_hash_where_the_requirements_have_none_of_it(script, uv, tmp_path, monkeypatch):
    uv.does(installs=())
    (tmp_path / "source/requirements.txt").write_text("django==5.2 --hash=sha256:abc\n", encoding="utf-8")
    run(script, tmp_path, monkeypatch)
    assert ["--require-hashes" in call["words"] for call in uv.calls()] == [False, True, False]


@pytest.mark.parametrize(("statuses", "calls", "status"), [((2,), 1, 2), ((0, 1), 2, 1), ((0, 0, 3), 3, 3), ((0, 9), 2, -9)])
def test_a_failure_ends_it_with_the_status_of_uv(script, uv, tmp_path, monkeypatch, statuses, calls, status):
    uv.does(installs=(), statuses=statuses)
    with pytest.raises(SystemExit) as error:
        run(script, tmp_path, monkeypatch)
    assert error.value.code == status
    assert len(uv.calls()) == calls


def test_packages_are_built_in_a_copy_of_the_source(script, uv, tmp_path, monkeypatch):
    (tmp_path / "source/link").symlink_to("shop")
    run(script, tmp_path, monkeypatch)
    copy = tmp_path / "home/packages"
    assert {call["cwd"] for call in uv.calls()} == {str(copy)}
    assert (copy / "left-where-it-builds").exists()
    assert not (tmp_path / "source/left-where-it-builds").exists()
    assert os.readlink(copy / "link") == "shop"


def test_uv_writes_to_its_home_and_fetches_no_python(script, uv, tmp_path, monkeypatch):
    run(script, tmp_path, monkeypatch)
    for call in uv.calls():
        assert call["variables"]["UV_CACHE_DIR"] == f"{tmp_path}/home/cache"
        assert call["variables"]["UV_PYTHON_DOWNLOADS"] == "never"


@pytest.mark.parametrize("there", [True, False])
def test_the_server_s_certificates_are_trusted_where_it_has_any(script, uv, tmp_path, monkeypatch, there):
    if there:
        Path(script.CERTIFICATES).touch()
    run(script, tmp_path, monkeypatch)
    assert [call["variables"].get("SSL_CERT_FILE") for call in uv.calls()] == [script.CERTIFICATES if there else None] * 2


def test_the_index_of_pip_is_uv_s(script, uv, tmp_path, monkeypatch):
    Path(script.PIP_CONFIGURATION).write_text("[global]\nindex-url = https://pypi.example.com/simple\n", encoding="utf-8")
    run(script, tmp_path, monkeypatch)
    assert {call["variables"]["UV_DEFAULT_INDEX"] for call in uv.calls()} == {"https://pypi.example.com/simple"}


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("[global]\ntimeout = 60\n", {}),
        ("[list]\nindex-url = https://a.example.com\n", {}),
        ("[global]\nindex-url = https://a.example.com/%2e/\n", {"UV_DEFAULT_INDEX": "https://a.example.com/%2e/"}),
        ("[global]\nINDEX-URL: https://a.example.com\n", {"UV_DEFAULT_INDEX": "https://a.example.com"}),
        ("[global]\nextra-index-url = https://a.example.com\n    https://b.example.com\n", {"UV_INDEX": "https://a.example.com https://b.example.com"}),
        ("[global]\nfind-links =\n    /srv/wheels\n    https://a.example.com\n", {"UV_FIND_LINKS": "/srv/wheels,https://a.example.com"}),
        ("[install]\nno-index = true\n", {"UV_NO_INDEX": "true"}),
        ("[global]\ntrusted-host = a.example.com b.example.com:8080\n", {"UV_INSECURE_HOST": "a.example.com b.example.com:8080"}),
        ("[install]\nindex-url = https://b.example.com\n[global]\nindex-url = https://a.example.com\n", {"UV_DEFAULT_INDEX": "https://b.example.com"}),
    ],
    ids=["empty", "nothing of indexes", "another command's", "index", "capitals", "more indexes", "links", "no index", "hosts", "install comes last"],
)
def test_what_pip_was_told_is_told_to_uv(script, text, variables):
    Path(script.PIP_CONFIGURATION).write_text(text, encoding="utf-8")
    assert script.pip_variables() == variables


def test_a_server_without_a_configuration_of_pip_s_is_no_error(script):
    assert script.pip_variables() == {}


def test_a_configuration_of_uv_s_own_counts_alone(script):
    Path(script.PIP_CONFIGURATION).write_text("[global]\nindex-url = https://a.example.com\n", encoding="utf-8")
    script.UV_CONFIGURATION.touch()
    assert script.pip_variables() == {}


@pytest.mark.parametrize("text", ["index-url = https://a.example.com\n", "[global\n", "[global]\nno-index = 1\nno-index = 0\n"])
def test_a_configuration_that_cannot_be_read_ends_it_with_a_sentence(script, text):
    Path(script.PIP_CONFIGURATION).write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=f"^{script.PIP_CONFIGURATION} cannot be read: "):
        script.pip_variables()


def test_a_configuration_that_is_no_utf_8_ends_it_with_a_sentence(script):
    Path(script.PIP_CONFIGURATION).write_bytes(b"[global]\n# caf\xe9\n")
    with pytest.raises(SystemExit, match=f"^{script.PIP_CONFIGURATION} cannot be read: "):
        script.pip_variables()


HASHED = "django==5.2 --hash=sha256:abc\n"


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        (HASHED, True),
        ("django==5.2 --hash sha256:abc\n", True),
        ("django==5.2 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def\n", True),
        ("django==5.2 \\\n--hash=sha256:abc\n", True),
        ("django==5.2 \\\r\n    --hash=sha256:abc\r\n", True),
        ("sqlparse\ndjango==5.2\t--hash=sha256:abc", True),
        ("\ufeffdjango==5.2 --hash=sha256:abc\n", True),
        ("", False),
        ("django==5.2\n", False),
        ("# django==5.2 --hash=sha256:abc\n", False),
        ("django==5.2  # with --hash=sha256:abc\n", False),
        ("django==5.2  # with \\\n    --hash=sha256:abc\n", False),
        ("django==5.2 --hashes\n", False),
        ("--hashed=1\n", False),
        ("shop @ https://example.com/a--hash=b.zip\n", False),
    ],
)
def test_a_hash_is_found_where_pip_would_find_one(script, text, hashed):
    Path("requirements.txt").write_text(text, encoding="utf-8", newline="")
    assert script.has_hashes(Path("requirements.txt"), set()) is hashed


def test_a_hash_is_found_after_the_fragment_of_an_address(script):
    Path("requirements.txt").write_text("shop @ https://example.com/a.zip#subdirectory=shop --hash=sha256:abc\n", encoding="utf-8")
    assert script.has_hashes(Path("requirements.txt"), set())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_a_hash_is_found_whatever_the_encoding(script, encoding):
    bom = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    Path("requirements.txt").write_bytes(bom + f"# é\n{HASHED}".encode(encoding))
    assert script.has_hashes(Path("requirements.txt"), set())


@pytest.mark.parametrize(
    "line",
    [
        *["-r more/base.txt", "-rmore/base.txt", "--requirement more/base.txt", "--requirement=more/base.txt", "-c more/base.txt", "\ufeff-r more/base.txt"],
        *["--constraint more/base.txt", "--constraint=more/base.txt", "  -r  more/base.txt  # what all need", "-r more/../more/base.txt"],
    ],
)
def test_a_hash_in_a_file_that_is_included_counts(script, line):
    Path("more").mkdir()
    Path("requirements.txt").write_text(f"{line}\n", encoding="utf-8")
    Path("more/base.txt").write_text("-r deeper.txt\n", encoding="utf-8")
    Path("more/deeper.txt").write_text(HASHED, encoding="utf-8")
    assert script.has_hashes(Path("requirements.txt"), set())


@pytest.mark.parametrize("line", ["# -r base.txt", "-e base.txt", "django -r base.txt", "-r nothing.txt", "-r https://example.com/base.txt", "-r ."])
def test_a_line_that_includes_no_file_here_is_no_error(script, line):
    Path("requirements.txt").write_text(f"{line}\n", encoding="utf-8")
    Path("base.txt").write_text(HASHED, encoding="utf-8")
    assert not script.has_hashes(Path("requirements.txt"), set())


def test_files_that_include_each_other_are_read_once(script):
    Path("requirements.txt").write_text("-r base.txt\n-r ./requirements.txt\n", encoding="utf-8")
    Path("base.txt").write_text("-r shop/../requirements.txt\n-r link.txt\n", encoding="utf-8")
    Path("link.txt").symlink_to("requirements.txt")
    assert not script.has_hashes(Path("requirements.txt"), set())
