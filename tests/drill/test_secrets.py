"""No secret is in anything that a run prints or keeps, that a process shows, or that anybody but root reads, on either machine; nor is one that was rotated."""

import base64
import subprocess
from pathlib import Path

import pytest
from house import Project, Run, Server, Watcher, forms

SECRETS = {
    "key": "drill-secret-key-5d41402abc4b2a76b9719d911017c592",
    "token": "drill-token-7d793037a0760186574b0282f2f435e7",
    "password": "drill-password-9e107d9d372bb6826bd81d3542a419d6",
    "superuser": "drill-superuser-e4d909c290d0fb1ca068ffaddf22cbd0",
    # What takes their places.
    "next key": "drill-secret-key-2-1f3870be274f6c49b3e31a0c6728957f",
    "next password": "drill-password-2-8621ffdbc5698829397d97767ac13db3",
}
# All of a host but what the kernel makes up, as root reads it.
EVERYTHING = "cd / && grep -rlaF --devices=skip --file=- $(ls -A | grep -vxE 'proc|sys|dev')"


@pytest.fixture(scope="module")
def secretive(project: Project, directory: Path) -> Project:
    environment = {"DJANGO_SECRET_KEY": SECRETS["key"], "API_TOKEN": SECRETS["token"]}
    project.sites["tatis"] = {**project.bundled("tatis"), "environment": environment, "superuser": {"username": "ada", "password": SECRETS["superuser"]}}
    project.sites["uat"] = project.bundled("uat")
    # A database that this very server keeps for a site which comes in over the network.
    project.sites["remote"] = {**project.bundled("remote"), "database": {"host": "127.0.0.1", "password": SECRETS["password"]}}
    project.variables.update(postgres_listen_addresses=["127.0.0.1"], postgres_client_addresses=["127.0.0.1/32"])
    # What Ansible keeps if it is asked to, and where it works.
    kept = directory / "kept"
    (kept / "tmp").mkdir(parents=True)
    project.environment.update(
        ANSIBLE_CACHE_PLUGIN="jsonfile",
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(kept / "facts"),
        ANSIBLE_LOG_PATH=str(kept / "log"),
        ANSIBLE_LOCAL_TEMP=str(kept / "tmp"),
    )
    return project


@pytest.fixture(scope="module")
def made(server: Server) -> set[str]:
    """All that the host has made itself so far, that of earlier days included."""
    return set()


def look(server: Server, made: set[str]) -> list[str]:
    """Every secret that there is, and was."""
    made.update(server.run("cat /etc/shortstop/generated/*", check=False).split())
    return [*SECRETS.values(), *made]


def holding(server: Server, secrets: list[str]) -> dict[str, str]:
    """The files of a host that hold one of these in one of its forms, with their owner and mode."""
    words = "\n".join(forms(*secrets))
    found = subprocess.run(["docker", "exec", "--interactive", server.name, "sh", "-c", EVERYTHING], input=words, capture_output=True, text=True, check=False)
    return {f"/{file}": server.run(f"stat --format '%U %a' '/{file}'").strip() for file in found.stdout.splitlines()}


def quiet(project: Project, server: Server, made: set[str], *arguments: str, playbooks: tuple[str, ...] = ()) -> Run:
    """A loud run, which says nothing of a secret, and during which no process does."""
    with Watcher(SECRETS.values(), server) as watcher:
        run = project.play("-vvv", "--diff", *arguments, playbooks=playbooks).expect_success()
    assert [secret for secret in forms(*look(server, made)) if secret in run.output] == []
    assert watcher.seen == set()
    print(f"\n{len(run.output)} characters of output and {watcher.reads} process lists, no secret")
    return run


def test_the_watcher_can_see_a_secret(server: Server) -> None:
    with Watcher(SECRETS.values(), server) as watcher:
        subprocess.run(["sleep", "2"], check=True)
        subprocess.run(["sh", "-c", f"sleep 1; : {SECRETS['key']}"], check=True)
        server.run(f"sleep 1; : {SECRETS['token']}")
    assert any(SECRETS["key"] in line for line in watcher.seen)
    assert any(SECRETS["token"] in line for line in watcher.seen)


@pytest.mark.parametrize("what", ["first check", "first run", "change", "second run"])
def test_no_secret_shows(secretive: Project, server: Server, made: set[str], what: str) -> None:
    if what == "change":
        secretive.sites["tatis"]["environment"]["GREETING"] = "hello"
    quiet(secretive, server, made, *(["--check"] if what == "first check" else []))


def test_the_site_with_a_password_reaches_its_database(secretive: Project, server: Server) -> None:
    assert server.get("remote.example.com", "/healthz").status == 200
    assert "scram-sha-256" in server.run("cat /etc/postgresql/*/main/pg_hba.conf")
    assert not server.succeeds("runuser -u uat -- env PGPASSWORD=wrong psql --host 127.0.0.1 --username remote --dbname remote --command 'SELECT 1'")


def test_no_secret_shows_when_they_are_exchanged(secretive: Project, server: Server, made: set[str]) -> None:
    before = look(server, made)
    releases = {site: server.live(site) for site in secretive.sites}
    environment = secretive.sites["tatis"]["environment"]
    environment.update(DJANGO_SECRET_KEY=SECRETS["next key"], DJANGO_SECRET_KEY_FALLBACKS=SECRETS["key"])
    quiet(secretive, server, made, "-e", "only=tatis,uat,remote", playbooks=("rotate.yml",))
    secretive.sites["remote"]["database"]["password"] = SECRETS["next password"]
    quiet(secretive, server, made, "-e", "only=remote", "-e", "what=database_password", playbooks=("rotate.yml",))
    assert len(look(server, made)) == len(before) + 2
    assert [site for site in secretive.sites if server.live(site) == releases[site]] == []
    assert [server.get(f"{site}.example.com", "/healthz").status for site in secretive.sites] == [200, 200, 200]


def test_only_root_s_own_files_hold_a_secret(secretive: Project, server: Server, made: set[str]) -> None:
    secrets = look(server, made)
    # Such as an editor, a package or Ansible itself leaves; the search finds each.
    plants = {"/etc/environment~": "key", "/var/backups/old.bak": "token", "/root/.ansible/tmp/x/args": "password", "/etc/x.dpkg-old": "superuser"}
    for path, name in plants.items():
        server.run(f"mkdir --parents $(dirname {path})")
        server.write(path, base64.b64encode(SECRETS[name].encode()).decode() if name == "password" else SECRETS[name])
    found = holding(server, secrets)
    server.run(f"rm {' '.join(plants)}")
    assert plants.keys() <= found.keys()
    kept = {file: rights for file, rights in found.items() if file not in plants}
    print(f"\n{len(secrets)} secrets in {len(kept)} files of the host")
    assert kept
    assert {file: rights for file, rights in kept.items() if not file.startswith("/etc/shortstop/") or rights != "root 600"} == {}
    assert (
        server.run("stat --format '%U %a' /etc/shortstop/generated /etc/shortstop/tatis /etc/shortstop/uat /etc/shortstop/remote").split("\n")[:4]
        == ["root 700"] * 4
    )


def test_no_secret_is_told_by_systemd_or_the_journal(secretive: Project, server: Server, made: set[str]) -> None:
    secrets = look(server, made)
    assert len(secrets) > len(SECRETS)
    told = server.run("journalctl --namespace='*' --no-pager --output=cat; systemctl show '*'")
    assert [secret for secret in secrets if secret in told] == []


def test_no_process_shows_a_secret_to_another_user(secretive: Project, server: Server, made: set[str]) -> None:
    secrets = set(look(server, made))

    def shown(user: str) -> set[str]:
        said = server.run(
            f"runuser -u {user} -- sh -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline' 2>/dev/null | tr --complement '[:print:]' '\\n'", check=False
        )
        return {secret for secret in secrets if secret in said}

    # Root reads what the processes have, so the way of asking finds it.
    live = {SECRETS["next key"], SECRETS["key"], SECRETS["token"], SECRETS["next password"]}
    assert live <= shown("root")
    # Not even a site's own user, outside of the site's sandbox.
    assert {user: shown(user) for user in ("nobody", "www-data", "uat")} == {"nobody": set(), "www-data": set(), "uat": set()}


def test_no_secret_is_readable_by_others(secretive: Project, server: Server, made: set[str]) -> None:
    words = " ".join(f"-e {secret}" for secret in look(server, made))
    for user in ("uat", "nobody", "www-data"):
        assert (
            server.run(
                f"runuser -u {user} -- grep --recursive --files-with-matches --fixed-strings {words} /etc /srv /var /run /home /tmp /opt 2>/dev/null",
                check=False,
            )
            == ""
        )


def test_what_ansible_keeps_holds_no_secret(secretive: Project, server: Server, made: set[str], directory: Path) -> None:
    files = [file for file in (directory / "kept").rglob("*") if file.is_file()]
    texts = {file: file.read_text(errors="replace") for file in files}
    assert {"facts", "log"} <= {file.relative_to(directory / "kept").parts[0] for file in files}
    assert [str(file) for file, text in texts.items() if any(secret in text for secret in forms(*look(server, made)))] == []
