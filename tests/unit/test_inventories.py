"""The inventories that users begin with satisfy the contract."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from fake_digitalocean import FakeDigitalOcean

ROOT = Path(__file__).resolve().parents[2]
PLAY = [
    {
        "hosts": "web",
        "gather_facts": False,
        "connection": "local",
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "site_required": ["domains", "source"],
            "site_database_here": "{{ inventory_hostname in groups['database'] }}",
        },
        "roles": ["shortstop.django.site"],
        "tasks": [
            {
                "ansible.builtin.debug": {"msg": "{{ site_name }} from {{ site.source_dir }}"},
                "loop": "{{ site_names }}",
                "loop_control": {"loop_var": "site_name"},
            }
        ],
    }
]


def check(inventory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    playbook = inventory.parent.parent / "check.yml"
    playbook.write_text(yaml.safe_dump(PLAY))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(["ansible-playbook", "-i", inventory, *options, playbook], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy in a project of its own, with the two sources that its user would have."""
    for name in ("blog", "notes"):
        source = tmp_path / name
        source.mkdir()
        (source / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")\n')
        (source / "requirements.txt").write_text("Django\n")
    for words in ("init --quiet --initial-branch=main", "add --all", "-c user.name=Ada -c user.email=ada@example.com commit --quiet --message first"):
        subprocess.run(["git", *words.split()], cwd=tmp_path / "notes", check=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    example = Path(shutil.copytree(ROOT / "inventories/example", tmp_path / "project/inventories/example"))
    sites = example / "group_vars/all/sites.yml"
    sites.write_text(sites.read_text().replace("https://git.example.com/notes.git", str(tmp_path / "notes")))
    return example


@pytest.fixture
def password(tmp_path: Path) -> str:
    """The one that the example's README tells."""
    file = tmp_path / "password"
    file.write_text("example\n")
    return f"--vault-password-file={file}"


def test_the_example_satisfies_the_contract(example: Path, password: str) -> None:
    done = check(example, password)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"blog from {example.parents[2] / 'blog'}" in done.stdout
    assert f"notes from {example.parents[2] / 'cache/shortstop/sources/notes-'}" in done.stdout
    assert f"tatis from {ROOT / 'app'}" in done.stdout


def test_the_examples_vault_is_encrypted() -> None:
    assert (ROOT / "inventories/example/group_vars/all/vault.yml").read_text().startswith("$ANSIBLE_VAULT;")


def test_a_web_host_without_a_database_says_so(example: Path, password: str) -> None:
    sites = example / "group_vars/all/sites.yml"
    sites.write_text(sites.read_text().replace("database: sqlite", "database: postgres"))
    done = check(example, password)
    assert done.returncode != 0
    assert (
        'site "notes": key "database": this host keeps no PostgreSQL; add it to the group of database hosts, or write sqlite, none or {host: HOST, password: …}'
    ) in " ".join(done.stdout.split())


def test_the_demo_satisfies_the_contract(tmp_path: Path) -> None:
    demo = Path(shutil.copytree(ROOT / "inventories/demo", tmp_path / "project/inventories/demo"))
    done = check(demo)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "host", "domain"), [("cloud", "web1", "tatis.example.com"), ("uat", "uat1", "uat.tatis.example.com")])
def test_production_and_its_twin_are_one_dict_and_two_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: FakeDigitalOcean, name: str, host: str, domain: str
) -> None:
    tag = {"web1": "production", "uat1": "uat"}
    for droplet, own in tag.items():
        fake.droplet(droplet, own, "shortstop:web", "shortstop:database")
    for variable, value in {"DO_API_TOKEN": fake.token, "DIGITALOCEAN_API_URL": fake.url, "no_proxy": "*"}.items():
        monkeypatch.setenv(variable, value)
    inventories = Path(shutil.copytree(ROOT / "inventories", tmp_path / "project/inventories", symlinks=True))
    done = check(inventories / name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"tatis from {ROOT / 'app'}" in done.stdout
    assert f"{host} " in done.stdout.partition("PLAY RECAP")[2]
    shown = "msg={{ [sites.tatis.domains[0], droplet_tag, nginx_indexed | default(true)] | join(' ') }}"
    command = ["ansible", "-i", inventories / name, "web", "-m", "ansible.builtin.debug", "-a", shown]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"{domain} {tag[host]} {name == 'cloud'}" in listed


def test_an_account_that_does_not_answer_is_no_account_without_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: FakeDigitalOcean) -> None:
    for variable, value in {"DO_API_TOKEN": "wrong", "DIGITALOCEAN_API_URL": fake.url, "no_proxy": "*"}.items():
        monkeypatch.setenv(variable, value)
    inventories = Path(shutil.copytree(ROOT / "inventories", tmp_path / "project/inventories", symlinks=True))
    done = check(inventories / "uat")
    assert done.returncode != 0
    assert 'droplets with tag "uat": the API does not accept the token' in done.stdout + done.stderr
