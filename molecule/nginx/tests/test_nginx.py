"""What a visitor meets, and what becomes of vhosts that change, leave, or were not ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from on_server import get, header, kill, until
from stub import answer, request, visit

DOMAIN = "blog.example.com"


@pytest.mark.parametrize(("domain", "path"), [(DOMAIN, "/a?b=c"), ("shop.example.com", "/healthz")])
def test_it_works(server, domain, path):
    head, body = get(server, domain, path, "--header 'X-Forwarded-For: 1.2.3.4' --header 'X-Forwarded-Proto: https'")
    asked = json.loads(body)
    assert head.startswith("HTTP/1.1 200 ")
    assert asked["path"] == path
    told = {name: asked["headers"].get(name) for name in ("Host", "X-Forwarded-For", "X-Forwarded-Proto")}
    # What a visitor claims of themselves counts for nothing.
    assert told == {"Host": domain, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http"}


def test_a_question_survives_the_worker_that_dies_with_it(server):
    answer(server, "blog")
    assert get(server, DOMAIN, "/dies")[0].startswith("HTTP/1.1 200 ")


def test_nginx_does_not_tell_its_version(server):
    assert header(get(server, DOMAIN)[0], "Server") == "nginx"


@pytest.fixture
def laid(server):
    """The path of static files as a deploy lays them: each form of one, with its name as its content, and what is still being written."""
    directory = "/srv/blog/static/proof"
    names = [f"{name}{form}" for name in ("a.css", "a.0123456789ab.css", "a.0123456789ab") for form in ("", ".gz", ".br")]
    names += ["b.css", "0123456789ab.css", "a.0123456789abc.css", ".a.css.new", ".new/a.css"]
    server.check_output(f"mkdir --parents {directory}/.new && cd {directory} && for name in {' '.join(names)}; do printf %s $name >$name; done")
    return "/static/proof/"


@pytest.mark.parametrize(
    ("accepted", "form", "encoding"),
    [("gzip, deflate, br, zstd", ".br", "br"), ("br", ".br", "br"), ("gzip", ".gz", "gzip"), ("gzip, br;q=0", ".gz", "gzip"), ("", "", None)],
)
@pytest.mark.parametrize(("name", "proxy"), [("a.css", ""), ("a.0123456789ab.css", "Via: 1.1 cdn.example.com")])
def test_a_static_file_comes_in_the_best_form_that_is_accepted(server, laid, name, proxy, accepted, form, encoding):
    head, body = get(server, DOMAIN, laid + name, f"--header 'Accept-Encoding: {accepted}' --header '{proxy}'")
    assert (body, header(head, "Content-Encoding")) == (name + form, encoding)
    assert header(head, "Content-Type") == "text/css"
    assert header(head, "Vary") == "Accept-Encoding"
    assert header(head, "ETag")
    assert header(head, "Last-Modified")


def test_a_static_file_that_has_one_form_comes_in_it(server, laid):
    head, body = get(server, DOMAIN, f"{laid}b.css", "--header 'Accept-Encoding: gzip, br'")
    assert (body, header(head, "Content-Encoding")) == ("b.css", None)


@pytest.mark.parametrize(
    ("name", "accepted", "cached"),
    [
        ("a.0123456789ab.css", "", True),
        ("a.0123456789ab.css", "gzip", True),
        ("a.0123456789ab.css", "br", True),
        ("a.0123456789ab", "br", True),
        ("a.css", "br", False),
        ("0123456789ab.css", "", False),
        ("a.0123456789abc.css", "", False),
    ],
)
def test_what_a_name_with_a_hash_names_is_kept_forever(server, laid, name, cached, accepted):
    head, _body = get(server, DOMAIN, laid + name, f"--header 'Accept-Encoding: {accepted}'")
    assert head.startswith("HTTP/1.1 200 ")
    assert header(head, "Cache-Control") == ("public, max-age=31536000, immutable" if cached else None)


def test_an_unchanged_file_is_not_sent_again(server, laid):
    path = f"{laid}a.0123456789ab.css"
    tag = header(get(server, DOMAIN, path)[0], "ETag")
    head, body = get(server, DOMAIN, path, f"--header 'If-None-Match: {tag}'")
    assert (head.splitlines()[0], body) == ("HTTP/1.1 304 Not Modified", "")
    assert header(head, "Cache-Control") == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", [".a.css.new", "%2ea.css.new", ".new/a.css", "b.0123456789ab.css"])
def test_what_is_hidden_or_missing_is_not_found_and_not_kept(server, laid, name):
    head, _body = get(server, DOMAIN, laid + name)
    assert head.startswith("HTTP/1.1 404 ")
    assert header(head, "Cache-Control") is None


def test_uploads_come_from_nginx(server):
    server.check_output("echo an upload >/srv/blog/media/upload.txt")
    head, body = get(server, DOMAIN, "/media/upload.txt")
    assert (head.splitlines()[0], body) == ("HTTP/1.1 200 OK", "an upload\n")


def test_a_further_name_redirects_to_the_canonical_one(server):
    head, _body = get(server, f"www.{DOMAIN}", "/a?b=c")
    assert head.startswith("HTTP/1.1 301 ")
    assert header(head, "Location") == f"http://{DOMAIN}/a?b=c"


@pytest.mark.parametrize("options", ["--header 'Host: unknown.example.com'", "", "--http1.0 --header 'Host:'"])
def test_an_unknown_name_gets_nothing(server, options):
    answer = server.run(f"curl --silent --include {options} http://127.0.0.1/")
    assert (answer.rc, answer.stdout) == (52, "")


def test_it_comes_back_each_time_that_it_is_killed(server):
    # More often than systemd would by itself allow within ten seconds.
    for _ in range(7):
        until(server, 5, f"{kill(server, 'nginx.service')} && curl --silent --fail --output /dev/null --header 'Host: {DOMAIN}' http://127.0.0.1/")


def test_it_starts_at_boot(server):
    assert server.service("nginx").is_enabled


# From here on the hosts change.
VHOST = "/etc/nginx/sites-available/blog.conf"
LARGE = "--request POST --data-binary @/srv/large --output /dev/null --write-out '%{http_code}'"


def upload(server) -> str:
    """The status that an upload of 11 MB gets."""
    server.check_output("truncate --size 11M /srv/large")
    return server.check_output(f"curl --silent {LARGE} --header 'Host: {DOMAIN}' http://127.0.0.1/")


def test_what_was_changed_by_hand_is_shown_and_repaired(play, servers):
    before = [server.file(VHOST).content_string for server in servers]
    for server in servers:
        server.check_output(f"sed --in-place 's/gzip_vary on/gzip_vary off/' {VHOST} && chmod 0600 {VHOST} && rm /etc/nginx/conf.d/shortstop.conf")
        server.check_output("systemctl reload nginx")
    shown = play("--check", "--diff").expect_success()
    assert shown.changed == 2  # with nginx's reload
    assert "+    gzip_vary on" in shown.output
    assert "gzip_vary off" in servers[0].file(VHOST).content_string
    play().expect_success()
    assert [server.file(VHOST).content_string for server in servers] == before
    assert {server.file(VHOST).mode for server in servers} == {0o644}
    for server in servers:
        assert header(get(server, DOMAIN, "/static/missing.css")[0], "Vary") == "Accept-Encoding"
        assert server.run("curl --silent http://127.0.0.1/").rc == 52


def test_a_vhost_that_nginx_rejects_replaces_none(play, servers, tmp_path):
    before = [server.file(VHOST).content_string for server in servers]
    template = tmp_path / "broken.conf.j2"
    template.write_text('{% extends "vhost.conf.j2" %}{% block extra %}gibberish here;{% endblock %}', encoding="utf-8")
    play(nginx_vhost_template=str(template)).expect_failure('unknown directive "gibberish"')
    assert [server.file(VHOST).content_string for server in servers] == before
    for server in servers:
        assert server.run("nginx -t -q").rc == 0


def test_a_proxy_that_nginx_does_not_understand_is_not_written(play, servers):
    visitors = "/etc/nginx/conf.d/shortstop_visitors.conf"
    before = [server.file(visitors).content_string for server in servers]
    play(nginx_trusted_proxies=["10.0.0.0/40"]).expect_failure('"10.0.0.0/40" in the new conf.d/shortstop_visitors.conf')
    assert [server.file(visitors).content_string for server in servers] == before
    for server in servers:
        assert server.run("nginx -t -q").rc == 0


def test_a_long_path_of_a_login_is_no_trouble(play, servers):
    path = f"/{'way/' * 40}in/"
    sites = yaml.safe_load((Path(__file__).parents[1] / "inventory/group_vars/all/sites.yml").read_text(encoding="utf-8"))["sites"]
    sites["blog"]["login_paths"] = [path]
    play(sites=sites).expect_success()
    assert {429 in visit(server, [request(DOMAIN, path, "POST")] * 20, "127.0.2.203") for server in servers} == {True}


def test_what_takes_too_long_is_not_asked_for_again(servers):
    for server in servers:
        server.check_output("rm --force /srv/go /root/slow")
        asking = f"curl --silent --max-time 150 --header 'Host: {DOMAIN}' --write-out '%{{http_code}}' --output /dev/null 'http://127.0.0.1/waits?slow'"
        server.check_output(f'systemd-run --quiet --collect sh -c "{asking} >/root/slow"')
    for server in servers:
        until(server, 180, "[ -s /root/slow ]")
        assert server.check_output("cat /root/slow") == "504"
        server.check_output("touch /srv/go")
        until(server, 10, "journalctl --unit stub-blog --output cat | grep --quiet waits.slow")
        assert server.check_output("journalctl --unit stub-blog --output cat | grep --count waits.slow") == "1"


def test_a_changed_setting_holds_at_once(play, servers):
    assert {upload(server) for server in servers} == {"413"}
    play(nginx_client_max_body_size="12m").expect_success()
    assert {upload(server) for server in servers} == {"200"}


def test_a_twin_asks_not_to_be_listed(play, servers):
    assert [header(get(server, DOMAIN)[0], "X-Robots-Tag") for server in servers] == [None for _server in servers]
    play(nginx_indexed=False).expect_success()
    for path in ("/", "/static/missing.css"):
        assert {header(get(server, DOMAIN, path)[0], "X-Robots-Tag") for server in servers} == {"noindex, nofollow"}
    play().expect_success()


def test_a_site_that_left_goes_and_what_others_put_there_stays(play, servers):
    foreign = "/etc/nginx/sites-enabled/foreign.conf"
    for server in servers:
        server.check_output("echo 'server { listen 80; server_name foreign.example.com; return 204; }' >" + foreign)
        # What role base and role django keep of each site that is on the server.
        record = json.dumps({"user": "shop", "root": "/srv/shop", "database": {"engine": "sqlite"}})
        server.check_output(f"mkdir --parents /etc/shortstop/sites && echo '{record}' >/etc/shortstop/sites/shop.json")
    play(sites={"blog": {"domains": [DOMAIN, f"www.{DOMAIN}"]}}).expect_success()
    for server in servers:
        assert server.file("/etc/nginx/sites-enabled").listdir() == ["blog.conf", "foreign.conf"]
        assert server.file("/etc/nginx/sites-available").listdir() == ["blog.conf", "default"]
        assert server.run("curl --silent --header 'Host: shop.example.com' http://127.0.0.1/").rc == 52
        assert get(server, "foreign.example.com")[0].startswith("HTTP/1.1 204 ")
