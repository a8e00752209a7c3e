"""Puts the collection on the import path, as `make setup` links it into the checkout."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from types import ModuleType, SimpleNamespace

import pytest
from ansible.module_utils.urls import make_context
from fake_digitalocean import FakeDigitalOcean
from hypothesis import settings
from jinja2 import Environment, StrictUndefined

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".ansible" / "collections"

if not (COLLECTIONS / "ansible_collections" / "shortstop" / "django").exists():
    pytest.exit('The collection is not linked into .ansible/collections; run "make setup" first.', returncode=2)
sys.path.insert(0, str(COLLECTIONS))
# The engine's modules know each other by bare names, as they do on a server.
ENGINE = ROOT / "roles" / "django" / "files" / "shortstop"
sys.path.insert(0, str(ENGINE))

PLACES = ("CONFIGURATION_DIR", "UNIT_DIR", "RUN_DIR", "SCRATCH_DIR", "INCOMING_DIR", "SERVER_ENVIRONMENT", "TOOLS")
RUNNING = {"ActiveState": "active", "SubState": "running", "NRestarts": 0, "MainPID": 0, "Description": "", "Result": "success"}

# What own_migrations.py answers where each model has its migration.
NOTHING_MISSING = {"refused": [], "changing": [], "harmless": [], "absent": []}

# The same examples at each run, and no clock: a slow machine fails no test.
settings.register_profile("shortstop", deadline=None, derandomize=True)
settings.load_profile("shortstop")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source with all that the contract looks for."""
    directory = tmp_path.resolve() / "source"
    directory.mkdir()
    (directory / "requirements.txt").write_text("django\n", encoding="utf-8")
    (directory / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n', encoding="utf-8")
    return directory


class Machine:
    """Stands in for programs.run: remembers each command line, and answers as a test has told it."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.answers: list[tuple[str, Callable[[str], str], int]] = []

    def answer(self, part: str, output: str | Callable[[str], str] = "", status: int = 0) -> None:
        """What the command lines that hold `part` print; a function is given the line. The newest answer counts."""
        self.answers.insert(0, (part, output if callable(output) else lambda _line: output, status))

    def __call__(self, words: list, **_options: object) -> subprocess.CompletedProcess:
        line = " ".join(map(str, words))
        self.started.append(line)
        output, status = next(((said(line), status) for part, said, status in self.answers if part in line), ("", 0))
        return subprocess.CompletedProcess(words, status, output, output)

    def answer_of(self, script: str, **answer: object) -> None:
        """What one of the scripts that run inside a release answers, among what its site prints."""
        self.answer(f"/inside/{script}", f"a line of the site's\nshortstop answers: {json.dumps(answer)}\n")

    def unit(self, name: str, **state: object) -> None:
        """What systemd shows of the units whose names begin so; they run, but for what is said here."""
        self.answer(f"systemctl show {name}", "".join(f"{key}={value}\n" for key, value in {**RUNNING, **state}.items()))

    def lines(self, part: str) -> list[str]:
        """The command lines that hold this."""
        return [line for line in self.started if part in line]

    def positions(self, *parts: str) -> list[int]:
        """Where in the order of command lines each part first stands."""
        return [next(index for index, line in enumerate(self.started) if part in line) for part in parts]


@pytest.fixture
def machine(monkeypatch) -> Machine:
    """A machine on which nothing really runs, and nobody owns anything."""
    import programs

    fake = Machine()
    fake.unit("")
    monkeypatch.setattr(programs, "run", fake)
    monkeypatch.setattr(programs, "show", lambda words: fake(words).returncode)
    monkeypatch.setattr(subprocess, "run", fake)  # for what an operator types into
    for name in ("chown", "fchown"):
        monkeypatch.setattr(os, name, lambda *_, **__: None)
    monkeypatch.setattr(pwd, "getpwnam", lambda _name: pwd.getpwuid(os.getuid()))
    monkeypatch.setattr(shutil, "chown", lambda *_: None)
    return fake


@pytest.fixture
def engine() -> list[ModuleType]:
    """All modules of the engine."""
    return [importlib.import_module(file.stem) for file in ENGINE.glob("*.py") if file.stem != "__main__"]


class Clock:
    """Stands in for the module time: stands still, but for those who sleep."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch, engine) -> Clock:
    fake = Clock()
    for module in engine:
        if hasattr(module, "time"):
            monkeypatch.setattr(module, "time", fake)
    return fake


@pytest.fixture
def blog(tmp_path: Path, monkeypatch, machine, engine) -> Iterator:
    """A site as the engine knows it, with all that it has on a server below temporary directories."""
    import site_config

    base = tmp_path.resolve()
    # A socket's path ends at 107 bytes.
    run = tempfile.mkdtemp(prefix="shortstop-")
    places = {**{name: base / name.lower() for name in PLACES}, "RUN_DIR": Path(run)}
    for name, place in places.items():
        for module in engine:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, place)
    given = {
        "name": "blog",
        "user": "blog",
        "root": str(base / "srv" / "blog"),
        "unit": "gunicorn-blog",
        "domain": "blog.example.com",
        "scheme": "https",
        "requirements": "requirements.txt",
        "health_path": "/health/",
        "threads": 4,
        "releases_kept": 2,
        "database": "postgres",
        "health_timeout": 5,
    }
    for directory in ("releases", "venvs", "static"):
        (base / "srv" / "blog" / directory).mkdir(parents=True)
    (Path(run) / "gunicorn-blog").mkdir()
    places["UNIT_DIR"].mkdir()
    (places["UNIT_DIR"] / "gunicorn-blog@.service").write_text(
        f"[Service]\nWorkingDirectory={base}/srv/blog/releases/%i/source\nExecStart=gunicorn shop.wsgi\n\n# Sandbox: what it may do.\nUser=blog\n\n[Install]\n",
        encoding="utf-8",
    )
    (places["UNIT_DIR"] / "gunicorn-blog@.socket").write_text("[Socket]\n", encoding="utf-8")
    (places["CONFIGURATION_DIR"] / "blog").mkdir(parents=True)
    (places["CONFIGURATION_DIR"] / "blog" / "site.json").write_text(json.dumps(given), encoding="utf-8")
    (places["CONFIGURATION_DIR"] / "blog" / "environment").write_text(
        'COLOUR="red"\nDJANGO_SECRET_KEY="not a secret"\nDJANGO_SETTINGS_MODULE="shop.settings"\n', encoding="utf-8"
    )
    places["SERVER_ENVIRONMENT"].write_text('PATH="/bin"\n', encoding="utf-8")
    yield site_config.Site.load("blog")
    shutil.rmtree(run)


@pytest.fixture
def unit_of() -> Callable[..., str]:
    """The service unit that role gunicorn writes for a site with these keys, `sandbox` as the roles read it."""
    from ansible_collections.shortstop.django.plugins.plugin_utils import outbound, site_keys

    environment = Environment(trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined, autoescape=False)
    environment.filters |= {"comment": str, "shortstop.django.outbound_rules": outbound.rules}
    template = environment.from_string((ROOT / "roles/gunicorn/templates/gunicorn@.service.j2").read_text(encoding="utf-8"))
    site = {
        **site_keys.defaults(),
        "user": "blog",
        "root": "/srv/blog",
        "unit": "gunicorn-blog",
        "wsgi": "blog.wsgi",
        "source_project_dir": "",
        "configuration_dir": "/etc/shortstop/blog",
        "media_dir": "/srv/blog/media",
        "state_dir": "/srv/blog/var",
        "database": {"engine": "postgres", "host": ""},
    }

    def text(sandbox: dict | None = None, **keys: object) -> str:
        seen = {**site, **keys, "sandbox": {"level": "strict", "allow": [], "writable": [], **(sandbox or {})}}
        return template.render(ansible_managed="#", site_name="blog", site=seen, __gunicorn_nameservers=["192.0.2.53"])

    return text


@pytest.fixture
def make_release(blog) -> Callable[..., None]:
    """Puts a release there as a deploy leaves it, its record saying `said`; without a record it was never finished."""

    def make(name: str, *, live_since: float | None = None, finished: bool = True, venv: str = "venv1", static: tuple[str, ...] = (), **said: object) -> None:
        directory = blog.release_dir(name)
        (directory / "source").mkdir(parents=True)
        (directory / "static").mkdir()
        (blog.root / "venvs" / venv).mkdir(exist_ok=True)
        (directory / "venv").symlink_to(f"../../venvs/{venv}")
        blog.service_file(name).write_text(blog.template.read_text(encoding="utf-8"), encoding="utf-8")
        blog.release_environment(name).write_text("", encoding="utf-8")
        for file in static:
            (directory / "static" / file).parent.mkdir(parents=True, exist_ok=True)
            (directory / "static" / file).write_text(name, encoding="utf-8")
        if finished:
            since = {} if live_since is None else {"live_since": live_since}
            directory.with_name(f"{name}.json").write_text(json.dumps({"source": "0" * 64, **since, **said}), encoding="utf-8")

    return make


# What a broken application may begin with, and send again and again.
WITHOUT_END = {
    "letters of a status line": (b"HTTP/1.1", b" "),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "letters of a header": (b"HTTP/1.1 200 OK\r\n", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "a page": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"x"),
}


class Server(ThreadingMixIn, UnixStreamServer):
    """A release on its unix socket: answers with a status and headers, with what a function says, or as a broken application does."""

    daemon_threads = True

    def __init__(self, path: Path, answer: int | str | Callable) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        super().__init__(str(path), self.handler(answer))

    def handle_error(self, *_arguments: object) -> None:
        """Whoever asked may have gone before the end."""

    def handler(self, answer: int | str | Callable) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, dict(self.headers)))
                if answer == "silence":
                    server.over.wait(10)
                elif answer == "nonsense":
                    self.wfile.write(b"nonsense\r\n")
                elif answer in WITHOUT_END:
                    begin, more = WITHOUT_END[answer]
                    self.wfile.write(begin)
                    with suppress(OSError):
                        while not server.over.wait(0.01):
                            self.wfile.write(more)
                elif answer != "closed":
                    status, *headers = answer(self.path, self.headers) if callable(answer) else (answer,)
                    page = headers.pop() if headers and isinstance(headers[-1], bytes) else b""
                    self.send_response(status)
                    for name, value in headers:
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(page)

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler


@pytest.fixture
def serve(blog) -> Iterator[Callable[..., Server]]:
    """Lets a release answer on its socket."""
    servers = []

    def start(name: str, answer: int | str | Callable) -> Server:
        server = Server(blog.socket(name), answer)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.over.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def gunicorn() -> str:
    """The version that the source's requirements ask for."""
    return "27.0.1"


@pytest.fixture
def archived(tmp_path, machine, gunicorn) -> tuple[str, Path]:
    """A source, as its hash and its archive, and a machine that makes of it what uv and Django would."""
    from ansible_collections.shortstop.django.plugins.plugin_utils.collect import collect

    def put(directory: str, *names: str) -> str:
        for name in names:
            (Path(directory) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(directory) / name).write_text(name, encoding="utf-8")
        return ""

    def build(line: str) -> str:
        if made := re.search(r"/inside/build\.py (\S+) \S+ \S+$", line):
            put(made[1], "bin/gunicorn", f"lib/python3.11/site-packages/gunicorn-{gunicorn}.dist-info/METADATA", "pyvenv.cfg", ".lock")
            for name, target in {"bin/python": "/usr/bin/python3", "bin/python3": "python", "bin/python3.11": "python", "lib64": "lib"}.items():
                (Path(made[1]) / name).symlink_to(target)
        return put(re.search(r"WorkingDirectory=(\S+)", line)[1], "shop/__pycache__/wsgi.cpython-311.pyc")

    put(str(tmp_path / "source"), "manage.py", "shop/wsgi.py")
    (tmp_path / "source/requirements.txt").touch()
    machine.answer("/inside/build.py", build)
    machine.answer("collectstatic", lambda line: put(re.search(r"DJANGO_STATIC_ROOT=(\S+)", line)[1], "css/a.css", "staticfiles.json"))
    machine.answer_of("gate.py", refused=[], told=[])
    machine.answer_of("own_migrations.py", migrations={"shop.0001_initial": []}, leaves=["shop.0001_initial"], **NOTHING_MISSING)
    return collect(tmp_path / "source", tmp_path / "archive.tar.gz", whole=True).digest, tmp_path / "archive.tar.gz"


@pytest.fixture
def inside_script() -> Callable[[str], ModuleType]:
    """Imports one of the scripts that run as a site."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"inside_{name}", ENGINE.parent / "inside" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


one_context = functools.cache(make_context)


class DigitalOcean:
    """Runs the modules of DigitalOcean's as Ansible does, against the fake, with a clock that nobody waits for."""

    token = "dop_v1_secret"

    def __init__(self, fake: FakeDigitalOcean, clock: Clock, monkeypatch) -> None:
        from ansible_collections.shortstop.django.plugins.action import digitalocean_droplet as action
        from ansible_collections.shortstop.django.plugins.module_utils import digitalocean, digitalocean_api, waiting

        self.fake, self.clock, self.action = fake, clock, action
        self.shown: list[str] = []
        monkeypatch.setattr(digitalocean_api, "time", clock)
        monkeypatch.setattr(waiting, "time", clock)
        monkeypatch.setattr(digitalocean, "make_context", one_context)
        monkeypatch.setattr(action, "Display", lambda: SimpleNamespace(display=self.shown.append))
        monkeypatch.setenv("no_proxy", "*")

    def __call__(self, module: str, *, check_mode: bool = False, **options: object) -> dict:
        """The result of module digitalocean_<module>."""
        arguments = {"api_url": self.fake.url, "api_token": self.token, **options}
        arguments = {name: value for name, value in arguments.items() if value is not None}
        task = SimpleNamespace(args=arguments, check_mode=check_mode, async_val=0, action=f"shortstop.django.digitalocean_{module}")
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        result = self.action.ActionModule(task, connection, None, None, None, None).run(task_vars={})
        assert self.token not in json.dumps([result, self.shown, self.fake.requests, self.fake.account.state])
        return result

    def refused(self, module: str, **options: object) -> str:
        """Why it fails, after which there is to be nothing that changed."""
        result = self(module, **options)
        assert result["failed"]
        assert self.fake.changes() == []
        return result["msg"]


@pytest.fixture
def fake() -> Iterator[FakeDigitalOcean]:
    with FakeDigitalOcean(DigitalOcean.token) as server:
        yield server


@pytest.fixture
def digitalocean(fake, monkeypatch) -> DigitalOcean:
    return DigitalOcean(fake, Clock(), monkeypatch)
