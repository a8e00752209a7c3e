"""The refusal of a release: what its log says, and what its code says of the same question."""

from __future__ import annotations

import dataclasses
import subprocess

import explain
import programs
import pytest
from visit import Answer

NEW = "0000000000aa"
HOST = "blog.example.com"
LOG = "[2026-11-29 12:00:00 +0000] [9] [INFO] Booting worker with pid: 9"
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/srv/blog/releases/0000000000aa/source/shop/views.py", line 12, in page',
    "    raise ValueError('no page today')",
    "ValueError: no page today",
]
MODULE = "ModuleNotFoundError: No module named 'yaml'"
MODULE_SENTENCE = 'the module "yaml" is neither in the source nor in an installed package; add the package that has it to requirements.txt'


@pytest.fixture
def site(blog, make_release):
    make_release(NEW)
    return blog


@pytest.fixture
def said(machine):
    """Lets the release's code say this of the question."""

    def say(status: int = 200, traceback: list[str] = (), logged: list[str] = (), hosts: list[str] = ()) -> None:
        machine.answer_of("reason.py", status=status, traceback=traceback, logged=logged, hosts=hosts)

    return say


def refusal(site, log: str = LOG, path: str = "/health/", host: str = HOST, **of_answer: object) -> str:
    return explain.refusal(site, NEW, Answer(host, path, **of_answer), log)


def test_it_works(site, said):
    said(traceback=TRACEBACK)
    assert refusal(site, status=500) == "\n".join(["it does not serve /health/: status 500", *TRACEBACK])


def test_the_release_is_asked_the_same_question(site, machine, said):
    said()
    refusal(site, path="/de/?a=b", host="ada.example.com", status=500)
    (line,) = machine.lines("/inside/reason.py")
    assert line.endswith("/inside/reason.py /de/?a=b ada.example.com https 5")
    assert " --description=Site blog: asking for /de/?a=b " in line
    assert "--property=User=blog" in line


@pytest.mark.parametrize(("health_timeout", "seconds"), [(5, 5), (300, 30)])
def test_the_question_takes_no_longer_than_it_may(site, machine, said, monkeypatch, health_timeout, seconds):
    given = []

    def run(words: list, **options: object) -> subprocess.CompletedProcess:
        given.append(options.get("seconds"))
        return machine(words)

    said()
    monkeypatch.setattr(programs, "run", run)
    refusal(dataclasses.replace(site, health_timeout=health_timeout), status=500)
    assert given[0] == seconds + explain.SPARE
    assert machine.lines("/inside/reason.py")[0].endswith(f" https {seconds}")


def test_where_redirects_led_is_told_with_where_they_began(site, said):
    said(traceback=TRACEBACK)
    assert refusal(site, path="/de/", status=500).startswith("it does not serve /de/, to which /health/ redirects: status 500\n")


def test_redirects_without_end_are_told_without_a_log(site, machine):
    fault = "redirects in a circle, from /a to /b"
    assert refusal(site, path="/a", status=302, fault=fault) == f"it does not serve /health/: /a {fault}"
    assert machine.started == []


@pytest.mark.parametrize(
    ("health_path", "more"),
    [
        ("/", '; give the site a "health_path", which is a page that everybody may see'),
        ("/health/", '; let "health_path" be a page that everybody may see'),
    ],
)
@pytest.mark.parametrize(
    ("status", "why"),
    [(404, "so there is no such page"), (401, "so not everybody may see that page"), (403, "so not everybody may see that page")],
)
def test_a_path_that_is_no_page_for_everybody_is_told_with_the_key(site, machine, health_path, more, status, why):
    told = refusal(dataclasses.replace(site, health_path=health_path), path=health_path, status=status)
    assert told == f"it does not serve {health_path}: status {status}, {why}{more}"
    assert machine.started == []


def test_a_page_that_does_not_exist_is_told_where_redirects_led(site):
    assert refusal(site, path="/de/", status=404) == (
        'it does not serve /de/, to which /health/ redirects: status 404, so there is no such page; let "health_path" be a page that everybody may see'
    )


@pytest.mark.parametrize(("hosts", "listed"), [(["shop.example.com", "localhost"], "shop.example.com, localhost"), ([], "none")])
def test_a_host_that_django_does_not_know_is_told_with_those_it_knows(site, said, hosts, listed):
    said(400, logged=["something else", f"Invalid HTTP_HOST header: '{HOST}'. You may need to add '{HOST}' to ALLOWED_HOSTS."][1:], hosts=hosts)
    assert refusal(site, status=400) == (
        f"it does not serve /health/: status 400: Django does not know the host {HOST}; ALLOWED_HOSTS holds {listed}. Take ALLOWED_HOSTS out of"
        f' "settings_left", or let it hold {HOST}'
    )


def test_a_host_that_is_no_name_is_told_as_django_logs_it(site, said):
    logged = f"Invalid HTTP_HOST header: '{HOST}:x'. The domain name provided is not valid according to RFC 1034/1035."
    said(400, logged=[logged], hosts=[HOST])
    assert refusal(site, status=400) == f"it does not serve /health/: status 400: {logged}"


def test_another_bad_request_is_told_as_django_logs_it(site, said):
    said(400, logged=["The number of GET/POST parameters exceeded settings.DATA_UPLOAD_MAX_NUMBER_FIELDS."])
    assert refusal(site, status=400) == (
        "it does not serve /health/: status 400: The number of GET/POST parameters exceeded settings.DATA_UPLOAD_MAX_NUMBER_FIELDS."
    )


@pytest.mark.parametrize("status", [400, 500])
def test_where_the_code_says_nothing_the_log_is_shown(site, said, status):
    said(status)
    assert refusal(site, status=status) == f"it does not serve /health/: status {status}\n{LOG}"


def test_what_django_logs_of_another_status_is_not_the_reason(site, said):
    said(500, logged=[f"Invalid HTTP_HOST header: '{HOST}'."], traceback=TRACEBACK)
    assert refusal(site, status=500) == "\n".join(["it does not serve /health/: status 500", *TRACEBACK])


def test_a_known_end_in_the_code_is_told_in_a_sentence(site, said):
    said(0, traceback=[*TRACEBACK[:-1], MODULE])
    assert refusal(site, status=500) == "\n".join([f"it does not serve /health/: status 500: {MODULE_SENTENCE}", *TRACEBACK[:-1], MODULE])


def test_a_table_that_the_log_tells_of_is_made_by_no_migration(site):
    """A release is asked once all of them have run."""
    (first, *_log) = refusal(site, "django.db.utils.OperationalError: no such table: shop_price", fault="it did not start").splitlines()
    assert first.startswith("it does not serve /health/: it did not start: the table shop_price does not exist, and no migration makes it; run")


def test_a_known_end_in_the_log_needs_no_question(site, machine):
    log = "\n".join([LOG, *TRACEBACK[:-1], MODULE])
    assert refusal(site, log, fault="it did not start") == f"it does not serve /health/: it did not start: {MODULE_SENTENCE}\n{log}"
    assert machine.started == []


def test_a_status_is_asked_for_even_where_the_log_has_a_known_end(site, said):
    """It may be of another request."""
    said(0, traceback=TRACEBACK)
    assert refusal(site, f"{LOG}\n{MODULE}", status=500) == "\n".join(["it does not serve /health/: status 500", *TRACEBACK])


def test_the_code_s_end_outranks_the_log_s(site, said):
    said(0, traceback=[TRACEBACK[0], "django.db.utils.OperationalError: no such table: shop_price"])
    assert "the table shop_price does not exist, and no migration makes it" in refusal(site, f"{LOG}\n{MODULE}", status=500).splitlines()[0]


def test_what_ends_the_question_is_shown_where_it_shows_a_place(site, machine):
    dump = ["Timeout (0:00:05)!", "Thread 0x00007f (most recent call first):", '  File "/srv/blog/shop/views.py", line 12 in page']
    machine.answer("/inside/reason.py", "\n".join(dump), status=1)
    assert refusal(site, fault="no answer within 5 seconds") == "\n".join(
        ["it does not serve /health/: no answer within 5 seconds: asked once more, it was at these lines when the time was over", *dump]
    )


def test_a_known_end_of_what_ended_the_question_is_told_in_a_sentence(site, machine):
    machine.answer("/inside/reason.py", "\n".join([*TRACEBACK[:-1], MODULE]), status=1)
    assert refusal(site, fault="no answer within 5 seconds").startswith(f"it does not serve /health/: no answer within 5 seconds: {MODULE_SENTENCE}\n")


def test_what_ends_the_question_otherwise_is_not_shown(site, machine):
    machine.answer("/inside/reason.py", "Killed", status=137)
    assert refusal(site, fault="no answer within 5 seconds") == f"it does not serve /health/: no answer within 5 seconds\n{LOG}"


@pytest.mark.parametrize(
    "forged",
    [
        {"status": "500", "traceback": [], "logged": [], "hosts": []},
        {"status": -1, "traceback": [], "logged": [], "hosts": []},
        {"status": 1000, "traceback": [], "logged": [], "hosts": []},
        {"status": 500, "traceback": ["\x1b[2J"], "logged": [], "hosts": []},
        {"status": 500, "traceback": "ValueError", "logged": [], "hosts": []},
        {"status": 500, "traceback": [], "logged": []},
        {"status": 500, "traceback": [], "logged": [], "hosts": [], "more": 1},
    ],
    ids=["a text", "negative", "large", "an escape sequence", "a text for a list", "a key too few", "a key too many"],
)
def test_a_forged_answer_is_none(site, machine, forged):
    machine.answer_of("reason.py", **forged)
    assert refusal(site, status=500) == f"it does not serve /health/: status 500\n{LOG}"


def test_workers_that_are_slower_than_the_code_may_need_longer_to_load(site, said):
    said(200)
    slow = 'its code answers when it is asked in a new process, so that its workers may need longer to load; give the site a larger "health_timeout"'
    assert refusal(site, fault="no answer within 5 seconds") == f"it does not serve /health/: no answer within 5 seconds: {slow}\n{LOG}"


def test_an_answer_of_a_worker_that_was_ended_is_its_timeout_s(site, machine):
    """An older gunicorn answers with status 500 where it ends a worker."""
    dump = ["Timeout (0:00:30)!", "Thread 0x00007f (most recent call first):", '  File "/srv/blog/shop/views.py", line 12 in page']
    machine.answer("/inside/reason.py", "\n".join(dump), status=1)
    said = refusal(site, "[CRITICAL] WORKER TIMEOUT (pid:7)", status=500).splitlines()
    assert said[0].startswith("it does not serve /health/: status 500: a worker took longer than 30 seconds, so gunicorn ended it; ")
    assert said[1:] == dump


def test_workers_that_ended_with_a_traceback_need_no_time(site, said):
    said(200)
    log = "\n".join(TRACEBACK)
    ended = "it ended instead of answering"
    assert refusal(site, log, fault=ended) == f"it does not serve /health/: {ended}\n{log}"
