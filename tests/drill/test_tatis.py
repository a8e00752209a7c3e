"""The bundled site on a host: a season's day in a browser, what a view costs, and the mail when it breaks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from house import ROOT, Project, Server
from playwright.sync_api import Browser, Page, sync_playwright

DOMAIN = "tatis.example.com"
LEAGUE = "http://127.0.0.1:8765"
MAIL_PORT = 5870
SCREENS = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 800}}
POLLED = 150.0  # seconds in which a change at the league reaches the page: a poll a minute
VIEWS = 1000

# What the page answers, and a part of the small print.
DAY = {
    "scheduled": ("No", "Today's game has not begun."),
    "warmup": ("No", "begins at"),
    "first-pitch": ("No", "top of the 1st"),
    "error": ("Yes", "a throwing error in the bottom of the 4th"),
    "taken-back": ("No", "top of the 5th"),
    "another-error": ("Yes", "bottom of the 7th; a fielding error in the bottom of the 7th"),
}


@pytest.fixture(scope="module")
def mail_server(server: Server) -> dict[str, str]:
    """A mail server on the host; the variables that a site needs for it."""
    server.run("mkdir --parents /opt/mail && chmod 755 /opt/mail")
    for name, text in {"smtp.py": (ROOT / "app/tests/smtp.py").read_text(), "serve.py": SERVE}.items():
        server.write(f"/opt/mail/{name}", text)
    server.run("apt-get install --yes --no-install-recommends python3-venv && python3 -m venv /opt/mail/venv")
    pins = [line for line in (ROOT / "app/tests/requirements.txt").read_text().splitlines() if line.startswith(("aiosmtpd", "trustme"))]
    server.run(f"/opt/mail/venv/bin/pip install --quiet {' '.join(pins)}")
    server.run("systemd-run --unit=mail-server --working-directory=/opt/mail /opt/mail/venv/bin/python serve.py")
    server.run("timeout 30 sh -c 'until [ -s /opt/mail/variables.json ]; do sleep 0.1; done'")
    return json.loads(server.run("cat /opt/mail/variables.json"))


SERVE = f"""
import json, signal, threading
from pathlib import Path
from smtp import MailServer

here = Path("/opt/mail")
server = MailServer(here, port={MAIL_PORT}, keep=here / "mails")
server.start()
(here / "variables.json").write_text(json.dumps(server.variables))
signal.pause()
"""


@pytest.fixture(scope="module")
def tatis(project: Project, mail_server: dict[str, str]) -> Project:
    """The site, which asks a league of its own that has no game today."""
    project.sites["tatis"] = {
        **project.bundled("tatis"),
        "environment": {"TATIS_API_URL": LEAGUE, **mail_server},
        "outbound": ["public", "127.0.0.1"],
        "daemons": {"league": {"command": "manage.py league --moment off"}},
        "timers": {"poll": {"command": "manage.py poll", "every": "1min", "timeout": 60}},
    }
    project.play().expect_success()
    return project


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking", f"--host-resolver-rules=MAP {DOMAIN} 127.0.0.1"]
        opened = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def look(server: Server, browser: Browser, pytestconfig: pytest.Config) -> Callable[[str, str, str], None]:
    """A function that waits until the page says this, then looks at it on each screen in each colour scheme, keeps pictures, and asks axe."""
    directory = pytestconfig.getoption("screenshots")
    url = f"http://{DOMAIN}:{server.port(80)}/"

    def see(name: str, answer: str, small_print: str, seconds: float = POLLED) -> None:
        wait_for_page(browser, url, answer, small_print, seconds)
        for screen, viewport in SCREENS.items():
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport=viewport, color_scheme=scheme, device_scale_factor=1)
                page.goto(url)
                if directory:
                    page.screenshot(path=Path(directory) / f"{name}-{screen}-{scheme}.png")
                expect_fit(page)
                found = Axe().run(page)
                assert found.violations_count == 0, f"{name} on a {screen}, {scheme}: {found.generate_report()}"
                page.close()

    return see


def wait_for_page(browser: Browser, url: str, answer: str, small_print: str, seconds: float) -> None:
    """As a visitor who loads the page again and again."""
    page, end = browser.new_page(), time.monotonic() + seconds
    while True:
        page.goto(url)
        said = page.inner_text(".answer"), page.inner_text("body")
        if said[0] == answer and small_print in said[1]:
            break
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {answer!r} and {small_print!r}; the page says {said[1]!r}"
        page.wait_for_timeout(1000)
    page.close()


def expect_fit(page: Page) -> None:
    """The answer is on the first screen, and nothing is wider than it."""
    box = page.locator(".answer").bounding_box()
    height = page.viewport_size["height"]
    assert box["y"] >= 0, box
    assert box["y"] + box["height"] <= height, box
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def go_on_to(server: Server, moment: str) -> None:
    server.run(f"curl --silent --show-error --fail --request PUT {LEAGUE}/moment/{moment}")


def test_it_works(tatis: Project, look: Callable) -> None:
    look("off", "No", "The San Diego Padres have no game today.")


def test_a_day_in_a_browser(server: Server, look: Callable) -> None:
    # A day without a game is asked for once an hour.
    go_on_to(server, "scheduled")
    server.run("shortstop manage tatis poll --now")
    for moment, (answer, small_print) in DAY.items():
        go_on_to(server, moment)
        begun = time.monotonic()
        look(moment, answer, small_print)
        print(f"{moment}: {answer} after {time.monotonic() - begun:.0f} s, pictures included")


def test_a_league_that_is_down_and_comes_back(tatis: Project, server: Server, look: Callable) -> None:
    server.run("systemctl stop site-tatis-league.service")
    assert not server.succeeds("shortstop manage tatis poll --now")
    assert "CommandError: The league gave no answer to /api/v1/schedule" in server.run("shortstop manage tatis poll --now 2>&1", check=False)
    # The last good answer stays for six minutes: until the next poll was due, and five more.
    look("no-news", "We don't know", "There has been no news from the league since then.", seconds=8 * 60)
    server.run("systemctl start site-tatis-league.service")
    server.run(f"timeout 30 sh -c 'until curl --silent --fail --request PUT {LEAGUE}/moment/another-error; do sleep 0.1; done'")
    look("news-again", "Yes", "a fielding error in the bottom of the 7th", seconds=8 * 60)


def test_the_end_of_the_day(server: Server, look: Callable) -> None:
    go_on_to(server, "final")
    look("final", "Yes", "1 error. Today's game is over.")


@pytest.fixture
def no_polls(tatis: Project, server: Server) -> Iterator[None]:
    """No poll comes by itself."""
    server.run("systemctl stop site-tatis-poll.timer")
    yield
    server.run("systemctl start site-tatis-poll.timer")


@pytest.fixture
def kept(server: Server, no_polls: None) -> None:
    """A page is kept that is good for ten minutes."""
    go_on_to(server, "final")
    server.run("shortstop manage tatis poll --now")
    assert "Today&#x27;s game is over." in server.get(DOMAIN).body


def test_a_thousand_views_cost_the_database_nothing_and_open_no_connection(server: Server, kept: None) -> None:
    server.run("iptables --insert OUTPUT --match owner --uid-owner tatis")
    before = scans(server)
    for _ in range(VIEWS):
        assert server.get(DOMAIN).status == 200
    after = scans(server)
    print(f"\n{VIEWS} views: {after - before} looks at the database, {packets(server)} packets of the site's")
    assert after == before
    assert packets(server) == 0
    # Both would show: another address is looked up, and a poll asks.
    server.get(DOMAIN, "/?nobody=has+asked+this")
    server.run("shortstop manage tatis poll --now")
    assert scans(server) > after
    assert packets(server) > 0


def scans(server: Server) -> int:
    """How often the person that every page tells of was looked up. PostgreSQL knows for sure when the site's connections have ended."""
    psql = "runuser -u postgres -- psql --no-align --tuples-only --dbname tatis --command"
    server.run(f"""{psql} "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'tatis'" """)
    return int(server.run(f"""{psql} "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'games_person'" """))


def packets(server: Server) -> int:
    return int(server.run("iptables --list OUTPUT --verbose --exact --numeric | awk '/owner UID match/ {print $1; exit}'"))


def test_an_exception_is_one_mail_without_secrets(tatis: Project, server: Server, mail_server: dict[str, str], no_polls: None) -> None:
    assert "The mail server took the mail." in server.run("shortstop manage tatis sendtestmail")
    server.run("systemctl stop postgresql@17-main.service")
    try:
        statuses = {server.get(DOMAIN, f"/history/?before=2020-01-{day:02}").status for day in range(1, 29)}
        assert statuses == {500}
        server.run("timeout 30 sh -c 'until [ $(ls /opt/mail/mails | wc -l) -ge 2 ]; do sleep 0.1; done'")
    finally:
        server.run("systemctl start postgresql@17-main.service")
    # A new release lets the old one end, and with it all mails that its workers still had to send.
    tatis.sites["tatis"]["environment"]["GREETING"] = "hello"
    tatis.play("--extra-vars", "only=tatis", playbooks=("web.yml", "deploy.yml")).expect_success()
    mails = [server.run(f"cat /opt/mail/mails/{name}") for name in server.run("ls /opt/mail/mails").split()]
    assert [mail.splitlines()[0] for mail in mails] == [
        "Subject: [tatis.example.com] Test mail",
        "Subject: [tatis.example.com] ERROR: Internal Server Error: /history/",
    ]
    assert "OperationalError" in mails[1]
    known = server.run("cat /etc/shortstop/generated/tatis.secret_key").strip()
    assert not [secret for secret in (known, mail_server["DJANGO_EMAIL_HOST_PASSWORD"]) if secret in mails[1]]
