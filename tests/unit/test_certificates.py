"""The program that keeps a server's certificates: what it makes, asks for, waits for and takes away."""

from __future__ import annotations

import datetime
import http.client
import http.server
import importlib.util
import json
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("certificates", ROOT / "roles/nginx/files/certificates.py")
CA = "https://ca.example.com/directory"
DOMAINS = ["blog.example.com", "www.blog.example.com"]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """The program with places of its own, on a machine without nginx."""
    module = importlib.util.module_from_spec(SPEC)
    # A data class looks itself up there.
    monkeypatch.setitem(sys.modules, "certificates", module)
    SPEC.loader.exec_module(module)
    for name in ("DIRECTORY", "WEBROOT", "CERTBOT"):
        place = tmp_path / name.lower()
        place.mkdir()
        monkeypatch.setattr(module, name, place)
    for name in ("LOCK", "RELOAD", "REFUSALS"):
        monkeypatch.setattr(module, name, tmp_path / name.lower())
    monkeypatch.setattr(module, "CONFIGURATION", tmp_path / "certificates.json")
    module.reloads = []
    monkeypatch.setattr(module, "reload_nginx", lambda: module.reloads.append(True))
    return module


@pytest.fixture
def wanted(program):
    """A function that says what is wanted: sites(blog=("acme", DOMAINS)), with `preflight` off unless given."""

    def sites(preflight=False, **given):
        configuration = {"directory": CA, "email": "", "ca_file": "/etc/ca.pem", "preflight": preflight}
        configuration["sites"] = {site: {"tls": tls, "domains": domains} for site, (tls, domains) in given.items()}
        program.CONFIGURATION.write_text(json.dumps(configuration))
        return program.Certificates(configuration)

    return sites


@pytest.fixture
def certbot(program, monkeypatch):
    """Stands in for certbot: keeps each command line, and makes what `certonly` asks for unless a domain is refused."""
    lines, refused = [], {}

    def run(command, **options):
        if command[0] != "certbot":
            return real(command, **options)
        lines.append(command)
        run.environments.append(options["env"])
        names = [command[index + 1] for index, word in enumerate(command) if word == "--domain"]
        assert options["env"]["REQUESTS_CA_BUNDLE"] == "/etc/ca.pem"
        said = "".join(f"  Domain: {name}\n  Detail: {refused[name]}\n" for name in names if name in refused)
        if said:
            return subprocess.CompletedProcess(command, 1, said, "Some challenges have failed.\nSee the log")
        if "certonly" in command:
            lineage(program, command[command.index("--cert-name") + 1], names)
        return subprocess.CompletedProcess(command, 0, "", "")

    real = subprocess.run
    monkeypatch.setattr(program.subprocess, "run", run)
    run.lines, run.refused, run.environments = lines, refused, []
    return run


def lineage(program, name, names, server=CA, left=None):
    """What certbot keeps of a certificate, with so many days left if not all. Its issuer is none of ours."""
    live = program.CERTBOT / "live" / name
    live.mkdir(parents=True, exist_ok=True)
    issuer, program.ISSUER = program.ISSUER, "A public authority"
    pem = program.self_sign(names) if left is None else aged(names, left)
    key, mark, certificate = pem.partition("-----BEGIN CERTIFICATE-----")
    program.ISSUER = issuer
    (live / "privkey.pem").write_text(key)
    for file in ("cert.pem", "fullchain.pem"):
        (live / file).write_text(mark + certificate)
    (program.CERTBOT / "renewal").mkdir(exist_ok=True)
    (program.CERTBOT / "renewal" / f"{name}.conf").write_text(f"[renewalparams]\nserver = {server}\n")


def aged(names, left):
    """Key and certificate of ninety days, of which so many are left."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A public authority")])
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=left)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(end - datetime.timedelta(days=90)).not_valid_after(end)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    pem_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (pem_key + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)).decode()


def installed(program, site):
    return program.read(program.DIRECTORY / f"{site}.pem")


# Self-signed


def test_it_works(program, wanted):
    assert wanted(blog=("acme", DOMAINS)).prepare() == ["self-signed blog: blog.example.com www.blog.example.com"]
    found = installed(program, "blog")
    assert (found.names, found.self_signed, found.ends_soon) == (set(DOMAINS), True, False)


def test_a_file_holds_a_key_that_only_root_reads(program, wanted):
    wanted(blog=("acme", DOMAINS)).prepare()
    file = program.DIRECTORY / "blog.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().count("-----BEGIN") == 2
    assert [path.name for path in program.DIRECTORY.iterdir()] == ["blog.pem"]


def test_what_is_there_stays(program, wanted):
    certificates = wanted(blog=("acme", DOMAINS))
    certificates.prepare()
    before = (program.DIRECTORY / "blog.pem").read_bytes()
    assert certificates.prepare() == []
    assert (program.DIRECTORY / "blog.pem").read_bytes() == before


def test_other_names_need_another_certificate(program, wanted):
    wanted(blog=("self-signed", DOMAINS)).prepare()
    assert wanted(blog=("self-signed", ["blog.example.com"])).prepare() == ["self-signed blog: blog.example.com"]
    assert installed(program, "blog").names == {"blog.example.com"}


def test_one_that_soon_ends_is_made_anew(program, wanted, monkeypatch):
    monkeypatch.setattr(program, "DAYS", program.RENEW_BEFORE_DAYS - 1)
    certificates = wanted(blog=("self-signed", DOMAINS))
    certificates.prepare()
    assert installed(program, "blog").ends_soon
    monkeypatch.setattr(program, "DAYS", program.RENEW_BEFORE_DAYS + 1)
    assert len(certificates.prepare()) == 1
    assert certificates.prepare() == []


def test_a_file_without_a_certificate_is_replaced(program, wanted):
    (program.DIRECTORY / "blog.pem").write_text("rubbish")
    assert len(wanted(blog=("self-signed", DOMAINS)).prepare()) == 1
    assert installed(program, "blog").self_signed


@pytest.mark.parametrize(("tls", "kept"), [("acme", True), ("own", True), ("self-signed", False)])
def test_a_better_certificate_stays_unless_self_signed_is_wanted(program, wanted, certbot, tls, kept):
    wanted(blog=("acme", DOMAINS)).issue()
    wanted(blog=(tls, ["other.example.com"])).prepare()
    assert installed(program, "blog").self_signed is not kept


def test_pretending_changes_nothing(program, wanted):
    assert wanted(blog=("acme", DOMAINS)).prepare(pretend=True) == ["self-signed blog: blog.example.com www.blog.example.com"]
    assert list(program.DIRECTORY.iterdir()) == []
    wanted(blog=("acme", DOMAINS)).prepare()
    assert wanted().prune(pretend=True) == ["removed blog: no site has it any more"]
    assert installed(program, "blog")


def test_what_no_site_has_goes(program, wanted, certbot):
    wanted(blog=("acme", DOMAINS), shop=("acme", ["shop.example.com"])).issue()
    lineage(program, "mail.example.com", ["mail.example.com"])
    assert wanted(shop=("acme", ["shop.example.com"])).prune() == [
        "removed blog: no site has it any more",
        "removed blog: certbot no longer renews it",
    ]
    assert certbot.lines[-1] == ["certbot", "--non-interactive", "delete", "--cert-name", "shortstop-blog"]
    assert {file.name for file in program.DIRECTORY.iterdir()} == {"shop.pem"}


def test_what_certbot_does_not_forget_is_told(program, wanted, certbot, monkeypatch):
    lineage(program, "shortstop-blog", DOMAINS)

    def refuse(_self, *_arguments):
        raise program.Refused("certbot refused: it is locked")

    monkeypatch.setattr(program.Certificates, "certbot", refuse)
    assert wanted().prune() == ["waiting blog: certbot still renews its certificate, which no site has any more: certbot refused: it is locked"]


# The ACME server


def test_what_is_missing_is_asked_for_once(program, wanted, certbot):
    certificates = wanted(blog=("acme", DOMAINS), notes=("self-signed", ["notes.example.com"]))
    assert certificates.issue() == ["issued blog: blog.example.com www.blog.example.com"]
    assert not installed(program, "blog").self_signed
    assert certificates.issue() == []
    assert len(certbot.lines) == len(program.reloads) == 1
    assert f"--server {CA} " in " ".join(certbot.lines[0])
    assert "--register-unsafely-without-email" in certbot.lines[0]
    assert "--force-renewal" not in certbot.lines[0]


def test_a_refusal_is_said_and_keeps_no_other_site_waiting(program, wanted, certbot):
    certbot.refused["www.blog.example.com"] = "no valid A records found"
    certificates = wanted(blog=("acme", DOMAINS), shop=("acme", ["shop.example.com"]))
    certificates.prepare()
    assert certificates.issue() == [
        "waiting blog: the ACME server refused: www.blog.example.com; no valid A records found",
        "issued shop: shop.example.com",
    ]
    assert installed(program, "blog").self_signed
    assert not installed(program, "shop").self_signed


def test_a_new_name_and_a_new_authority_are_asked_for(program, wanted, certbot):
    wanted(blog=("acme", DOMAINS[:1])).issue()
    assert wanted(blog=("acme", DOMAINS)).issue() == ["issued blog: blog.example.com www.blog.example.com"]
    lineage(program, "shortstop-blog", DOMAINS, server="https://staging.example.com/directory")
    assert wanted(blog=("acme", DOMAINS)).issue() == ["issued blog: blog.example.com www.blog.example.com"]
    assert "--force-renewal" in certbot.lines[-1]


def test_a_site_that_comes_back_gets_what_certbot_still_has(program, wanted, certbot):
    lineage(program, "shortstop-blog", DOMAINS)
    certificates = wanted(blog=("acme", DOMAINS))
    certificates.prepare()
    assert certificates.issue() == []
    assert not installed(program, "blog").self_signed
    assert (certbot.lines, len(program.reloads)) == ([], 1)


# A name that leaves, an order that is refused


@pytest.fixture
def away(program, monkeypatch):
    """The names that do not lead here."""
    names = set()

    def ask(domain):
        if domain in names:
            raise program.Refused(f"{domain} has no address yet")

    monkeypatch.setattr(program, "ask", ask)
    return names


def test_a_name_that_has_left_keeps_no_certificate_from_its_renewal(program, wanted, certbot, away):
    away.add("www.blog.example.com")
    certificates = wanted(True, blog=("acme", DOMAINS))
    # certbot tries by itself first.
    lineage(program, "shortstop-blog", DOMAINS, left=29)
    assert certificates.issue() == []
    lineage(program, "shortstop-blog", DOMAINS, left=17)
    assert certificates.issue() == ["waiting blog: www.blog.example.com has no address yet", "issued blog: blog.example.com"]
    assert "--force-renewal" in certbot.lines[-1]
    assert installed(program, "blog").names == {"blog.example.com"}
    assert certificates.issue() == ["waiting blog: www.blog.example.com has no address yet"]
    assert len(certbot.lines) == 1


def test_what_certbot_could_not_renew_is_ordered_whole_where_all_names_lead_here(program, wanted, certbot, away):
    lineage(program, "shortstop-blog", DOMAINS, left=17)
    assert wanted(True, blog=("acme", DOMAINS)).issue() == ["issued blog: blog.example.com www.blog.example.com"]
    assert not installed(program, "blog").overdue


def test_a_name_that_is_away_for_a_moment_stays_on_the_certificate(program, wanted, certbot, away):
    away.add("new.example.com")
    certificates = wanted(True, blog=("acme", [*DOMAINS, "new.example.com"]))
    certificates.issue()
    away.add("www.blog.example.com")
    gone, new = (f"waiting blog: {name} has no address yet" for name in ("www.blog.example.com", "new.example.com"))
    assert certificates.issue() == [gone, new]
    away.remove("new.example.com")
    assert certificates.issue() == [
        gone,
        "waiting blog: new.example.com joins once www.blog.example.com leads here again, or is none of the site's domains any more",
    ]
    assert installed(program, "blog").names == set(DOMAINS)
    assert len(certbot.lines) == 1
    away.clear()
    assert certificates.issue() == ["issued blog: blog.example.com www.blog.example.com new.example.com"]


def test_a_name_that_the_inventory_gives_up_leaves_the_certificate(program, wanted, certbot, away):
    wanted(True, blog=("acme", DOMAINS)).issue()
    assert wanted(True, blog=("acme", DOMAINS[:1])).issue() == ["issued blog: blog.example.com"]


@pytest.fixture
def now(program, monkeypatch):
    """Sets the clock: now(seconds) lets so many pass."""
    clock = [program.time.time()]
    monkeypatch.setattr(program.time, "time", lambda: clock[0])

    def passed(seconds):
        clock[0] += seconds

    return passed


def test_what_the_acme_server_refuses_is_asked_for_less_and_less(program, wanted, certbot, now):
    certbot.refused["blog.example.com"] = "paused"
    certificates = wanted(blog=("acme", DOMAINS))
    asked = []
    for _ in range(4 * 24 * 3):  # three days of quarters of an hour
        certificates.issue(patient=True)
        asked.append(len(certbot.lines))
        now(15 * 60)
    # After 15 and 30 minutes, 1, 2, 4 and 8 hours, then each twelve.
    assert [quarter for quarter, lines in enumerate(asked) if quarter == 0 or lines > asked[quarter - 1]] == [0, 1, 3, 7, 15, 31, 63, 111, 159, 207, 255]


def test_whoever_waits_is_told_until_when(program, wanted, certbot, capsys):
    certbot.refused["blog.example.com"] = "paused"
    wanted(blog=("acme", DOMAINS))
    for command in ("issue", "retry"):
        assert program.main([command]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "waiting blog: the ACME server refused: blog.example.com; paused"
    assert second.startswith(f"{first}; asked again after ")
    assert len(certbot.lines) == 1


def test_an_operator_need_not_wait_nor_who_asks_for_other_names(program, wanted, certbot):
    certbot.refused["www.blog.example.com"] = "paused"
    wanted(blog=("acme", DOMAINS)).issue()
    wanted(blog=("acme", DOMAINS)).issue()
    assert len(certbot.lines) == 2
    assert wanted(blog=("acme", DOMAINS[:1])).issue(patient=True) == ["issued blog: blog.example.com"]
    assert program.known_refusals() == {}


def test_a_site_that_makes_trouble_keeps_no_other_waiting(program, wanted, certbot):
    lineage(program, "shortstop-blog", DOMAINS)
    (program.CERTBOT / "live/shortstop-blog/privkey.pem").unlink()
    trouble, issued = wanted(blog=("acme", DOMAINS), shop=("acme", ["shop.example.com"])).issue()
    assert trouble.startswith("waiting blog: ")
    assert "privkey.pem" in trouble
    assert (issued, len(program.reloads)) == ("issued shop: shop.example.com", 1)


def test_a_reload_that_fails_is_tried_again(program, wanted, certbot, monkeypatch):
    def fail():
        raise subprocess.CalledProcessError(1, ["nginx", "-t"])

    certificates = wanted(blog=("acme", DOMAINS))
    waiting = "waiting nginx: what was issued is in place, and nginx reads it at the next try: nginx -t ended with status 1"
    with monkeypatch.context() as patch:
        patch.setattr(program, "reload_nginx", fail)
        assert certificates.issue() == ["issued blog: blog.example.com www.blog.example.com", waiting]
        assert certificates.issue() == [waiting]
    assert certificates.issue() == []
    assert len(program.reloads) == 1
    certificates.issue()
    assert len(program.reloads) == 1


def test_a_renewal_is_put_where_nginx_reads(program, wanted, certbot, monkeypatch, capsys):
    wanted(blog=("acme", DOMAINS)).issue()
    before = (program.DIRECTORY / "blog.pem").read_text()
    lineage(program, "shortstop-blog", DOMAINS)
    monkeypatch.setenv("RENEWED_LINEAGE", str(program.CERTBOT / "live/shortstop-blog"))
    assert program.main(["installed"]) == 0
    assert capsys.readouterr().out == "renewed blog\n"
    assert (program.DIRECTORY / "blog.pem").read_text() != before
    assert len(program.reloads) == 2


def test_an_order_of_the_program_itself_is_no_renewal(program, wanted, monkeypatch, certbot):
    wanted(blog=("acme", DOMAINS)).issue()
    lineage(program, "shortstop-blog", DOMAINS)
    before = (program.DIRECTORY / "blog.pem").read_text()
    monkeypatch.setenv("RENEWED_LINEAGE", str(program.CERTBOT / "live/shortstop-blog"))
    monkeypatch.setenv("SHORTSTOP_ISSUING", certbot.environments[0]["SHORTSTOP_ISSUING"])
    with program.LOCK.open("w") as lock:
        program.fcntl.flock(lock, program.fcntl.LOCK_EX)
        assert program.main(["installed"]) == 0
    assert (program.DIRECTORY / "blog.pem").read_text() == before


def test_a_renewal_of_somebody_elses_is_left_alone(program, wanted, monkeypatch, capsys):
    wanted(blog=("acme", DOMAINS))
    lineage(program, "mail.example.com", ["mail.example.com"])
    monkeypatch.setenv("RENEWED_LINEAGE", str(program.CERTBOT / "live/mail.example.com"))
    assert program.main(["installed"]) == 0
    assert (program.reloads, list(program.DIRECTORY.iterdir())) == ([], [])


# Wildcards


WILD = ["example.com", "*.example.com"]


@pytest.fixture
def dns_challenge(program, monkeypatch, tmp_path):
    """Stands in for the program that answers DNS challenges: dns_challenge("print('{}')")."""

    def become(text):
        (tmp_path / "dns_challenge.py").write_text(text)
        monkeypatch.setattr(program, "DNS_CHALLENGE", [sys.executable, str(tmp_path / "dns_challenge.py")])

    return become


def test_a_wildcard_is_proven_by_dns(program, wanted, certbot, dns_challenge):
    dns_challenge("import sys; assert sys.argv[1:] == ['check', 'example.com', '*.example.com']; print('{}')")
    certificates = wanted(blog=("acme", WILD), shop=("acme", ["shop.example.com"]))
    certificates.preflight = True
    certificates.leading_here = lambda domains: (domains, [])
    assert certificates.issue() == ["issued blog: example.com *.example.com", "issued shop: shop.example.com"]
    assert installed(program, "blog").names == set(WILD)
    hooks = dict(zip(certbot.lines[0], certbot.lines[0][1:], strict=False))
    assert (hooks["--preferred-challenges"], hooks["--manual-auth-hook"], hooks["--manual-cleanup-hook"]) == (
        "dns",
        f"{sys.executable} {program.DNS_CHALLENGE[1]} answer",
        f"{sys.executable} {program.DNS_CHALLENGE[1]} clean",
    )
    assert "--manual" in certbot.lines[0]
    assert "--manual" not in certbot.lines[1]


def test_a_name_that_a_wildcard_holds_is_not_ordered_beside_it(program, wanted, certbot):
    certificates = wanted(blog=("acme", [*WILD, "www.example.com"]), shop=("acme", ["www.shop.example.com", "*.shop.example.com"]))
    assert certificates.issue() == ["issued blog: example.com *.example.com", "issued shop: *.shop.example.com"]
    assert certificates.issue() == []


def test_a_name_that_the_account_does_not_have_is_told(program, wanted, certbot, dns_challenge):
    dns_challenge("""print('{"*.example.org": "no domain holds it"}')""")
    certificates = wanted(True, blog=("acme", [*WILD, "*.example.org"]))
    assert certificates.issue() == ["waiting blog: *.example.org: no domain holds it", "issued blog: example.com *.example.com"]


def test_an_account_that_does_not_open_is_told(program, wanted, certbot, dns_challenge):
    dns_challenge("import sys; sys.exit('there is no usable token')")
    certificates = wanted(True, blog=("acme", WILD))
    assert certificates.issue() == [f"waiting blog: {name}: there is no usable token" for name in WILD]
    assert certbot.lines == []


# The names


@pytest.fixture
def web(program, monkeypatch):
    """Web servers on this machine: web(address) answers as ours, or with what is given. Returns what names lead to."""
    servers, names, ports = [], {}, {}

    def serve(address, answer=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                file = Path(f"{program.WEBROOT}{self.path}")
                self.send_response(200 if answer is None else answer)
                self.end_headers()
                self.wfile.write(file.read_bytes() if answer is None else b"something else")

            def log_message(self, *_arguments):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        ports[address] = server.server_port

    class Connection(http.client.HTTPConnection):
        def connect(self):
            if self.host not in ports:
                raise unreachable.get(self.host, ConnectionRefusedError())
            self.host, self.port = "127.0.0.1", ports[self.host]
            super().connect()

    def resolve(name, port, *arguments, **_options):
        if arguments:  # a connection's own question
            return real(name, port, *arguments)
        if name not in names:
            raise OSError("no such name")
        return [(None, None, None, None, (address, 80)) for address in names[name]]

    unreachable, real = {}, program.socket.getaddrinfo
    monkeypatch.setattr(program.http.client, "HTTPConnection", Connection)
    monkeypatch.setattr(program.socket, "getaddrinfo", resolve)
    serve.names, serve.unreachable = names, unreachable
    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_name_that_leads_here(program, web):
    web("192.0.2.1")
    web.names["blog.example.com"] = ["192.0.2.1"]
    program.ask("blog.example.com")
    assert list((program.WEBROOT / ".well-known/acme-challenge").iterdir()) == []


@pytest.mark.parametrize(
    ("addresses", "sentence"),
    [
        ([], "blog.example.com has no address yet; point its DNS record to this server"),
        (["192.0.2.2"], "blog.example.com leads to 192.0.2.2, which is another server (status 200); point its DNS record to this one"),
        (["192.0.2.3"], "blog.example.com leads to 192.0.2.3, which is another server (status 404); point its DNS record to this one"),
        (["192.0.2.4"], "blog.example.com leads to 192.0.2.4, which refuses connections at port 80; point it to this server, or open the port"),
        (["192.0.2.5"], "blog.example.com leads to 192.0.2.5, which does not answer at port 80; point it to this server, or open the port"),
        # The authority asks any of them.
        (["192.0.2.1", "192.0.2.2"], "blog.example.com leads to 192.0.2.2, which is another server (status 200); point its DNS record to this one"),
        (["2001:db8::1"], "blog.example.com has addresses that this server cannot reach: 2001:db8::1"),
    ],
)
def test_a_name_that_leads_elsewhere(program, web, addresses, sentence):
    web("192.0.2.1")
    web("192.0.2.2", 200)
    web("192.0.2.3", 404)
    web.unreachable.update({"192.0.2.5": TimeoutError(), "2001:db8::1": OSError("Network is unreachable")})
    web.names.update({"blog.example.com": addresses} if addresses else {})
    with pytest.raises(program.Refused) as refused:
        program.ask("blog.example.com")
    assert str(refused.value) == sentence
    assert list((program.WEBROOT / ".well-known/acme-challenge").iterdir()) == []


def test_an_address_that_cannot_be_reached_from_here_tells_nothing(program, web):
    web("192.0.2.1")
    web.unreachable["2001:db8::1"] = OSError("Network is unreachable")
    web.names["blog.example.com"] = ["192.0.2.1", "2001:db8::1"]
    program.ask("blog.example.com")


def test_a_further_name_that_leads_elsewhere_waits_by_itself(program, wanted, certbot, web):
    web("192.0.2.1")
    web.names["blog.example.com"] = ["192.0.2.1"]
    certificates = wanted(preflight=True, blog=("acme", DOMAINS))
    waits = "waiting blog: www.blog.example.com has no address yet; point its DNS record to this server"
    assert certificates.issue() == [waits, "issued blog: blog.example.com"]
    assert certificates.issue() == [waits]
    assert len(certbot.lines) == 1
    web.names["www.blog.example.com"] = ["192.0.2.1"]
    assert certificates.issue() == ["issued blog: blog.example.com www.blog.example.com"]
    assert installed(program, "blog").names == set(DOMAINS)


def test_nothing_is_asked_for_while_the_first_name_leads_elsewhere(wanted, certbot, web):
    web("192.0.2.1")
    web.names["www.blog.example.com"] = ["192.0.2.1"]
    certificates = wanted(preflight=True, blog=("acme", DOMAINS))
    assert certificates.issue() == ["waiting blog: blog.example.com has no address yet; point its DNS record to this server"]
    assert certbot.lines == []


def test_a_wrong_command_is_told_the_right_ones(program, wanted, capsys):
    wanted()
    assert program.main(["renew"]) == 2
    assert "certificates.py issue" in capsys.readouterr().err
