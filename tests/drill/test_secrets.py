"""No secret is in anything that a run prints or that a process list shows, on either machine."""

import subprocess

import pytest
from house import Project, Server, Watcher, forms

SECRETS = {
    "key": "drill-secret-key-5d41402abc4b2a76b9719d911017c592",
    "token": "drill-token-7d793037a0760186574b0282f2f435e7",
    "password": "drill-password-9e107d9d372bb6826bd81d3542a419d6",
}


@pytest.fixture(scope="module")
def secretive(project: Project) -> Project:
    project.sites["tatis"] = {**project.bundled("tatis"), "environment": {"DJANGO_SECRET_KEY": SECRETS["key"], "API_TOKEN": SECRETS["token"]}}
    project.sites["uat"] = project.bundled("uat")
    # A database that this very server keeps for a site which comes in over the network.
    project.sites["remote"] = {**project.bundled("remote"), "database": {"host": "127.0.0.1", "password": SECRETS["password"]}}
    project.variables.update(postgres_listen_addresses=["127.0.0.1"], postgres_client_addresses=["127.0.0.1/32"])
    return project


def test_the_watcher_can_see_a_secret(server: Server) -> None:
    with Watcher(SECRETS.values(), server) as watcher:
        subprocess.run(["sleep", "2"], check=True)
        subprocess.run(["sh", "-c", f"sleep 1; : {SECRETS['key']}"], check=True)
        server.run(f"sleep 1; : {SECRETS['token']}")
    assert any(SECRETS["key"] in line for line in watcher.seen)
    assert any(SECRETS["token"] in line for line in watcher.seen)


@pytest.mark.parametrize("what", ["first check", "first run", "change", "second run"])
def test_no_secret_shows(secretive: Project, server: Server, what: str) -> None:
    if what == "change":
        secretive.sites["tatis"]["environment"]["GREETING"] = "hello"
    with Watcher(SECRETS.values(), server) as watcher:
        run = secretive.play("-vvv", "--diff", *(["--check"] if what == "first check" else [])).expect_success()
    generated = server.run("cat /etc/shortstop/generated/*", check=False).split()
    assert [secret for secret in forms(*SECRETS.values(), *generated) if secret in run.output] == []
    assert watcher.seen == set()
    print(f"\n{len(run.output)} characters of output and {watcher.reads} process lists, no secret")


def test_no_secret_is_told_by_systemd_or_the_journal(secretive: Project, server: Server) -> None:
    generated = server.run("cat /etc/shortstop/generated/*").split()
    assert generated
    told = server.run("journalctl --no-pager --output=cat; systemctl show '*'")
    assert [secret for secret in (*SECRETS.values(), *generated) if secret in told] == []


def test_no_secret_is_readable_by_others(secretive: Project, server: Server) -> None:
    words = " ".join(f"-e {secret}" for secret in SECRETS.values())
    for user in ("uat", "nobody", "www-data"):
        assert (
            server.run(
                f"runuser -u {user} -- grep --recursive --files-with-matches --fixed-strings {words} /etc /srv /var /run /home /tmp /opt 2>/dev/null",
                check=False,
            )
            == ""
        )


def test_the_site_with_a_password_reaches_its_database(secretive: Project, server: Server) -> None:
    assert server.get("remote.example.com", "/healthz").status == 200
    assert "scram-sha-256" in server.run("cat /etc/postgresql/*/main/pg_hba.conf")
    assert not server.succeeds("runuser -u uat -- env PGPASSWORD=wrong psql --host 127.0.0.1 --username remote --dbname remote --command 'SELECT 1'")
