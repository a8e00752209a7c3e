"""The certificates of a server's sites: one file for each, /etc/shortstop/certificates/SITE.pem, key and chain together.

    certificates.py prepare     give every site a file that nginx can read, self-signed until there is a better one
    certificates.py prune       take away what no site has any more
    certificates.py issue       ask the ACME server for what is missing, as far as the names lead here
    certificates.py retry       the same, but leave what it refused alone for a while, the longer the more often it did
    certificates.py installed   what certbot calls after a renewal

What is wanted stands in /etc/shortstop/certificates.json. One line for each thing that was done or that waits; what waits
is no failure. certbot keeps the accounts and the orders, and its own timer renews.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import secrets
import shlex
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = Path("/etc/shortstop/certificates.json")
DIRECTORY = Path("/etc/shortstop/certificates")
WEBROOT = Path("/var/lib/shortstop/acme")
CERTBOT = Path("/etc/letsencrypt")
# In a directory that only root enters: whoever can open a lock can hold it, or one of these would make nginx reload.
LOCK, RELOAD, REFUSALS = DIRECTORY / ".lock", DIRECTORY / ".reload", DIRECTORY / ".refusals.json"
ISSUER = "Shortstop, self-signed"
DNS_CHALLENGE = ["/usr/bin/python3", "-I", str(Path(__file__).with_name("dns_challenge.py"))]
ISSUING = "SHORTSTOP_ISSUING"  # in the environment of a certbot that this program started
PREFIX = "shortstop-"  # of certbot's names for what is ours
DAYS = 365
RENEW_BEFORE_DAYS = 30
# certbot renews when a third is left. Where that fails for days, a name has left for good.
OVERDUE = 1 / 5  # of its time
FIRST_WAIT, LONGEST_WAIT = 15 * 60, 12 * 3600  # seconds
SECONDS_TO_ANSWER = 10


class Refused(Exception):
    """A name that does not lead here, or an order that the ACME server turned down; the message is a sentence."""


@dataclass(frozen=True)
class Certificate:
    """What stands in a certificate: its names, whether it is one of our own making, and how many seconds it lasts and has left."""

    names: frozenset[str]
    self_signed: bool
    lasts: float
    left: float

    @property
    def ends_soon(self) -> bool:
        return self.left < RENEW_BEFORE_DAYS * 24 * 3600

    @property
    def overdue(self) -> bool:
        return self.left < self.lasts * OVERDUE


def read(file: Path) -> Certificate | None:
    """The first certificate of a PEM file; None where there is none."""
    asked = subprocess.run(
        ["openssl", "x509", "-in", file, "-noout", "-issuer", "-nameopt", "utf8", "-dates", "-ext", "subjectAltName"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "notAfter=" not in asked.stdout:
        return None
    told = dict(re.findall(r"^(issuer|notBefore|notAfter)=(.*)$", asked.stdout, re.MULTILINE))
    begin, end = (ssl.cert_time_to_seconds(told[name]) for name in ("notBefore", "notAfter"))
    names = frozenset(re.findall(r"DNS:([^,\s]+)", asked.stdout))
    return Certificate(names, ISSUER in told["issuer"], end - begin, end - time.time())


def write(file: Path, content: str) -> None:
    """Put a file that only root reads in the place of the old one at once."""
    # mkstemp gives it 0600 from the start.
    handle, scratch = tempfile.mkstemp(dir=file.parent, prefix=".")
    with os.fdopen(handle, "w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(scratch, file)


def self_sign(names: list[str]) -> str:
    """A new key and a certificate of its own for these names, as PEM."""
    with tempfile.TemporaryDirectory() as directory:
        key, certificate = Path(directory, "key"), Path(directory, "certificate")
        form = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(DAYS)]
        content = ["-subj", f"/CN={ISSUER}", "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
        subprocess.run(["openssl", "req", "-x509", *form, *content, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return key.read_text() + certificate.read_text()


class Certificates:
    """What is wanted, and the way there."""

    def __init__(self, configuration: dict) -> None:
        self.sites: dict[str, dict] = configuration["sites"]
        self.directory: str = configuration["directory"]
        self.email: str = configuration["email"]
        self.ca_file: str = configuration["ca_file"]
        self.preflight: bool = configuration["preflight"]

    @staticmethod
    def file(site: str) -> Path:
        return DIRECTORY / f"{site}.pem"

    @staticmethod
    def lineage(site: str) -> Path:
        return CERTBOT / "live" / f"{PREFIX}{site}"

    def prepare(self, pretend: bool = False) -> list[str]:
        """Self-sign what has nothing better."""
        done = []
        for site, wanted in self.sites.items():
            if wanted["tls"] == "own":
                continue
            found = read(self.file(site))
            stale = found is not None and found.self_signed and (found.names != set(wanted["domains"]) or found.ends_soon)
            foreign = found is not None and not found.self_signed and wanted["tls"] == "self-signed"
            if found is None or stale or foreign:
                done.append(f"self-signed {site}: {' '.join(wanted['domains'])}")
                if not pretend:
                    write(self.file(site), self_sign(wanted["domains"]))
        return done

    def prune(self, pretend: bool = False) -> list[str]:
        """Take away what no site has any more."""
        done = []
        for file in sorted(DIRECTORY.glob("*.pem")):
            if file.stem not in self.sites:
                done.append(f"removed {file.stem}: no site has it any more")
                if not pretend:
                    file.unlink()
        for lineage in sorted((CERTBOT / "live").glob(f"{PREFIX}*")):
            if self.sites.get(lineage.name.removeprefix(PREFIX), {}).get("tls") != "acme":
                site = lineage.name.removeprefix(PREFIX)
                try:
                    if not pretend:
                        self.certbot("delete", "--cert-name", lineage.name)
                    done.append(f"removed {site}: certbot no longer renews it")
                except Refused as refused:
                    done.append(f"waiting {site}: certbot still renews its certificate, which no site has any more: {refused}")
        return done

    def issue(self, patient: bool = False) -> list[str]:
        """Ask for what is missing, each site by itself: what one lacks keeps no other from its certificate."""
        said = []
        for site, wanted in self.sites.items():
            if wanted["tls"] != "acme":
                continue
            try:
                said += self.issue_one(site, wanted["domains"], patient)
            except (OSError, ValueError) as error:
                said.append(f"waiting {site}: {error}")
        return said + reload_if_due()

    def issue_one(self, site: str, domains: list[str], patient: bool) -> list[str]:
        names = ordered(domains)
        found = read(self.lineage(site) / "cert.pem") if self.ordered_from(site) == self.directory else None
        covered, overdue = (found.names, found.overdue) if found else (frozenset(), False)
        if covered:
            self.install(site)
        if covered == set(names) and not overdue:
            return []
        look = self.within_the_account if by_dns(names) else self.leading_here
        ready, waiting = look(names) if self.preflight else (names, [])
        said = [f"waiting {site}: {sentence}" for sentence in waiting]
        # Its first name is what all others lead to: without it, a certificate is of no use.
        if not proven_by(ready, domains[0]) or (covered == set(ready) and not overdue):
            return said
        lost, new = ([name for name in names if name in some and name not in others] for some, others in ((covered, ready), (ready, covered)))
        # A name that is away for a moment keeps its certificate: visitors come by it again.
        if lost and not overdue:
            return said + [f"waiting {site}: {name} joins once {', '.join(lost)} leads here again, or is none of the site's domains any more" for name in new]
        try:
            self.order(site, ready, patient)
        except Refused as refused:
            return [*said, f"waiting {site}: {refused}"]
        self.install(site)
        return [*said, f"issued {site}: {' '.join(ready)}"]

    def ordered_from(self, site: str) -> str:
        """The directory of the ACME server that a site's certificate came from."""
        try:
            text = (CERTBOT / "renewal" / f"{PREFIX}{site}.conf").read_text()
        except FileNotFoundError:
            return ""
        found = re.search(r"^server = (.+)$", text, re.MULTILINE)
        return found[1] if found else ""

    def order(self, site: str, domains: list[str], patient: bool) -> None:
        refusals = {site: refusal for site, refusal in known_refusals().items() if site in self.sites}
        order = {"directory": self.directory, "domains": domains}
        before = refusals.pop(site, {})
        if before.get("order") != order:
            before = {"times": 0, "until": 0}
        if patient and time.time() < before["until"]:
            raise Refused(f"{before['said']}; asked again after {time.strftime('%H:%M', time.localtime(before['until']))}")
        try:
            self.ask_for(site, domains)
        except Refused as refused:
            wait = min(FIRST_WAIT * 2 ** before["times"], LONGEST_WAIT)
            refusals[site] = {"order": order, "times": before["times"] + 1, "until": time.time() + wait, "said": str(refused)}
            raise
        finally:
            write(REFUSALS, json.dumps(refusals))

    def ask_for(self, site: str, domains: list[str]) -> None:
        contact = ["--email", self.email] if self.email else ["--register-unsafely-without-email"]
        names = [argument for domain in domains for argument in ("--domain", domain)]
        # What came from another server is current in certbot's eyes.
        force = ["--force-renewal"] if self.lineage(site).exists() else []
        how = ["--webroot", "--webroot-path", str(WEBROOT)]
        if by_dns(domains):
            answer, clean = (shlex.join([*DNS_CHALLENGE, what]) for what in ("answer", "clean"))
            how = ["--manual", "--preferred-challenges", "dns", "--manual-auth-hook", answer, "--manual-cleanup-hook", clean]
        self.certbot(
            *("certonly", *how, "--cert-name", PREFIX + site, "--key-type", "ecdsa"),
            *("--server", self.directory, "--agree-tos", "--renew-with-new-domains", *contact, *force, *names),
        )

    def certbot(self, *arguments: str) -> None:
        environment = {**os.environ, ISSUING: "1", **({"REQUESTS_CA_BUNDLE": self.ca_file} if self.ca_file else {})}
        asked = subprocess.run(["certbot", "--non-interactive", *arguments], env=environment, capture_output=True, text=True, check=False)
        if asked.returncode:
            raise Refused(_reason(asked.stdout + asked.stderr, "certbot" if arguments[0] == "delete" else "the ACME server"))

    def install(self, site: str) -> bool:
        """Put what certbot holds where nginx reads it; True if that was news, of which nginx is yet to be told."""
        lineage, file = self.lineage(site), self.file(site)
        content = (lineage / "privkey.pem").read_text() + (lineage / "fullchain.pem").read_text()
        if file.is_file() and file.read_text() == content:
            return False
        RELOAD.touch()
        write(file, content)
        return True

    def leading_here(self, domains: list[str]) -> tuple[list[str], list[str]]:
        """The names that lead to this server, and a sentence for each that does not."""
        ready, waiting = [], []
        for domain in domains:
            try:
                ask(domain)
                ready.append(domain)
            except Refused as refused:
                waiting.append(str(refused))
        return ready, waiting

    def within_the_account(self, domains: list[str]) -> tuple[list[str], list[str]]:
        """The names whose DNS challenges can be answered, and a sentence for each of the others."""
        asked = subprocess.run([*DNS_CHALLENGE, "check", *domains], capture_output=True, text=True, check=False)
        wrong = json.loads(asked.stdout) if asked.returncode == 0 else dict.fromkeys(domains, asked.stderr.strip().rpartition("\n")[2])
        return [domain for domain in domains if domain not in wrong], [f"{domain}: {sentence}" for domain, sentence in wrong.items()]


def ordered(domains: list[str]) -> list[str]:
    """The names to order a certificate for. An authority takes none that a wildcard beside it holds already."""
    return [domain for domain in domains if not any(other != domain and proven_by([other], domain) for other in domains)]


def proven_by(names: Collection[str], domain: str) -> bool:
    """Whether a certificate for these names serves a domain."""
    return domain in names or "*." + domain.partition(".")[2] in names


def by_dns(domains: list[str]) -> bool:
    """Whether a certificate for these names takes DNS challenges, which alone prove a wildcard."""
    return any(domain.startswith("*.") for domain in domains)


def ask(domain: str) -> None:
    """Do what the ACME server will do: fetch a file of the challenge's directory by name, from each address that the name has."""
    token, content = f"shortstop-{secrets.token_urlsafe(16)}", secrets.token_urlsafe(16)
    path = "/.well-known/acme-challenge/"
    file = Path(f"{WEBROOT}{path}{token}")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.write_text(content)
        try:
            found = {info[4][0] for info in socket.getaddrinfo(domain, 80, type=socket.SOCK_STREAM)}
        except OSError:
            raise Refused(f"{domain} has no address yet; point its DNS record to this server") from None
        reached = [address for address in sorted(found) if _is_here(domain, address, path + token, content)]
        if not reached:
            raise Refused(f"{domain} has addresses that this server cannot reach: {', '.join(sorted(found))}")
    finally:
        file.unlink(missing_ok=True)


def _is_here(domain: str, address: str, path: str, content: str) -> bool:
    """Whether this server answers at an address. One that cannot be reached from here at all (IPv6, often) tells nothing: False."""
    connection = http.client.HTTPConnection(address, 80, timeout=SECONDS_TO_ANSWER)
    try:
        connection.connect()
    except OSError as error:
        if isinstance(error, ConnectionRefusedError | TimeoutError):
            what = "refuses connections" if isinstance(error, ConnectionRefusedError) else "does not answer"
            raise Refused(f"{domain} leads to {address}, which {what} at port 80; point it to this server, or open the port") from None
        return False
    try:
        connection.request("GET", path, headers={"Host": domain})
        response = connection.getresponse()
        answer = response.read(200).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        answer, response = "", None
    finally:
        connection.close()
    if answer != content:
        status = f"status {response.status}" if response else "no answer"
        raise Refused(f"{domain} leads to {address}, which is another server ({status}); point its DNS record to this one")
    return True


def _reason(output: str, who: str) -> str:
    """What certbot says of a failure, in one line."""
    details = re.findall(r"^\s*(?:Domain|Detail): +(.+)$", output, re.MULTILINE)
    lines = [line.strip() for line in output.splitlines() if line.strip() and not re.search(r"\blog(file)?\b", line.lower())]
    return f"{who} refused: " + ("; ".join(details) or (lines[-1] if lines else "certbot gave no reason"))


def known_refusals() -> dict[str, dict]:
    """By site, which order the ACME server refused last, how often in a row, until when it is left alone, and what was said."""
    return json.loads(REFUSALS.read_text()) if REFUSALS.exists() else {}


def reload_if_due() -> list[str]:
    """Have nginx read what was installed. Where it could not, that stays due, and a sentence says so."""
    if not RELOAD.exists():
        return []
    try:
        reload_nginx()
    except subprocess.CalledProcessError as error:
        return [f"waiting nginx: what was issued is in place, and nginx reads it at the next try: {shlex.join(error.cmd)} ended with status {error.returncode}"]
    RELOAD.unlink()
    return []


def reload_nginx() -> None:
    subprocess.run(["nginx", "-t", "-q"], check=True)
    subprocess.run(["systemctl", "try-reload-or-restart", "nginx.service"], check=True)


def main(arguments: list[str]) -> int:
    os.umask(0o022)
    # certbot takes an order with other names for a renewal, and would wait here for the lock of who waits for it.
    if arguments == ["installed"] and ISSUING in os.environ:
        return 0
    certificates = Certificates(json.loads(CONFIGURATION.read_text()))
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if arguments[:1] in (["prepare"], ["prune"]):
            said = getattr(certificates, arguments[0])(pretend="--check" in arguments)
        elif arguments in (["issue"], ["retry"]):
            said = certificates.issue(patient=arguments == ["retry"])
        elif arguments == ["installed"]:
            site = Path(os.environ["RENEWED_LINEAGE"]).name.removeprefix(PREFIX)
            new = certificates.sites.get(site, {}).get("tls") == "acme" and certificates.install(site)
            said = [*([f"renewed {site}"] if new else []), *reload_if_due()]
        else:
            print(__doc__, file=sys.stderr)
            return 2
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
