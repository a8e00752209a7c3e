"""What a visitor meets."""

import json
import re

import pytest
from on_server import get

SITES = ("tatis", "uat")


@pytest.mark.parametrize("site", SITES)
def test_it_works(server, domains, site):
    head, body = get(server, domains[site])
    assert head.startswith("HTTP/1.1 200 ")
    assert "We don't know yet" in body


@pytest.mark.parametrize("site", SITES)
def test_the_live_release_reaches_its_database(server, domains, site):
    _head, body = get(server, domains[site], "/healthz")
    current = server.file(f"/srv/{site}/current").linked_to.rpartition("/")[2]
    assert json.loads(body) == {"database": "reachable", "release": current}


@pytest.mark.parametrize("site", SITES)
def test_the_page_is_rendered_from_the_sites_own_database(server, domains, site):
    insert = "INSERT INTO games_appearance (person_id, game_pk, official_date, coded_game_state, updated_at) VALUES (1, 2, '2026-04-01', 'F', now())"
    assert "0 games on record" in get(server, domains[site])[1]
    with_psql(server, site, insert)
    try:
        assert "1 game on record" in get(server, domains[site])[1]
    finally:
        with_psql(server, site, "DELETE FROM games_appearance")


def with_psql(server, site, statement):
    done = server.run(f'runuser -u {site} -- psql --quiet --dbname {site} --command "{statement}"')
    assert done.rc == 0, done.stderr


@pytest.mark.parametrize("site", SITES)
def test_static_files_come_from_nginx(server, domains, site):
    path = re.search(r'href="(/static/[^"]+\.css)"', get(server, domains[site])[1])[1]
    assert re.search(r"\.[0-9a-f]{12}\.css$", path)
    assert server.file(f"/srv/{site}{path}").content_string == get(server, domains[site], path)[1]
    # Every answer of the app has this header.
    assert "X-Content-Type-Options" not in get(server, domains[site], path)[0]


def test_a_further_name_redirects_to_the_canonical_one(server, domains):
    head, _body = get(server, f"www.{domains['tatis']}", "/a?b=c")
    assert head.startswith("HTTP/1.1 301 ")
    assert f"Location: http://{domains['tatis']}/a?b=c" in head


@pytest.mark.parametrize("options", ["--header 'Host: unknown.example.com'", "", "--http1.0 --header 'Host:'"])
def test_an_unknown_name_gets_nothing(server, options):
    answer = server.run(f"curl --silent --include {options} http://127.0.0.1/")
    assert (answer.rc, answer.stdout) == (52, "")
