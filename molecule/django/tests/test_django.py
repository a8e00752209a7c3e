"""A release of the bundled site: whose it is, what the server's program says and does, and what comes back after a change by hand."""

from __future__ import annotations

import functools
import json

import pytest
from conftest import ROOT

SITES = ("blog", "shop")
SIGN = "from django.core.signing import dumps; print(dumps('mine'))"
BELIEVE = "from django.core.signing import loads; print(loads('{}'))"


def live(server, site: str = "blog") -> str:
    return server.file(f"/srv/{site}/current").linked_to.rpartition("/")[2]


def ask(server, site: str = "blog", path: str = "/healthz") -> str:
    return server.check_output(f"curl --silent --fail --header 'Host: {site}.example.com' --unix-socket /srv/{site}/live.sock http://localhost{path}")


@pytest.mark.parametrize("site", SITES)
def test_it_works(server, site):
    found = json.loads(ask(server, site))
    assert (found["database"], found["release"]) == ("reachable", live(server, site))


@pytest.mark.parametrize("site", SITES)
def test_the_table_of_paths(server, site):
    release = live(server, site)
    expected = {
        f"/srv/{site}": ("root", "root", 0o711),
        f"/srv/{site}/releases": ("root", "root", 0o711),
        f"/srv/{site}/venvs": ("root", "root", 0o711),
        f"/srv/{site}/releases/{release}": ("root", site, 0o750),
        f"/srv/{site}/releases/{release}.json": ("root", "root", 0o600),
        f"/srv/{site}/releases/{release}/source": ("root", site, 0o750),
        f"/srv/{site}/releases/{release}/source/manage.py": ("root", site, 0o750),
        f"/srv/{site}/releases/{release}/static": ("root", site, 0o750),
        f"/srv/{site}/static": ("root", "root", 0o755),
        f"/srv/{site}/media": (site, "www-data", 0o2750),
        f"/srv/{site}/var": (site, site, 0o700),
        f"/srv/{site}/deploys.jsonl": ("root", "root", 0o600),
        f"/etc/shortstop/{site}/site.json": ("root", "root", 0o600),
        f"/etc/shortstop/{site}/{release}.env": ("root", "root", 0o600),
        "/usr/local/sbin/shortstop": ("root", "root", 0o755),
    }
    found = {path: (file.user, file.group, file.mode & 0o7777) for path in expected for file in [server.file(path)]}
    assert found == expected


@pytest.mark.parametrize("site", SITES)
def test_a_site_cannot_change_what_it_runs(server, site):
    everything = f"find /srv/{site} -path /srv/{site}/var -prune -o -printf '%p %i %s %m %u %g %T@ %l\\n'"
    before = server.run(everything).stdout
    paths = "current/source/manage.py current/source/new.py current/new current/venv/pyvenv.cfg current live.sock static/new.css new"
    attempts = 'echo new > "$path"; rm --force --recursive "$path"; ln --symbolic --force --no-dereference /tmp "$path"; mv "$path" /tmp/'
    server.run(f"cd /srv/{site} && runuser -u {site} -- sh -c 'for path in {paths}; do {attempts}; done'")
    assert server.run(everything).stdout == before
    assert before


@pytest.mark.parametrize(("site", "other"), [SITES, SITES[::-1]])
def test_a_site_reads_nothing_of_another(server, site, other):
    release = live(server, other)
    for command, paths in {
        "cat": (f"/etc/shortstop/{other}/environment", f"/etc/shortstop/{other}/{release}.env", f"/srv/{other}/current/source/manage.py"),
        "ls": (f"/srv/{other}", f"/srv/{other}/releases", f"/srv/{other}/releases/{release}", f"/srv/{other}/media", f"/srv/{other}/var"),
    }.items():
        assert server.run(f"{command} {' '.join(paths)} >/dev/null").rc == 0
        refused = server.run(f"runuser -u {site} -- {command} {' '.join(paths)}")
        assert (refused.stdout, refused.stderr.count("Permission denied")) == ("", len(paths))


def test_two_sites_of_the_same_requirements_share_nothing(server):
    assert server.file("/srv/blog/current/venv").linked_to.startswith("/srv/blog/venvs/")
    assert server.file("/srv/shop/current/venv").linked_to.startswith("/srv/shop/venvs/")


@pytest.mark.parametrize("site", SITES)
def test_a_boot_starts_what_is_live(server, site):
    units = [f"gunicorn-{site}@{live(server, site)}.{kind}" for kind in ("socket", "service")]
    assert {server.run(f"systemctl is-enabled {unit}").stdout.strip() for unit in (*units, "shortstop-settle.service")} == {"enabled"}


def test_static_files_are_in_the_store_with_their_compressed_forms(server):
    names = server.check_output("cd /srv/blog/static && find . -name '*.css*' | sort").split()
    hashed = [name for name in names if name.count(".") == 4]
    assert {name.rpartition(".")[2] for name in names} == {"css", "gz", "br"}
    assert hashed


def test_the_program_tells_what_is_live(server):
    status = {row["site"]: row for row in json.loads(server.check_output("shortstop status --json"))}
    assert {site: (row["release"], row["state"]) for site, row in status.items()} == {site: (live(server, site), "serving") for site in SITES}
    (release,) = json.loads(server.check_output("shortstop releases blog --json"))
    assert (release["release"], release["state"]) == (live(server), "live")


def test_a_management_command_runs_as_the_site_with_its_variables(server):
    code = "import os; print(os.geteuid() == os.stat('/srv/blog/var').st_uid, os.environ['DJANGO_DEBUG'])"
    assert server.check_output("shortstop manage blog shell -v 0 -c %s", code) == "True 0"
    assert server.run("shortstop manage blog nonsense").rc == 1


def test_an_unknown_site_is_told_with_the_known_ones(server):
    said = server.run("shortstop releases nobody")
    assert (said.rc, said.stderr) == (1, 'shortstop: there is no site "nobody" on this server; the sites are: blog, shop\n')


def test_a_timer_runs_the_live_release_as_the_site(server):
    unit = server.check_output("systemctl cat site-blog-plan.service")
    assert f"WorkingDirectory=/srv/blog/releases/{live(server)}/source" in unit
    assert "User=blog" in unit
    assert server.service("site-blog-plan.timer").is_running
    server.check_output("systemctl start site-blog-plan.service")


def test_the_record_tells_of_each_deploy(server):
    (line,) = [json.loads(line) for line in server.file("/srv/blog/deploys.jsonl").content_string.splitlines()]
    assert (line["action"], line["release"], line["live"], line["result"]) == ("deploy", live(server), live(server), "live")
    assert line["seconds"] > 0


def test_nothing_is_left_of_the_way(server):
    assert server.check_output("find /var/lib/shortstop/incoming /var/lib/shortstop/scratch -mindepth 1; systemctl --failed --no-legend") == ""


# From here on the hosts change.
def test_what_was_changed_by_hand_is_shown_and_repaired(play, servers):
    for server in servers:
        server.check_output("echo '# mine' >>/usr/local/lib/shortstop/engine/hold.py && chmod 0700 /usr/local/sbin/shortstop")
        server.check_output("chmod 0777 /srv/blog /srv/blog/releases && chmod 0755 /srv/blog/var")
        server.check_output("rm /etc/systemd/system/multi-user.target.wants/shortstop-settle.service")
    releases = [live(server) for server in servers]
    shown = play("--check", "--diff").expect_success()
    assert shown.changed == 2
    assert "-# mine" in shown.output
    play().expect_success()
    for server, release in zip(servers, releases, strict=True):
        assert "# mine" not in server.file("/usr/local/lib/shortstop/engine/hold.py").content_string
        modes = [server.file(path).mode for path in ("/usr/local/sbin/shortstop", "/srv/blog", "/srv/blog/releases", "/srv/blog/var")]
        assert modes == [0o755, 0o711, 0o711, 0o700]
        assert server.service("shortstop-settle.service").is_enabled
        assert live(server) == release


def keys(server, site: str = "blog") -> list[str]:
    """The key that the host made for the site, and the one before it."""
    return server.file(f"/etc/shortstop/generated/{site}.secret_key").content_string.split()


@pytest.fixture
def rotate(play):
    """Runs the playbook past its first part, which would take the two hosts for two servers of the same sites."""
    return functools.partial(play, playbook=ROOT / "playbooks/rotate.yml", __door_found=True)


def within(server, code: str) -> str:
    """What the live release says to it."""
    return server.check_output("shortstop manage blog shell -v 0 -c %s", code)


def test_a_new_secret_key_is_a_release_that_believes_the_one_before(rotate, servers):
    before = list(zip(*[(live(server), *keys(server), within(server, SIGN)) for server in servers], strict=True))
    others = [(live(server, "shop"), keys(server, "shop")) for server in servers]
    shown = rotate("-vvv", "--diff", only="blog").expect_success().output
    for server, release, key, signed in zip(servers, *before, strict=True):
        assert live(server) != release
        assert json.loads(ask(server))["release"] == live(server)
        new, fallback = keys(server)
        assert (new != key, fallback) == (True, key)
        told = server.check_output(f"grep ^DJANGO_SECRET_KEY /etc/shortstop/blog/{live(server)}.env").splitlines()
        assert told == [f'DJANGO_SECRET_KEY="{new}"', f'DJANGO_SECRET_KEY_FALLBACKS="{key}"']
        assert within(server, BELIEVE.format(signed)) == "mine"
        assert [secret for secret in (new, key) if secret in shown] == []
        assert not server.file("/etc/shortstop/blog/environment.before").exists
    assert [(live(server, "shop"), keys(server, "shop")) for server in servers] == others


def test_what_cannot_be_rotated_is_said_and_nothing_changes(rotate, servers):
    before = [(live(server), keys(server)) for server in servers]
    rotate(what="secret_key").expect_failure("Say whose secrets are rotated with -e only=SITE")
    rotate(only="blog", what="secret_key,database_password").expect_failure(
        'site "blog": key "database": sqlite has no password, so there is nothing to rotate'
    )
    assert [(live(server), keys(server)) for server in servers] == before


def test_a_rollback_on_the_server_holds_the_site(play, servers):
    before = [live(server) for server in servers]
    play(site_common={"database": "sqlite", "health_path": "/healthz", "environment": {"COLOUR": "red"}}).expect_success()
    for server, old in zip(servers, before, strict=True):
        new = live(server)
        assert new != old
        assert f"release {old} is live" in server.check_output("shortstop rollback blog")
        assert live(server) == old
        assert json.loads(ask(server))["release"] == old
        (status,) = [row for row in json.loads(server.check_output("shortstop status --json")) if row["site"] == "blog"]
        assert status["state"] == "serving; held after a rollback"


def test_a_site_that_left_goes_and_its_data_stays_until_it_is_purged(play, servers):
    blog = {"domains": ["blog.example.com"], "source": "tatis"}
    for server in servers:
        record = json.dumps({"user": "shop", "root": "/srv/shop", "database": {"engine": "sqlite"}})
        server.check_output(f"mkdir --parents /etc/shortstop/sites && echo '{record}' >/etc/shortstop/sites/shop.json")
        server.check_output("runuser -u shop -- touch /srv/shop/media/upload")
    play(sites={"blog": blog}).expect_success()
    for server in servers:
        assert server.run("pgrep --uid shop").rc == 1
        assert server.file("/srv/shop/media/upload").exists
        assert server.file("/srv/shop/var/db.sqlite3").exists
        assert json.loads(ask(server))["database"] == "reachable"
        assert server.file("/etc/shortstop/sites").listdir() == ["shop.absent"]
    play(sites={"blog": blog, "shop": {"state": "absent", "purge": True}}).expect_success()
    for server in servers:
        assert not server.file("/srv/shop").exists
        assert not server.user("shop").exists
        assert server.file("/etc/shortstop/sites").listdir() == []
