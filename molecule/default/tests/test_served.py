"""What a visitor meets."""

import json
import re

import pytest

SITES = ("tatis", "uat")


def get(server, domain, path="/", *options):
    """The answer of the server's own port 80, as (head, body)."""
    answer = server.run(f"curl --silent --show-error --include --max-time 10 {' '.join(options)} --header 'Host: {domain}' http://127.0.0.1{path}")
    assert answer.rc == 0, answer.stderr
    head, _, body = answer.stdout.replace("\r", "").partition("\n\n")
    return head, body


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


@pytest.fixture
def laid(server):
    """The path of static files as a deploy lays them: each form of one, with its name as its content, and what is still being written."""
    directory = "/srv/tatis/static/proof"
    names = [f"{name}{form}" for name in ("a.css", "a.0123456789ab.css", "a.0123456789ab") for form in ("", ".gz", ".br")]
    names += ["b.css", "0123456789ab.css", "a.0123456789abc.css", ".a.css.new", ".new/a.css"]
    server.check_output(f"mkdir --parents {directory}/.new && cd {directory} && for name in {' '.join(names)}; do printf %s $name >$name; done")
    yield "/static/proof/"
    server.check_output(f"rm --recursive {directory}")


def header(head, name):
    """All values of a header, or None."""
    return ", ".join(re.findall(rf"^{name}: (.*)$", head, re.MULTILINE)) or None


@pytest.mark.parametrize("name", ["a.css", "a.0123456789ab.css"])
@pytest.mark.parametrize("proxy", ["", "Via: 1.1 cdn.example.com"])
@pytest.mark.parametrize(
    ("accepted", "form", "encoding"),
    [("gzip, deflate, br, zstd", ".br", "br"), ("br", ".br", "br"), ("gzip", ".gz", "gzip"), ("gzip, br;q=0", ".gz", "gzip"), ("", "", None)],
)
def test_a_static_file_comes_in_the_best_form_that_is_accepted(server, domains, laid, name, proxy, accepted, form, encoding):
    head, body = get(server, domains["tatis"], laid + name, f"--header 'Accept-Encoding: {accepted}' --header '{proxy}'")
    assert (body, header(head, "Content-Encoding")) == (name + form, encoding)
    assert header(head, "Content-Type") == "text/css"
    assert header(head, "Vary") == "Accept-Encoding"
    assert header(head, "ETag")
    assert header(head, "Last-Modified")


def test_a_static_file_that_has_one_form_comes_in_it(server, domains, laid):
    head, body = get(server, domains["tatis"], f"{laid}b.css", "--header 'Accept-Encoding: gzip, br'")
    assert (body, header(head, "Content-Encoding")) == ("b.css", None)


@pytest.mark.parametrize("accepted", ["br", "gzip", ""])
@pytest.mark.parametrize(
    ("name", "cached"),
    [("a.0123456789ab.css", True), ("a.0123456789ab", True), ("a.css", False), ("0123456789ab.css", False), ("a.0123456789abc.css", False)],
)
def test_what_a_name_with_a_hash_names_is_kept_forever(server, domains, laid, name, cached, accepted):
    head, _body = get(server, domains["tatis"], laid + name, f"--header 'Accept-Encoding: {accepted}'")
    assert head.startswith("HTTP/1.1 200 ")
    assert header(head, "Cache-Control") == ("public, max-age=31536000, immutable" if cached else None)


def test_an_unchanged_file_is_not_sent_again(server, domains, laid):
    path = f"{laid}a.0123456789ab.css"
    tag = header(get(server, domains["tatis"], path)[0], "ETag")
    head, body = get(server, domains["tatis"], path, f"--header 'If-None-Match: {tag}'")
    assert (head.splitlines()[0], body) == ("HTTP/1.1 304 Not Modified", "")
    assert header(head, "Cache-Control") == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", [".a.css.new", "%2ea.css.new", ".new/a.css", "b.0123456789ab.css"])
def test_what_is_hidden_or_missing_is_not_found_and_not_kept(server, domains, laid, name):
    head, _body = get(server, domains["tatis"], laid + name)
    assert head.startswith("HTTP/1.1 404 ")
    assert header(head, "Cache-Control") is None


def test_a_further_name_redirects_to_the_canonical_one(server, domains):
    head, _body = get(server, f"www.{domains['tatis']}", "/a?b=c")
    assert head.startswith("HTTP/1.1 301 ")
    assert f"Location: http://{domains['tatis']}/a?b=c" in head


@pytest.mark.parametrize("options", ["--header 'Host: unknown.example.com'", "", "--http1.0 --header 'Host:'"])
def test_an_unknown_name_gets_nothing(server, options):
    answer = server.run(f"curl --silent --include {options} http://127.0.0.1/")
    assert (answer.rc, answer.stdout) == (52, "")
