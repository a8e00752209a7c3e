"""What is wrong is said in a sentence that names the site and the key, and nothing on a host has changed."""

from __future__ import annotations

import json
import subprocess

import pytest

ROOT_SCRIPT = ".config/molecule/fingerprint.sh"
BLOG = {"domains": ["blog.example.com"]}
REFUSALS = {
    "an unknown key": ({"blog": {**BLOG, "domain": ["x.example.com"]}}, 'site "blog": key "domain" is not known; did you mean "domains"?'),
    "a missing key": ({"blog": {}}, 'site "blog": key "domains" is missing'),
    "a wrong type": ({"blog": {**BLOG, "workers": "three"}}, 'site "blog": key "workers" must be a whole number, 1 at least, without quotes'),
    "a string for a boolean": ({"blog": {**BLOG, "state": "absent", "purge": "false"}}, 'site "blog": key "purge"'),
    "an unsafe name": ({"www-data": BLOG}, 'site "www-data": a name is a lower-case letter, then up to 30 letters, digits or _'),
    "the system's name": ({"postgres": BLOG}, 'site "postgres": this name belongs to the system; choose another'),
    "a domain claimed twice": ({"blog": BLOG, "shop": BLOG}, 'site "shop": domain "blog.example.com" is also claimed by site "blog"; each needs its own'),
    "a placeholder": (
        {"blog": {**BLOG, "environment": {"DJANGO_SECRET_KEY": "change-me"}}},
        'site "blog": key "environment": variable "DJANGO_SECRET_KEY" is still a placeholder; give it a value of its own',
    ),
    "an undefined reference": (
        {"blog": {**BLOG, "environment": {"DJANGO_SECRET_KEY": "{{ vault_sites.blog.secret_key }}"}}},
        'site "blog": key "environment": variable "DJANGO_SECRET_KEY" refers to something that is not defined; add it to the vault',
    ),
    "a source that is not there": ({"blog": {**BLOG, "source": {"path": "/nowhere"}}}, 'site "blog": key "source": there is no directory /nowhere'),
}


@pytest.fixture
def untouched(servers, request):
    """The hosts are in the end what they were."""
    script = (request.config.rootpath / ROOT_SCRIPT).read_text()

    def fingerprints() -> list[str]:
        return [
            subprocess.run(["docker", "exec", "-i", server.backend.name, "sh"], input=script, capture_output=True, text=True, check=True).stdout
            for server in servers
        ]

    before = fingerprints()
    yield
    assert fingerprints() == before


def test_it_works(play):
    told = play().expect_success().output
    assert "blog blog /srv/blog gunicorn-blog blog.example.com www.blog.example.com 2 postgres" in told
    assert "shop shop /srv/shop gunicorn-shop shop.example.com 3 sqlite" in told


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_is_refused(play, untouched, case):
    sites, sentence = REFUSALS[case]
    play(sites=sites).expect_failure(sentence)


def test_all_that_is_wrong_is_said_at_once(play, untouched):
    run = play(sites={"blog": {**BLOG, "workers": 0}, "shop": {"domains": []}})
    run.expect_failure('site "blog": key "workers"').expect_failure('site "shop": key "domains"')


@pytest.mark.parametrize("no", ["false", "no", "0", False], ids=str)
def test_what_says_no_means_no(play, no):
    play(site_database_here=no).expect_failure('site "blog": key "database"')
    nowhere = {"blog": {**BLOG, "source": {"git": "file:///nowhere"}}}
    play(sites=nowhere, site_sources_needed=no).expect_success()
    play(sites=nowhere, site_sources_needed=True).expect_failure("/nowhere")


@pytest.fixture
def records(servers):
    """Two sites that an earlier run has made, and that are in no dict."""
    for server in servers:
        for name in ("guest", "visitor"):
            record = json.dumps({"user": name, "root": f"/srv/{name}", "database": {"engine": "sqlite"}})
            server.check_output(f"mkdir --parents /etc/shortstop/sites && echo '{record}' >/etc/shortstop/sites/{name}.json")
    yield
    for server in servers:
        server.check_output("rm --recursive /etc/shortstop")


@pytest.mark.parametrize("prune", [None, "no", "false", False, True], ids=str)
def test_two_sites_that_left_at_once_need_a_word(play, records, prune):
    words = {} if prune is None else {"prune": prune}
    play(**words).expect_failure("guest, visitor are on this host and in no dict of sites")


def test_with_that_word_they_go(play, records):
    assert "to take away: guest visitor" in play(prune="yes").expect_success().output


def told(run) -> str:
    """What a run said, however its lines were broken."""
    return " ".join(run.expect_success().output.split())


def test_what_is_taken_away_is_told_as_the_host_recorded_it(play, servers, records):
    database = {"engine": "postgres", "name": "guests", "user": "gast", "host": "db.example.com", "port": 5432}
    for server in servers:
        record = json.dumps({"user": "gast", "root": "/opt/guest", "database": database})
        server.check_output(f"echo '{record}' >/etc/shortstop/sites/guest.json && rm /etc/shortstop/sites/visitor.json")
    has = "its directory /opt/guest, its user gast and its database guests on db.example.com"
    left = told(play())
    assert f'site "guest": taken away are its units, its vhost and its variables; kept are {has}, which "purge: true" takes away' in left
    purge = {"sites": {"guest": {"state": "absent", "purge": True}}}
    assert f'site "guest": taken away are its units, its vhost and its variables; purged are {has}' in told(play(**purge))
    for server in servers:
        server.check_output("mv /etc/shortstop/sites/guest.json /etc/shortstop/sites/guest.absent")
    assert f'site "guest": it left earlier; purged are {has}' in told(play(**purge))
    assert 'site "guest": it left' not in told(play())
    claimed = {"guest": {"state": "absent", "purge": True}, "blog": {**BLOG, "root": "/opt/guest"}}
    play(sites=claimed).expect_failure('site "guest": key "purge" would take root "/opt/guest" away, which site "blog" has; take "purge" out')


def test_a_limited_run_takes_none_away(play, records):
    assert "to take away: none" in play(only="blog").expect_success().output
