"""HTTPS from the first run: self-signed until the names lead to the server, then the ACME server's, renewed under visitors' eyes."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter

import pytest
from on_server import header, linted, put, until

SITES = ("blog", "shop", "broken", "wild", "notes", "paid")
ASK = "curl --silent --show-error --include --max-time 10 --resolve '*:80:127.0.0.1' --resolve '*:443:127.0.0.1'"
OWN = "/etc/shortstop/certificates/paid.pem"
PRIVATE = "/etc/shortstop/certificates /etc/letsencrypt/archive /etc/letsencrypt/accounts"

# Visitors who keep no connection, each with a full handshake: what they were answered, and by which certificate.
VISITORS = """
import collections, json, pathlib, socket, ssl, threading, time
context = ssl.create_default_context(cafile="/root/authority.pem")
met, stop = collections.Counter(), pathlib.Path("/root/stop")
def visit():
    while not stop.exists():
        try:
            with socket.create_connection(("127.0.0.1", 443), timeout=10) as raw, context.wrap_socket(raw, server_hostname="blog.example.com") as tls:
                tls.sendall(b"GET /static/a.txt HTTP/1.1\\r\\nHost: blog.example.com\\r\\nConnection: close\\r\\n\\r\\n")
                answer = b"".join(iter(lambda: tls.recv(4096), b""))
                serial = tls.getpeercert()["serialNumber"]
            met[serial if answer.endswith(b"a page") else answer[:40].decode()] += 1
        except OSError as error:
            met[repr(error)] += 1
        time.sleep(0.05)
threads = [threading.Thread(target=visit) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
pathlib.Path("/root/met.json").write_text(json.dumps(met))
"""


@pytest.fixture(autouse=True)
def _pages(servers):
    """What can be had without an application."""
    for server in servers:
        for site in SITES:
            server.check_output(f"mkdir --parents /srv/{site}/static && printf 'a page' >/srv/{site}/static/a.txt")


def ask(server, url: str, options: str = "--insecure"):
    answer = server.run(f"{ASK} {options} '{url}'")
    assert answer.rc == 0, answer.stderr
    head, _, body = answer.stdout.replace("\r", "").partition("\n\n")
    return head, body


def shown(name: str) -> str:
    """The command that tells of the certificate that visitors of a name are shown."""
    read = "openssl x509 -noout -serial -issuer -enddate -ext subjectAltName -fingerprint -sha256"
    return f"openssl s_client -connect 127.0.0.1:443 -servername {name} </dev/null 2>/dev/null | {read}"


def certificate(server, name: str) -> str:
    return server.check_output(shown(name))


def names(server, name: str) -> set[str]:
    return set(re.findall(r"DNS:([^,\s]+)", certificate(server, name)))


@pytest.fixture
def all_issued(servers):
    """The names lead to the servers by now, but for one of each of two sites, and the timer has come by."""
    for server in servers:
        if not server.file("/root/authority.pem").exists:
            assert "Shortstop, self-signed" in certificate(server, "blog.example.com")
            server.check_output("for name in blog www.blog shop; do echo 127.0.0.1 $name.example.com >>/etc/hosts; done")
            server.check_output("systemctl start $(systemctl show --value --property Unit shortstop-certificates.timer)")
            # nginx reloads beside what it does.
            until(server, 10, f"{shown('blog.example.com')} | grep --quiet Pebble && {shown('shop.example.com')} | grep --quiet Pebble")
            server.check_output("curl --silent --fail --cacert /etc/pebble.pem https://127.0.0.1:15000/roots/0 --output /root/authority.pem")
    return servers


@pytest.fixture
def issued(all_issued, server):
    return server


def test_it_works(issued):
    head, body = ask(issued, "https://blog.example.com/static/a.txt", "--cacert /root/authority.pem")
    assert head.startswith("HTTP/2 200")
    assert body == "a page"


def test_both_timers_run(server):
    for unit in ("shortstop-certificates.timer", "certbot.timer"):
        assert server.service(unit).is_running
        assert server.service(unit).is_enabled


def test_a_certificate_is_for_all_names_that_lead_here(issued):
    assert names(issued, "blog.example.com") == names(issued, "www.blog.example.com") == {"blog.example.com", "www.blog.example.com"}
    assert names(issued, "shop.example.com") == {"shop.example.com"}


def test_what_one_site_lacks_keeps_no_other_from_its_certificate(issued):
    assert "Shortstop, self-signed" in certificate(issued, "broken.example.com")
    journal = issued.check_output("journalctl --unit shortstop-certificates.service --output cat")
    for site, name in (("broken", "broken.example.com"), ("shop", "www.shop.example.com")):
        assert f"waiting {site}: {name} has no address yet; point its DNS record to this server" in journal
    assert issued.check_output("systemctl --failed --no-legend") == ""


def test_a_run_after_that_changes_nothing_and_says_who_waits(all_issued, play):
    done = play().expect_success()
    assert done.changed == 0
    assert "waiting broken: broken.example.com has no address yet" in " ".join(done.output.split())


def test_a_name_that_comes_to_lead_here_joins_the_certificate(issued):
    issued.check_output("echo 127.0.0.1 www.shop.example.com >>/etc/hosts")
    issued.check_output("systemctl start shortstop-certificates.service")
    until(issued, 10, f"{shown('shop.example.com')} | grep --quiet www.shop")
    assert names(issued, "shop.example.com") == {"shop.example.com", "www.shop.example.com"}
    serial = certificate(issued, "shop.example.com")
    issued.check_output("systemctl start shortstop-certificates.service")
    assert certificate(issued, "shop.example.com") == serial


def test_a_certificate_of_ones_own_is_served(server):
    assert names(server, "paid.example.com") == {"paid.example.com"}
    assert "An authority" in certificate(server, "paid.example.com")


def test_a_certificate_of_ones_own_that_has_ended_replaces_none_and_stops_no_run_where_it_is(play, servers, tmp_path):
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj '/CN=An authority' -addext subjectAltName=DNS:paid.example.com"
    servers[0].check_output(f"faketime '30 days ago' {made} -keyout /root/paid.key -out /root/paid.crt")
    for part in ("key", "crt"):
        (tmp_path / f"paid.{part}").write_text(servers[0].check_output(f"cat /root/paid.{part}"), encoding="utf-8")
    play(__own_dir=str(tmp_path)).expect_failure('site "paid": key "certificate": "cert" has ended, and browsers let nobody in; renew it')
    before = [server.check_output(f"cat {OWN}") for server in servers]
    for server in servers:
        assert "An authority" in certificate(server, "paid.example.com")
        ended = "".join((tmp_path / f"paid.{part}").read_text().strip() + "\n" for part in ("key", "crt"))
        assert ended != before[0]
        put(server, OWN, ended)
    assert play(__own_dir=str(tmp_path)).expect_success().changed == 0
    for server, content in zip(servers, before, strict=True):
        put(server, OWN, content)


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("http://blog.example.com/a?b=c", "https://blog.example.com/a?b=c"),
        ("http://www.blog.example.com/a?b=c", "https://blog.example.com/a?b=c"),
        ("https://www.blog.example.com/a?b=c", "https://blog.example.com/a?b=c"),
        ("http://notes.example.com/", "https://notes.example.com/"),
    ],
)
def test_everybody_ends_at_the_first_name_and_https(server, url, location):
    head, _body = ask(server, url)
    assert re.match(r"HTTP/\S+ 301", head)
    assert header(head.lower(), "location") == location


@pytest.mark.parametrize(("site", "sent"), [("blog", "max-age=63072000"), ("paid", "max-age=63072000"), ("notes", None)])
def test_browsers_are_told_to_stay_with_https_where_the_certificate_is_anybodys(server, site, sent):
    head, _body = ask(server, f"https://{site}.example.com/static/a.txt")
    assert header(head, "strict-transport-security") == sent


def test_a_site_without_tls_stays_plain(server):
    assert ask(server, "http://plain.example.com/")[0].startswith("HTTP/1.1 502")
    refused = server.run(f"{ASK} --insecure https://plain.example.com/")
    assert refused.rc == 35


@pytest.mark.parametrize("name", ["unknown.example.com", "127.0.0.1"])
def test_a_name_that_no_site_has_gets_no_handshake(server, name):
    refused = server.run(f"{ASK} --insecure https://{name}/")
    assert (refused.rc, refused.stdout) == (35, "")


def test_another_name_inside_of_a_connection_gets_nothing(server):
    refused = server.run(f"{ASK} --insecure --http1.1 --header 'Host: unknown.example.com' https://blog.example.com/")
    # An empty reply, or an end of the connection without TLS's own goodbye: curl's versions say it differently.
    assert refused.rc in (52, 56)
    assert refused.stdout == ""


@pytest.mark.parametrize(("version", "spoken"), [("tls1", False), ("tls1_1", False), ("tls1_2", True), ("tls1_3", True)])
def test_the_versions_of_tls(server, version, spoken):
    said = server.run(f"openssl s_client -connect 127.0.0.1:443 -servername blog.example.com -{version} -cipher DEFAULT@SECLEVEL=0 </dev/null")
    assert (said.rc == 0) is spoken, said.stdout + said.stderr


def test_http_3_where_nginx_has_it(server):
    if server.backend.name.endswith("bookworm"):
        assert "http_v3_module" not in server.run("nginx -V").stderr
        assert header(ask(server, "https://blog.example.com/static/a.txt")[0], "alt-svc") is None
    else:
        head, body = ask(server, "https://blog.example.com/static/a.txt", "--insecure --http3-only")
        assert head.startswith("HTTP/3 200")
        assert body == "a page"
        assert header(head, "alt-svc") == 'h3=":443"; ma=86400'


def test_http_3_is_not_announced_where_visitors_come_by_another_port(play, servers):
    play(nginx_public_ports={"http": 8080, "https": 8443}).expect_success()
    for server in servers:
        assert header(ask(server, "https://blog.example.com/static/a.txt")[0], "alt-svc") is None
        assert server.run("ss --listening --udp --numeric --no-header | grep ':443 '").stdout == ""
    play().expect_success()
    for server in (server for server in servers if not server.backend.name.endswith("bookworm")):
        assert header(ask(server, "https://blog.example.com/static/a.txt")[0], "alt-svc") == 'h3=":443"; ma=86400'


def test_the_linter_of_nginx_finds_nothing(server, tmp_path):
    assert "No issues found" in linted(server, tmp_path)


def test_keys_are_roots_alone(issued):
    found = issued.check_output(f"find {PRIVATE} -type f ! -name '*.json' -printf '%m %U %p\\n'").splitlines()
    keys = [line for line in found if "privkey" in line or (line.endswith(".pem") and "/certificates/" in line)]
    assert len(keys) >= len(SITES) + 2
    assert {line.rpartition(" ")[0] for line in keys} == {"600 0"}
    for user in ("nobody", "www-data"):
        assert issued.run(f"runuser -u {user} -- cat /etc/shortstop/certificates/blog.pem /etc/letsencrypt/live/shortstop-blog/privkey.pem").stdout == ""
    assert "PRIVATE KEY" in issued.check_output("cat /etc/shortstop/certificates/blog.pem")


def renew(server, site: str) -> None:
    """What certbot's timer starts, on a day when the certificate has twenty days left."""
    before = certificate(server, f"{site}.example.com").splitlines()[0]
    end = server.check_output(f"openssl x509 -in /etc/shortstop/certificates/{site}.pem -noout -enddate").partition("=")[2]
    then = server.check_output(f"date --date '{end} 20 days ago' '+%Y-%m-%d %H:%M:%S'")
    server.check_output("mkdir --parents /run/systemd/system/certbot.service.d")
    command = f"ExecStart=\nExecStart=faketime '{then}' /usr/bin/certbot -q renew --no-random-sleep-on-renew --cert-name shortstop-{site}\n"
    put(server, "/run/systemd/system/certbot.service.d/then.conf", f"[Service]\n{command}")
    server.check_output(
        "systemctl daemon-reload && systemctl start certbot.service; rm --recursive /run/systemd/system/certbot.service.d; systemctl daemon-reload"
    )
    until(server, 10, f"! {shown(f'{site}.example.com')} | grep --quiet --fixed-strings '{before}'")


# Wildcards


def account(server, what: str):
    return json.loads(server.check_output(f"curl --silent --fail http://127.0.0.1:8766/_fake/{what}"))


def texts(server) -> list[str]:
    return [record["data"] for record in account(server, "state")["records"].values() if record["type"] == "TXT"]


def test_a_wildcard_is_proven_by_dns_in_the_first_run(server):
    # The wildcard is for www, too, and an authority takes no name beside the wildcard that holds it.
    assert names(server, "any.wild.example.com") == {"wild.example.com", "*.wild.example.com"}
    assert "Pebble" in certificate(server, "any.wild.example.com")
    made = [request["body"] for request in account(server, "requests")["requests"] if request["method"] == "POST" and request["path"].endswith("/records")]
    assert {(record["type"], record["name"]) for record in made} == {("TXT", "_acme-challenge")}
    assert texts(server) == []


def test_a_name_below_a_wildcard_is_served_as_it_is(server):
    assert header(ask(server, "http://any.wild.example.com/a?b=c")[0].lower(), "location") == "https://any.wild.example.com/a?b=c"
    assert ask(server, "https://any.wild.example.com/static/a.txt")[1] == "a page"
    assert header(ask(server, "https://www.wild.example.com/a")[0].lower(), "location") == "https://wild.example.com/a"


def test_the_account_s_token_is_in_one_file_that_root_alone_reads(server):
    found = server.check_output("grep --recursive --files-with-matches dop_v1_wild /etc /var/log /var/lib/shortstop /usr/local/lib/shortstop || true")
    assert found == "/etc/shortstop/dns_challenge.json"
    assert server.check_output(f"stat --format '%a %U' {found}") == "600 root"


def test_a_wildcard_is_renewed_by_the_server_alone(server):
    renew(server, "wild")
    assert names(server, "any.wild.example.com") == {"wild.example.com", "*.wild.example.com"}
    assert texts(server) == []


# Renewal


def test_a_renewal_is_noticed_by_no_visitor(issued):
    put(issued, "/root/visitors.py", VISITORS)
    issued.check_output("rm --force /root/stop /root/met.json; systemd-run --quiet --collect --unit visitors python3 /root/visitors.py")
    before = certificate(issued, "blog.example.com")
    renew(issued, "blog")
    after = certificate(issued, "blog.example.com")
    # Some visits more, to the new one.
    until(issued, 10, "! pgrep --full 'worker process is shutting dow[n]'")
    issued.check_output("touch /root/stop")
    until(issued, 20, "[ -s /root/met.json ]")
    met = Counter(json.loads(issued.check_output("cat /root/met.json")))
    serials = [re.search("serial=(.*)", text)[1] for text in (before, after)]
    print(f"{issued.backend.name}: {dict(met)}")
    assert serials[0] != serials[1]
    assert set(met) == set(serials)
    assert min(met.values()) > 0


def test_sslyze_finds_nothing_but_the_private_authority(issued):
    """Mozilla's intermediate profile; https://127.0.0.1 is the port that the test host publishes."""
    port = subprocess.run(["docker", "port", issued.backend.name, "443/tcp"], capture_output=True, text=True, check=True).stdout.strip().rpartition(":")[2]
    said = subprocess.run(
        ["sslyze", "--mozilla_config", "intermediate", f"blog.example.com:{port}{{127.0.0.1}}"], capture_output=True, text=True, check=False
    ).stdout
    complaints = re.findall(r"^ +\* ([a-z_]+):", said.partition("COMPLIANCE AGAINST")[2], re.MULTILINE)
    assert complaints == ["certificate_path_validation"], said[-3000:]
