"""Role site: the defaults agree with the contract, and Ansible reads from the finished sites what the roles expect."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.shortstop.django.plugins.plugin_utils import contract, site_keys

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = site_keys.defaults()
DERIVED = {key for key, spec in site_keys.KEYS.items() if spec.default is None and not spec.required}


@pytest.mark.parametrize("key", DEFAULTS)
def test_every_default_passes_the_contract(key):
    assert contract.site_errors({"blog": {"domains": ["blog.example.com"], key: DEFAULTS[key]}}) == []


@pytest.mark.parametrize("key", [key for key, spec in site_keys.KEYS.items() if spec.house_wide and key in DEFAULTS])
def test_every_house_wide_default_passes_as_site_common(key):
    assert contract.site_errors({"blog": {"domains": ["blog.example.com"]}}, common={key: DEFAULTS[key]}) == []


def test_the_variables_that_may_have_further_names_are_those_of_role_environment():
    told = yaml.safe_load((ROOT / "roles/environment/vars/main.yml").read_text(encoding="utf-8"))
    assert {*site_keys.VARIABLES} == {*told["__environment_conventions"], "SECRET_KEY"}
    assert {*site_keys.POSTGRES_VARIABLES, "DATABASE_URL"} == {*told["__environment_of_database"]["postgres"]}


# With Ansible

PLAYBOOK = """
- name: Read the sites
  hosts: all
  gather_facts: false
  roles:
    - role: shortstop.django.site
      tags: [site]
  tasks:
    - name: Write what the roles read
      tags: [site, nginx]
      ansible.builtin.copy:
        content: "{{ {'present': site_names, 'absent': site_names_absent, 'asked': site_names_asked, 'site': site} | to_json }}"
        dest: "{{ inventory_dir }}/{{ site_name }}.json"
        mode: "0600"
      loop: "{{ sites.keys() }}"
      loop_control: {loop_var: site_name}
"""

INVENTORY = """
all:
  hosts:
    localhost: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  vars:
    vault_sites: {remote: {password: kX4-remote, secret_key: kX4-key}}
    site_common:
      workers: 3
      limits: {memory: 1G}
      environment: {TZ: UTC, LANG: C.UTF-8}
    sites:
      plain: {domains: [plain.example.com], source: tatis}
      moved:
        domains: [moved.example.com]
        source: {path: ../source}
        user: mover
        root: /opt/moved
        workers: 5
        tls: off
        sandbox: off
        limits: {tasks: 64}
        environment: {LANG: de_CH.UTF-8}
      small: {domains: [small.example.com], database: sqlite, settings: small.settings.live, sandbox: standard, outbound: []}
      remote:
        domains: [remote.example.com]
        settings: remote.settings
        wsgi: remote.asgi:app
        sandbox: {allow: [netlink], writable: [/mnt/pictures]}
        database: {host: db.example.com, password: "{{ vault_sites.remote.password }}"}
        environment: {DJANGO_SECRET_KEY: "{{ vault_sites.remote.secret_key }}", TOKEN: !vault "@VAULT@"}
      gone: {domains: [gone.example.com], state: absent, source: {git: ../none}}
      cloned:
        domains: [cloned.example.com]
        source: {git: ../repository, version: main}
        superuser: {username: admin, password: kX4-admin}
        timers: {poll: {command: manage.py poll, every: 1min, timeout: 50}, tidy: {command: manage.py tidy, calendar: daily}}
        daemons: {worker: {command: manage.py worker}}
"""


def play(directory: Path, inventory: str, *arguments: str, playbook: str = PLAYBOOK) -> subprocess.CompletedProcess[str]:
    """Run the role on this machine, from which it only reads; the playbook is not beside the inventory."""
    for name, text in {"inventory/hosts.yml": inventory, "site.yml": playbook, "password": "p"}.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "home"),
        "XDG_CACHE_HOME": str(directory / "cache"),
        "LC_ALL": "C.UTF-8",
    }
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "--inventory",
        "inventory",
        "--vault-password-file",
        "password",
    ]
    return subprocess.run(
        [*command, "site.yml", *arguments],
        cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def repository(directory: Path) -> None:
    """Make a directory a repository with one commit."""
    for words in ("init --quiet --initial-branch=main", "add --all", "-c user.name=Ada -c user.email=ada@example.com commit --quiet --message first"):
        subprocess.run(["git", *words.split()], cwd=directory, check=True)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What the roles read of each site."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "source").mkdir()
    (directory / "source" / "requirements.txt").write_text("django\n", encoding="utf-8")
    (directory / "source" / "manage.py").write_text('("DJANGO_SETTINGS_MODULE", "shop.conf.settings")\n', encoding="utf-8")
    repository(Path(shutil.copytree(directory / "source", directory / "repository")))
    secret = VaultLib([("default", VaultSecret(b"p"))]).encrypt("kX4-vaulted", vault_id="default").decode()
    done = play(directory, INVENTORY.replace('"@VAULT@"', json.dumps(secret)), "-e", "prune=yes")
    assert done.returncode == 0, done.stdout
    return {"directory": directory} | {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (directory / "inventory").glob("*.json")}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("plain", "name", "plain"),
        ("plain", "state", "present"),
        ("plain", "user", "plain"),
        ("plain", "root", "/srv/plain"),
        ("plain", "socket", "/srv/plain/live.sock"),
        ("plain", "static_dir", "/srv/plain/static"),
        ("plain", "unit", "gunicorn-plain"),
        ("plain", "environment_file", "/etc/shortstop/plain/environment"),
        ("plain", "settings", "tatis.settings"),
        ("plain", "wsgi", "tatis.wsgi"),
        ("plain", "source_dir", str(ROOT / "app")),
        ("plain", "tls", "acme"),
        ("moved", "tls", "off"),
        ("plain", "threads", DEFAULTS["threads"]),
        ("plain", "workers", 3),
        ("plain", "limits", {**DEFAULTS["limits"], "memory": "1G"}),
        ("plain", "environment", {"TZ": "UTC", "LANG": "C.UTF-8"}),
        (
            "plain",
            "database",
            {"engine": "postgres", "host": "", "port": 5432, "name": "plain", "user": "plain", "password": ""},
        ),
        ("moved", "user", "mover"),
        ("moved", "root", "/opt/moved"),
        ("moved", "socket", "/opt/moved/live.sock"),
        ("moved", "static_dir", "/opt/moved/static"),
        ("moved", "media_dir", "/opt/moved/media"),
        ("moved", "state_dir", "/opt/moved/var"),
        ("moved", "unit", "gunicorn-moved"),
        ("moved", "configuration_dir", "/etc/shortstop/moved"),
        ("moved", "settings", "shop.conf.settings"),
        ("moved", "wsgi", "shop.conf.wsgi"),
        ("moved", "workers", 5),
        ("moved", "limits", {**DEFAULTS["limits"], "memory": "1G", "tasks": 64}),
        ("moved", "environment", {"TZ": "UTC", "LANG": "de_CH.UTF-8"}),
        (
            "moved",
            "database",
            {"engine": "postgres", "host": "", "port": 5432, "name": "mover", "user": "mover", "password": ""},
        ),
        ("plain", "sandbox", {"level": "strict", "allow": [], "writable": []}),
        ("moved", "sandbox", {"level": "off", "allow": [], "writable": []}),
        ("small", "sandbox", {"level": "standard", "allow": ["executable_memory", "scheduling"], "writable": []}),
        ("remote", "sandbox", {"level": "strict", "allow": ["netlink"], "writable": ["/mnt/pictures"]}),
        ("plain", "outbound", ["public"]),
        ("small", "outbound", []),
        ("small", "settings", "small.settings.live"),
        ("small", "wsgi", "small.settings.wsgi"),
        ("small", "source_dir", ""),
        ("remote", "wsgi", "remote.asgi:app"),
        ("plain", "source_revision", ""),
        ("plain", "health_timeout", 60),
        ("plain", "superuser", {}),
        ("plain", "fixtures", []),
        ("plain", "timers", {}),
        ("plain", "daemons", {}),
        ("cloned", "settings", "shop.conf.settings"),
        ("cloned", "wsgi", "shop.conf.wsgi"),
        ("cloned", "superuser", {"username": "admin", "password": "kX4-admin", "email": ""}),
        (
            "cloned",
            "timers",
            {
                "poll": {"command": "manage.py poll", "every": "1min", "calendar": "", "timeout": 50},
                "tidy": {"command": "manage.py tidy", "every": "", "calendar": "daily", "timeout": 3600},
            },
        ),
        ("cloned", "daemons", {"worker": {"command": "manage.py worker"}}),
        ("gone", "source_dir", ""),
        ("gone", "state", "absent"),
        ("gone", "root", "/srv/gone"),
    ],
)
def test_what_the_roles_read(read, name, key, value):
    assert read[name]["site"][key] == value


def test_a_source_starts_at_the_inventory(read):
    assert read["moved"]["site"]["source_dir"] == os.path.realpath(read["directory"] / "source")


def test_a_source_in_git_is_checked_out(read):
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=read["directory"] / "repository", check=True, capture_output=True, text=True).stdout.strip()
    site = read["cloned"]["site"]
    assert site["source_revision"] == commit
    assert Path(site["source_dir"]).is_relative_to(read["directory"] / "cache")
    assert {path.name for path in Path(site["source_dir"]).iterdir()} == {"manage.py", "requirements.txt"}


def test_an_sqlite_database(read):
    assert read["small"]["site"]["database"]["engine"] == "sqlite"


def test_a_database_on_another_server(read):
    assert read["remote"]["site"]["database"] == {
        "engine": "postgres",
        "host": "db.example.com",
        "port": 5432,
        "name": "remote",
        "user": "remote",
        "password": "kX4-remote",
    }


def test_secrets_from_the_vault(read):
    environment = read["remote"]["site"]["environment"]
    assert (environment["DJANGO_SECRET_KEY"], environment["TOKEN"]) == ("kX4-key", "kX4-vaulted")


def test_every_key_of_every_site_has_a_value(read):
    expected = DEFAULTS.keys() | DERIVED | {"domains", "source"}
    assert read["moved"]["site"].keys() >= expected


def test_the_names_that_roles_loop_over(read):
    assert read["plain"]["present"] == ["plain", "moved", "small", "remote", "cloned"]
    assert "gone" in read["plain"]["absent"]
    assert not set(read["plain"]["present"]) & set(read["plain"]["absent"])


def test_all_sites_are_asked_for_without_a_selection(read):
    assert read["plain"]["asked"] == read["plain"]["present"]


TWO_PLAYS = """
- name: The sites of the inventory
  hosts: all
  gather_facts: false
  roles: [shortstop.django.site]

- name: The sites of the play
  hosts: all
  gather_facts: false
  vars:
    sites:
      shop: {domains: [shop.example.com]}
      wiki: {domains: [wiki.example.com], environment: {TOKEN: "{{ vault_token }}"}}
  roles: [shortstop.django.site]
  tasks:
    - name: Show what the roles read
      ansible.builtin.debug:
        msg: "{{ site_names | join(' ') }}, asked for {{ site_names_asked | join(' ') }}, limited {{ site_names_limited }}, {{ site_by_name.shop.root }}"
"""

OF_INVENTORY = """
all:
  hosts:
    localhost: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  vars:
    vault_token: kX4-token
    sites:
      shop: {domains: [shop.example.com], root: /opt/shop}
"""


def test_each_play_has_its_own_sites(tmp_path):
    done = play(tmp_path, OF_INVENTORY, "-vvv", "-e", "only=shop", playbook=TWO_PLAYS)
    assert "shop wiki, asked for shop, limited True, /srv/shop" in done.stdout
    assert "kX4" not in done.stdout


BROKEN = """
all:
  hosts:
    localhost: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  vars:
    vault_sites: {}
    site_common:
      environment: {MAIL_TOKEN: "{{ vault_mail_token }}"}
    sites:
      blog:
        domains: [blog.example.com]
        wokers: 2
        environment: {MAIL_PASSWORD: kX4-shown, DJANGO_SECRET_KEY: "{{ vault_sites.blog.secret_key }}"}
"""


@pytest.fixture(scope="module", params=[(), ("--tags", "nginx")], ids=["whole", "tags"])
def refused(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    """Exit status and output of a run with undefined references and a misspelt key."""
    done = play(tmp_path_factory.mktemp("broken"), BROKEN, "-vvv", *request.param)
    return done.returncode, " ".join(done.stdout.split())


def test_an_error_ends_the_run(refused):
    assert refused[0] == 2


@pytest.mark.parametrize(
    "sentence",
    [
        ('site_common: key "environment": variable "MAIL_TOKEN" refers to something that is not defined; add it to the vault'),
        'site "blog": key "wokers" is not known; did you mean "workers"?',
        ('site "blog": key "environment": variable "DJANGO_SECRET_KEY" refers to something that is not defined; add it to the vault'),
    ],
)
def test_an_error_is_said(refused, sentence):
    assert sentence in refused[1]


def test_an_error_shows_no_secret(refused):
    assert "kX4" not in refused[1]


# Sources in git that cannot be had

UNREACHABLE = """
all:
  hosts:
    localhost: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  vars:
    sites:
      blog: {domains: [blog.example.com], source: {git: "http://me:kX4-shown@127.0.0.1:1/blog"}}
"""

EMPTY = """
all:
  hosts:
    localhost: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  vars:
    sites:
      blog: {domains: [blog.example.com], source: {git: ../repository}}
"""


def test_a_repository_that_cannot_be_reached_ends_the_run(tmp_path):
    done = play(tmp_path, UNREACHABLE, "-vvv", "--check", "--tags", "nginx")
    assert done.returncode == 2
    assert 'site "blog": key "source": the repository cannot be read (fatal: unable to access' in " ".join(done.stdout.split())
    assert "kX4" not in done.stdout
    assert "Stop before more than one site would go" not in done.stdout


def test_a_play_without_sources_needs_no_repository(tmp_path):
    done = play(tmp_path, UNREACHABLE, "-e", '{"site_sources_needed": false}', "-e", "prune=yes")
    assert done.returncode == 0, done.stdout
    assert json.loads((tmp_path / "inventory/blog.json").read_text(encoding="utf-8"))["site"]["source_dir"] == ""


def test_a_source_in_git_is_checked_as_any(tmp_path):
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "page").touch()
    repository(tmp_path / "repository")
    done = play(tmp_path, EMPTY)
    assert done.returncode == 2
    assert f'site "blog": key "source": there is no manage.py in {tmp_path}/cache/shortstop/sources/repository-' in " ".join(done.stdout.split())
