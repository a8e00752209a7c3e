"""The finished sites of a host: what the roles read of each, and which names they loop over."""

from __future__ import annotations

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils import contract, site_keys
from ansible_collections.shortstop.django.plugins.plugin_utils.finished_sites import finished_site, finished_sites
from ansible_collections.shortstop.django.plugins.plugin_utils.site_source import COLLECTION_DIR

DOMAINS = {"domains": ["blog.example.com"]}
HERE = {"engine": "postgres", "host": "", "port": 5432, "name": "blog", "user": "blog", "password": ""}
THERE = {**HERE, "host": "db.example.com", "password": "kX4"}
GIT = {"git": "../repository", "directory": "web"}


def test_it_works():
    finished = finished_sites({"blog": {**DOMAINS, "workers": 3}, "shop": {"state": "absent"}})
    assert (finished.present, finished.absent) == (["blog"], ["shop"])
    assert (finished.sites["blog"]["workers"], finished.sites["blog"]["threads"], finished.sites["shop"]["root"]) == (3, 4, "/srv/shop")


def finished(entry: dict, **arguments: object) -> dict:
    """Site blog, finished."""
    return finished_sites({"blog": {**DOMAINS, **entry}}, **arguments).sites["blog"]


def test_every_key_has_a_value():
    assert finished_site("blog", {**DOMAINS, "source": "tatis"}).keys() > site_keys.KEYS.keys()


def test_a_default_belongs_to_one_site_alone():
    finished({})["environment"]["DEBUG"] = "1"
    assert finished({})["environment"] == {}


@pytest.mark.parametrize(
    ("entry", "key", "value"),
    [
        ({}, "name", "blog"),
        ({}, "user", "blog"),
        ({"user": "mover"}, "user", "mover"),
        ({}, "unit", "gunicorn-blog"),
        ({}, "socket", "/srv/blog/live.sock"),
        ({"root": "/opt/blog"}, "socket", "/opt/blog/live.sock"),
        ({"root": "/opt/blog"}, "static_dir", "/opt/blog/static"),
        ({"root": "/opt/blog"}, "media_dir", "/opt/blog/media"),
        ({"root": "/opt/blog"}, "state_dir", "/opt/blog/var"),
        ({"root": "/opt/blog"}, "configuration_dir", "/etc/shortstop/blog"),
        ({"root": "/opt/blog"}, "environment_file", "/etc/shortstop/blog/environment"),
        # One database
        ({}, "database", HERE),
        ({"database": "sqlite"}, "database", {**HERE, "engine": "sqlite"}),
        ({"database": "none"}, "database", {**HERE, "engine": "none"}),
        ({"user": "mover"}, "database", {**HERE, "name": "mover", "user": "mover"}),
        ({"database": {"host": "db.example.com", "password": "kX4"}}, "database", THERE),
        (
            {"user": "mover", "database": {"host": "db.example.com", "password": "kX4", "port": 5433, "name": "first", "user": "owner"}},
            "database",
            {**THERE, "port": 5433, "name": "first", "user": "owner"},
        ),
        # Several databases
        ({}, "databases", {}),
        ({"databases": {"old": {}, "logs": {"name": "l"}}}, "databases", {"old": {"name": "blog_old"}, "logs": {"name": "l"}}),
        ({"user": "mover", "databases": {"old": {}}}, "databases", {"old": {"name": "mover_old"}}),
        ({"database": {**THERE, "name": "first"}, "databases": {"old": {}}}, "databases", {"old": {"name": "first_old"}}),
        # Sandbox
        ({}, "sandbox", {"level": "strict", "allow": [], "writable": []}),
        ({"sandbox": "standard"}, "sandbox", {"level": "standard", "allow": ["executable_memory", "scheduling"], "writable": []}),
        ({"sandbox": False}, "sandbox", {"level": "off", "allow": [], "writable": []}),
        ({"sandbox": {"allow": ["netlink"]}}, "sandbox", {"level": "strict", "allow": ["netlink"], "writable": []}),
        ({"sandbox": {"level": False, "writable": ["/mnt"]}}, "sandbox", {"level": "off", "allow": [], "writable": ["/mnt"]}),
        (
            {"sandbox": {"level": "standard", "allow": ["netlink"]}},
            "sandbox",
            {"level": "standard", "allow": ["netlink", "executable_memory", "scheduling"], "writable": []},
        ),
        # TLS and names
        ({}, "tls", "acme"),
        ({"tls": False}, "tls", "off"),
        ({"tls": "own"}, "scheme", "https"),
        ({"tls": False}, "scheme", "http"),
        ({"domains": ["a.example.com", "*.example.com", "b.example.com"]}, "aliases", ["b.example.com"]),
        ({"domains": ["a.example.com", "*.example.com", "b.example.com"]}, "wildcards", ["*.example.com"]),
        ({"domains": ["*.example.com"]}, "wildcards", ["*.example.com"]),
        # Parts that may be left out
        ({}, "superuser", {}),
        ({"superuser": {"username": "a", "password": "kX4"}}, "superuser", {"username": "a", "password": "kX4", "email": ""}),
        (
            {"timers": {"poll": {"command": "c", "every": "1min"}}},
            "timers",
            {"poll": {"command": "c", "every": "1min", "calendar": "", "timeout": 3600}},
        ),
        (
            {"timers": {"tidy": {"command": "c", "calendar": "daily", "timeout": 5}}},
            "timers",
            {"tidy": {"command": "c", "every": "", "calendar": "daily", "timeout": 5}},
        ),
        ({"limits": {"tasks": 64}}, "limits", {"memory": "512M", "tasks": 64, "cpu_weight": 100}),
        # Source
        ({}, "source_dir", ""),
        ({}, "settings", ""),
        ({}, "static_url", "/static/"),
        ({"settings": "blog.settings.live"}, "wsgi", "blog.settings.wsgi"),
        ({"source": "tatis"}, "source_dir", str(COLLECTION_DIR / "app")),
        ({"source": "tatis"}, "settings", "tatis.settings"),
        ({"source": GIT}, "source_dir", ""),
        ({"source": GIT}, "source_revision", ""),
        ({"source": GIT}, "source_project_dir", "web"),
    ],
)
def test_what_the_roles_read(entry, key, value):
    assert finished(entry)[key] == value


def test_what_the_source_says(source):
    site = finished({"source": {"path": "source"}}, inventory_dir=str(source.parent))
    assert (site["source_dir"], site["settings"], site["wsgi"]) == (str(source), "shop.settings", "shop.wsgi")


def test_what_the_site_says_wins_over_its_source(source):
    site = finished({"source": {"path": "source"}, "settings": "shop.live", "media_url": "/files/"}, inventory_dir=str(source.parent))
    assert (site["settings"], site["media_url"]) == ("shop.live", "/files/")


def test_a_source_in_git_is_where_it_was_checked_out(source):
    (source.parent / "web").mkdir()
    source.rename(source.parent / "web" / "project")
    given = {"source": {"git": "../repository"}, "requirements": "requirements.txt"}
    site = finished(given, checkouts={"blog": {"path": str(source.parent / "web"), "revision": "0123"}})
    assert (site["source_revision"], site["source_project_dir"], site["requirements"]) == ("0123", "project", "project/requirements.txt")
    assert site["source_told"] == ["manage.py is in project"]


def test_what_holds_for_all_sites():
    common = {"workers": 3, "limits": {"memory": "1G"}, "environment": {"TZ": "UTC", "LANG": "C.UTF-8"}, "user": "no house-wide key"}
    site = finished({"workers": 5, "environment": {"LANG": "de_CH.UTF-8"}}, common=common)
    assert (site["workers"], site["user"], site["environment"]) == (5, "blog", {"TZ": "UTC", "LANG": "de_CH.UTF-8"})
    assert site["limits"] == {"memory": "1G", "tasks": 256, "cpu_weight": 100}


# Names

RECORD = {"state": "absent", "user": "was", "root": "/opt/was", "database": {"engine": "postgres", "name": "was", "user": "was", "host": ""}}
SITES = {"blog": DOMAINS, "gone": {"state": "absent"}, "shop": {"domains": ["shop.example.com"]}}


def test_an_absent_site_is_what_its_record_says():
    site = finished_sites({"gone": {"state": "absent", "workers": 9}}, common={"workers": 3}, installed={"gone": RECORD}).sites["gone"]
    assert (site["user"], site["root"], site["database"]["name"], site["workers"]) == ("was", "/opt/was", "was", 9)


def test_a_site_that_is_there_goes_by_its_newer_record():
    older = {**RECORD, "user": "older"}
    assert finished_sites({"gone": {"state": "absent"}}, installed={"gone": RECORD}, kept={"gone": older}).sites["gone"]["user"] == "was"


def test_a_present_site_is_not_what_its_record_says():
    assert finished({}, installed={"blog": RECORD})["user"] == "blog"


def test_an_orphan_is_absent():
    finished = finished_sites(SITES, installed={"blog": RECORD, "lost": RECORD}, kept={"old": RECORD})
    assert (finished.present, finished.absent, finished.orphans) == (["blog", "shop"], ["gone", "lost"], ["lost"])
    assert (finished.sites["lost"]["state"], finished.sites["lost"]["root"]) == ("absent", "/opt/was")


def test_a_limited_run_has_no_orphans():
    finished = finished_sites(SITES, installed={"lost": RECORD}, only="blog")
    assert (finished.limited, finished.absent, finished.orphans) == (True, ["gone"], [])
    assert finished.sites.keys() == SITES.keys()


@pytest.mark.parametrize(
    ("only", "asked"),
    [
        ("", ["blog", "shop"]),
        ("shop", ["shop"]),
        ("shop,blog", ["blog", "shop"]),
        (" shop, blog ", ["blog", "shop"]),
        ("gone", []),
        (",", []),
    ],
)
def test_the_sites_that_a_run_is_about(only, asked):
    assert finished_sites(SITES, only=only).asked == asked


@pytest.mark.parametrize(
    ("records", "leaving"),
    [
        ({}, []),
        ({"installed": {"gone": RECORD, "lost": RECORD, "blog": RECORD}}, ["gone", "lost"]),
        ({"kept": {"gone": RECORD, "purged": RECORD, "blog": RECORD}}, ["purged"]),
        ({"installed": {"purged": RECORD}, "kept": {"purged": RECORD}}, ["purged"]),
    ],
)
def test_the_sites_that_leave(records, leaving):
    assert finished_sites({**SITES, "purged": {"state": "absent", "purge": True}}, **records).leaving == leaving


@pytest.mark.parametrize(("only", "names"), [("", []), ("blog", ["blog"]), ("blog,shop", ["blog", "shop"]), (", blog  shop,", ["blog", "shop"])])
def test_the_names_in_a_selection(only, names):
    assert contract.named(only) == names
