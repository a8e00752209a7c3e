"""Sites come, change and go, and the others do not notice."""

import shutil
import subprocess
import time
from http.client import RemoteDisconnected
from pathlib import Path

import pytest
from house import ROOT, Project, Server, Visitors


def test_it_works(served: Project, server: Server) -> None:
    for site in ("tatis", "uat"):
        answer = server.get(f"{site}.example.com")
        # Its inventory has no poll.
        assert (answer.status, "The league has not been asked yet." in answer.body) == (200, True)


def test_a_second_run_changes_nothing(served: Project) -> None:
    assert served.play().expect_success().changed == 0


def test_a_check_of_a_provisioned_host_reports_no_change(served: Project, server: Server) -> None:
    before = server.fingerprint()
    assert served.play("--check", "--diff").expect_success().changed == 0
    assert server.fingerprint() == before


def test_both_sites_answer_by_themselves_after_a_reboot(served: Project, server: Server) -> None:
    subprocess.run(["docker", "restart", server.name], check=True, capture_output=True)
    start = time.monotonic()
    for site in ("tatis", "uat"):
        while time.monotonic() - start < 150:
            try:
                if server.get(f"{site}.example.com", timeout=1).status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail(f"{site} did not come back")
    print(f"\nboth sites answered {time.monotonic() - start:.1f} s after the restart (bar: 15 s)")


def test_a_third_site_leaves_the_other_two_alone(served: Project, server: Server) -> None:
    processes = {site: server.main_process(site) for site in ("tatis", "uat")}
    served.sites["third"] = {**served.bundled("third"), "database": "sqlite"}
    with Visitors(server, "tatis.example.com") as tatis, Visitors(server, "uat.example.com") as uat:
        served.play().expect_success()
    assert server.get("third.example.com").status == 200
    assert {site: server.main_process(site) for site in ("tatis", "uat")} == processes
    assert (tatis.failed, uat.failed) == ([], [])
    print(f"\n{tatis.asked + uat.asked} requests to the others meanwhile, 0 failed")


@pytest.mark.parametrize(
    "change", [{"environment": {"GREETING": "hello"}}, {"environment": {"DJANGO_SECRET_KEY": "another-long-secret-of-a-drill"}}, {"workers": 3}]
)
def test_a_changed_setting_is_a_release_of_that_site_alone(served: Project, server: Server, change: dict) -> None:
    before = {site: (server.live(site), server.main_process(site)) for site in served.sites}
    served.sites["tatis"] = {**served.sites["tatis"], **change}
    with Visitors(server, "tatis.example.com") as visitors:
        served.play().expect_success()
    after = {site: (server.live(site), server.main_process(site)) for site in served.sites}
    assert {site for site in before if before[site] != after[site]} == {"tatis"}
    assert visitors.failed == []
    print(f"\n{visitors.asked} requests meanwhile, 0 failed, the slowest {visitors.slowest * 1000:.0f} ms")


def test_the_load_can_see_a_failure(served: Project, server: Server) -> None:
    with Visitors(server, "tatis.example.com") as visitors:
        release = server.live("tatis")
        server.run(f"systemctl stop gunicorn-tatis@{release}.service gunicorn-tatis@{release}.socket")
        server.run(f"systemctl start gunicorn-tatis@{release}.socket gunicorn-tatis@{release}.service")
    assert visitors.failed


def test_a_release_that_does_not_serve_meets_no_visitor(served: Project, server: Server) -> None:
    live = server.live("tatis")
    kept = served.sites["tatis"]
    served.sites["tatis"] = {**kept, "health_path": "/nowhere", "environment": {"GREETING": "a release of its own"}}
    with Visitors(server, "tatis.example.com") as visitors:
        served.play().expect_failure('site "tatis": prove: it does not serve /nowhere: status 404. The last lines of its log:')
    served.sites["tatis"] = kept
    assert visitors.failed == []
    assert server.live("tatis") == live
    assert [line.split()[0] for line in server.run("systemctl list-units --plain --no-legend 'gunicorn-tatis@*.service'").splitlines()] == [
        f"gunicorn-tatis@{live}.service"
    ]
    assert server.run("systemctl --failed --plain --no-legend") == ""
    assert served.play().expect_success().changed > 0  # the environment and the health path are what they were
    assert server.live("tatis") == live


def test_an_absent_site_goes_and_its_data_stays(served: Project, server: Server) -> None:
    server.run("runuser -u third -- touch /srv/third/media/upload")
    served.sites["third"]["state"] = "absent"
    served.play().expect_success()
    gone = (
        "/etc/systemd/system/gunicorn-third@.service",
        "/etc/nginx/sites-enabled/third.conf",
        "/etc/nginx/sites-available/third.conf",
        "/etc/shortstop/third",
    )
    assert [path for path in gone if server.succeeds(f"test -e {path}")] == []
    assert server.run("systemctl list-units --all --plain --no-legend 'gunicorn-third@*'") == ""
    assert not server.succeeds("pgrep --uid third")
    assert server.run("ls /srv/third/media").split() == ["upload"]
    assert server.run("ls /srv/third/var").split() == ["db.sqlite3"]
    with pytest.raises(RemoteDisconnected):
        server.get("third.example.com")
    assert served.play().expect_success().changed == 0


def test_an_absent_site_can_be_purged(served: Project, server: Server) -> None:
    served.sites["third"]["purge"] = True
    served.sites["uat"].update(state="absent", purge=True)
    served.play().expect_success()
    assert server.run("ls /srv").split() == ["tatis"]
    assert not server.succeeds("id third")
    assert not server.succeeds("id uat")
    databases = server.run(
        "runuser -u postgres -- psql --tuples-only --no-align --command 'SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles'"
    )
    assert "tatis" in databases.split()
    assert "uat" not in databases.split()
    assert server.get("tatis.example.com").status == 200
    assert served.play().expect_success().changed == 0


def test_a_site_that_left_the_dict_goes_too_unless_the_run_is_limited(served: Project, server: Server) -> None:
    served.sites = {"tatis": served.sites["tatis"], "guest": served.bundled("guest")}
    served.play().expect_success()
    del served.sites["guest"]
    served.play("--extra-vars", "only=tatis").expect_success()
    served.playbook = ROOT / "playbooks/deploy.yml"
    served.play().expect_success()
    served.playbook = ROOT / "site.yml"
    assert server.get("guest.example.com").status == 200
    served.play().expect_success()
    with pytest.raises(RemoteDisconnected):
        server.get("guest.example.com")
    assert server.succeeds("test -d /srv/guest/media")
    assert not server.succeeds("test -e /etc/shortstop/sites/guest.json")


def test_a_source_of_ones_own_stands_beside_the_inventory(served: Project, server: Server, directory: Path) -> None:
    shutil.copytree(ROOT / "app", directory / "blog", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    served.sites["own"] = {**served.bundled("own"), "source": {"path": "../blog"}, "database": "sqlite"}
    served.play().expect_success()
    assert server.get("own.example.com", "/healthz").status == 200
