"""What a visitor meets."""

import json
import re

import pytest
from on_server import get as get_from
from on_server import until

SITES = ("tatis", "uat")
# As a shell asks over TLS; the certificate is nobody's yet.
CURL = "curl --silent --insecure --connect-to ::127.0.0.1:"


def get(server, domain: str, path: str = "/") -> tuple[str, str]:
    return get_from(server, domain, path, scheme="https")


@pytest.fixture
def told(server, domains):
    """A function that returns what a site says of today, as soon as its timer has asked the league."""

    def ask(site):
        until(server, 100, f'{CURL} --fail https://{domains[site]}/api/today.json | grep --quiet \'"asOf": "\'')
        return json.loads(get(server, domains[site], "/api/today.json")[1])

    return ask


@pytest.mark.parametrize(("site", "answer"), [("tatis", "Yes"), ("uat", "No")])
def test_it_works(server, domains, told, site, answer):
    told(site)
    # What was kept from before the first poll is kept for ten seconds.
    until(server, 30, f"{CURL} https://{domains[site]}/ | grep --quiet '<p class=\"answer\">{answer}</p>'")


def test_each_site_has_its_own_player_and_database(told):
    assert told("tatis")["season"]["errors"] == 5
    assert told("uat")["season"]["errors"] == 0
    assert told("uat")["player"] == {"personId": 596019, "name": "Francisco Lindor"}


@pytest.mark.parametrize("site", SITES)
def test_the_live_release_reaches_its_database(server, domains, told, site):
    told(site)
    _head, body = get(server, domains[site], "/healthz")
    current = server.file(f"/srv/{site}/current").linked_to.rpartition("/")[2]
    found = json.loads(body)
    assert (found["database"], found["release"]) == ("reachable", current)
    assert found["last_poll"]


def test_the_admin_is_at_its_own_path_alone(server, domains):
    assert get(server, domains["tatis"], "/back-office-5f3a/login/")[0].startswith("HTTP/1.1 200 ")
    for site, path in (("tatis", "/admin/"), ("uat", "/back-office-5f3a/")):
        assert get(server, domains[site], path)[0].startswith("HTTP/1.1 404 ")


def test_the_superuser_is_the_one_of_the_vault(server):
    code = "from django.contrib.auth.models import User; print(User.objects.get().check_password('correct horse of the molecule scenario'))"
    assert server.check_output("shortstop manage tatis shell --verbosity 0 --command %s", code).splitlines()[-1] == "True"


@pytest.mark.parametrize("site", SITES)
def test_static_files_come_from_nginx(server, domains, site):
    head, page = get(server, domains[site])
    path = re.search(r'href="(/static/[^"]+\.css)"', page)[1]
    assert re.search(r"\.[0-9a-f]{12}\.css$", path)
    assert server.file(f"/srv/{site}{path}").content_string == get(server, domains[site], path)[1]
    # Every answer of the app has this header.
    assert "Cross-Origin-Opener-Policy" in head
    assert "Cross-Origin-Opener-Policy" not in get(server, domains[site], path)[0]


@pytest.mark.parametrize(("scheme", "prefix"), [("http", ""), ("http", "www."), ("https", "www.")])
def test_everybody_ends_at_the_canonical_name_over_tls(server, domains, scheme, prefix):
    head, _body = get_from(server, f"{prefix}{domains['tatis']}", "/a?b=c", scheme=scheme)
    assert head.startswith("HTTP/1.1 301 ")
    assert f"Location: https://{domains['tatis']}/a?b=c" in head


def test_django_has_nothing_to_warn_of(server):
    assert "no issues" in server.check_output("shortstop manage tatis check --deploy --fail-level WARNING 2>&1")


@pytest.mark.parametrize("options", ["--header 'Host: unknown.example.com'", "", "--http1.0 --header 'Host:'"])
def test_an_unknown_name_gets_nothing(server, options):
    answer = server.run(f"curl --silent --include {options} http://127.0.0.1/")
    assert (answer.rc, answer.stdout) == (52, "")
