"""Mail when a page fails: from gunicorn's workers in production to a real mail server."""

import http.client
import logging
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import RequestFactory

from tatis import errors
from tests.conftest import ADMINS, PRODUCTION
from tests.smtp import PASSWORD, MailServer

APP_DIR = Path(__file__).parent.parent
SECRETS = {
    "DJANGO_SECRET_KEY": "the-secret-key-0123456789-0123456789-0123456789-0123456789",
    "DATABASE_URL": "postgres://tatis:the%2Bdatabase%40password@127.0.0.1:9/tatis?connect_timeout=2",
    "SOME_API_TOKEN": "the-token-of-somebody",
    "DJANGO_ADMIN_PATH": "the-admin-path",
}
HIDDEN = [*SECRETS.values(), "the+database@password", PASSWORD, repr(PASSWORD)[1:-1]]


@pytest.fixture
def mail_server(tmp_path):
    server = MailServer(tmp_path)
    server.start()
    yield server
    server.stop()


@contextmanager
def site(tmp_path, workers=2, **environment):
    """A function that asks gunicorn for a path, and returns status and seconds. The site has no database, so every page fails."""
    socket_file, log = tmp_path / "site.sock", tmp_path / "site.log"
    command = [sys.executable, "-m", "gunicorn", f"--workers={workers}", f"--bind=unix:{socket_file}", "--no-control-socket", "tatis.wsgi"]
    environment = PRODUCTION | SECRETS | {"DJANGO_STATE_DIR": str(tmp_path), "PATH": os.environ["PATH"]} | environment
    with log.open("w") as output, subprocess.Popen(command, cwd=APP_DIR, env=environment, stdout=output, stderr=output) as process:

        def ask(path="/", **headers):
            connection = http.client.HTTPConnection("testserver", timeout=30)
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(30)
            connection.sock.connect(str(socket_file))
            begun = time.monotonic()
            connection.request("GET", path, headers={"Connection": "close", **headers})
            status = connection.getresponse().status
            connection.close()
            return status, time.monotonic() - begun

        try:
            while log.read_text().count("Booting worker") < workers:
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield ask
        finally:
            process.terminate()


def test_it_works(tmp_path, mail_server):
    with site(tmp_path, **mail_server.variables) as ask:
        assert ask("/?day=2026", **{"User-Agent": "a browser", "X-Forwarded-For": "192.0.2.7"})[0] == 500
        (message,) = mail_server.wait_for(1)
    assert message["To"] == "ada@example.com"
    assert message["From"] == "tatis@example.com"
    assert message["Subject"] == "[testserver] ERROR: Internal Server Error: /"
    text = message.get_content().replace("\r\n", "\n")
    assert "GET /?day=2026\nHost: testserver\nUser-Agent: a browser\n" in text
    assert "X-Forwarded-For: 192.0.2.7" in text
    assert "Traceback (most recent call last):" in text
    assert "django.db.utils.OperationalError:" in text
    assert "Release: 0123456789ab" in text


def test_many_failures_in_all_workers_are_one_mail(tmp_path, mail_server):
    with site(tmp_path, **mail_server.variables) as ask:
        for _ in range(40):
            assert ask()[0] == 500
        mail_server.wait_for(1)
    # By now gunicorn has ended, and so have the mails that its workers had to send.
    assert len(mail_server.messages) == 1


def test_the_mail_holds_no_secret_of_the_environment(tmp_path, mail_server):
    leak = {"DJANGO_ALLOWED_HOSTS": "testserver"}
    with site(tmp_path, **mail_server.variables, **leak) as ask:
        ask("/?" + "&".join(f"{number}={secret}" for number, secret in enumerate(["the-token-of-somebody", "the-admin-path"])))
        (message,) = mail_server.wait_for(1)
    whole = message.as_string() + message.get_content()
    assert "GET /?0=***&1=***" in message.get_content()
    assert not [secret for secret in HIDDEN if secret in whole]
    assert "INSTALLED_APPS" not in whole


@pytest.mark.parametrize("trouble", ["refuses", "is silent", "is no such host"])
def test_no_visitor_waits_for_a_mail_server_that(tmp_path, mail_server, trouble):
    variables = dict(mail_server.variables)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = {"refuses": 9, "is silent": silent.getsockname()[1], "is no such host": 25}[trouble]
        variables |= {"DJANGO_EMAIL_HOST": "mail.invalid" if trouble == "is no such host" else "127.0.0.1", "DJANGO_EMAIL_PORT": str(port)}
        # One worker, whose second request would wait for the first one's mail.
        with site(tmp_path, workers=1, **variables) as ask:
            seconds = [ask()[1] for _ in range(3)]
            print(f"\nslowest of 3 failing requests while the mail server {trouble}: {max(seconds):.2f} s (bar: 1)")
            assert max(seconds) < 10  # ten times the bar; a mail that is waited for takes longer than that
        assert mail_server.messages == []


@pytest.fixture
def refusing(settings, monkeypatch):
    """A handler whose mail server refuses; mails are tried at once. tried is how often it was asked."""
    settings.ADMINS = ADMINS
    handler = errors.MailHandler()
    handler.tried = 0

    def refuse(*_arguments):
        handler.tried += 1
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(errors, "mail_admins", refuse)
    monkeypatch.setattr(handler._sender, "submit", lambda function, *arguments: function(*arguments))
    return handler


def test_a_mail_that_could_not_be_sent_does_not_count(refusing, caplog):
    refusing.emit(record(raised()))
    assert "The mail 'ERROR: Internal Server Error: /' could not be sent: refused" in caplog.text
    with errors.once_per_hour(errors.fingerprint(record(raised()))) as is_first:
        assert is_first


@pytest.mark.parametrize(("after", "tried"), [(59, 1), (61, 2)])
def test_a_mail_server_that_refuses_is_left_alone_for_a_minute(refusing, monkeypatch, after, tried):
    now = 1000.0
    monkeypatch.setattr(errors.time, "monotonic", lambda: now)
    refusing.emit(record(raised()))
    now += after
    refusing.emit(record(raised(TypeError)))
    assert refusing.tried == tried


def record(error=None, message="Internal Server Error: %s", logger="django.request", **extra):
    made = logging.LogRecord(logger, logging.ERROR, __file__, 1, message, ("/",), error and (type(error), error, error.__traceback__))
    made.__dict__.update(extra)
    return made


def raised(kind=ValueError, text="no"):
    try:
        raise kind(text)
    except kind as error:
        return error


def raised_elsewhere():
    try:
        raise ValueError("no")
    except ValueError as error:
        return error


def test_the_same_error_again_is_the_same_whatever_it_says():
    assert errors.fingerprint(record(raised(text="1"))) == errors.fingerprint(record(raised(text="2"), message="elsewhere: %s"))


@pytest.mark.parametrize("other", [record(raised_elsewhere()), record(raised(TypeError)), record(), record(message="Another: %s"), record(logger="games")])
def test_another_error_is_another_one(other):
    kinds = {errors.fingerprint(found) for found in (record(raised()), other)}
    assert len(kinds) == 2


@pytest.mark.parametrize(("after", "mailed"), [(0, False), (3599, False), (3600, True)])
def test_an_error_is_mailed_once_an_hour(monkeypatch, after, mailed):
    now = 1_700_000_000.0
    monkeypatch.setattr(errors.time, "time", lambda: now)
    with errors.once_per_hour("one") as is_first:
        assert is_first
    now += after
    with errors.once_per_hour("one") as is_first:
        assert is_first == mailed
    with errors.once_per_hour("another") as is_first:
        assert is_first


def test_only_errors_of_production_are_mailed(settings):
    settings.ADMINS = ADMINS
    handlers = {type(handler).__name__: handler for handler in logging.getLogger().handlers}
    handler = handlers["MailHandler"]
    assert handler.level == logging.ERROR
    assert handler.filter(record())
    settings.DEBUG = True
    assert not handler.filter(record())


def test_nobody_is_mailed_where_nobody_wants_it(settings):
    settings.ADMINS = []
    handler = errors.MailHandler()
    handler.emit(record(raised()))
    handler._sender.shutdown()
    assert mail.outbox == []


@pytest.mark.parametrize(("logger", "mails"), [("django.request", 1), ("games.polling", 1), ("tatis.errors", 0)])
def test_what_it_says_itself_is_not_mailed(settings, logger, mails):
    settings.ADMINS = ADMINS
    handler = errors.MailHandler()
    handler.emit(record(raised(), logger=logger))
    handler._sender.shutdown()
    assert len(mail.outbox) == mails


def test_a_flood_of_errors_fills_no_memory(settings, monkeypatch, caplog):
    settings.ADMINS = ADMINS
    handler = errors.MailHandler()
    sent = []
    monkeypatch.setattr(handler._sender, "submit", lambda *arguments: sent.append(arguments))
    for number in range(errors.LONGEST_QUEUE + 5):
        handler.emit(record(message=f"{number}: %s"))
    assert len(sent) == errors.LONGEST_QUEUE
    assert caplog.text.count("Too many mails wait") == 5


def test_a_subject_is_one_line_of_some_length():
    subject, _text = errors.report(record(message="one\ntwo %s" + "x" * 300))
    assert re.fullmatch(r"ERROR: one two /x{130,150}", subject)


def test_a_request_is_told_without_cookies_and_body():
    request = RequestFactory().post("/login?next=/", {"password": "hunter2"}, headers={"Cookie": "sessionid=abc", "Authorization": "Basic abc"})
    text = errors.report(record(raised(), request=request))[1]
    assert "POST /login?next=/" in text
    assert not re.search("hunter2|sessionid|Basic", text)


@pytest.mark.parametrize("form", [PASSWORD, repr(PASSWORD)])
def test_a_secret_is_found_in_quotes_too(monkeypatch, form):
    monkeypatch.setenv("DJANGO_EMAIL_HOST_PASSWORD", PASSWORD)
    assert "secret" not in errors.without_secrets(f"It was {form}.")


def test_short_values_are_no_secrets(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "abc")
    assert errors.without_secrets("abcabc") == "abcabc"


@pytest.fixture
def sendtestmail(python, tmp_path):
    return lambda **environment: python("manage.py", "sendtestmail", **environment)


def test_a_test_mail_proves_the_way(sendtestmail, mail_server):
    result = sendtestmail(**mail_server.variables)
    assert (result.returncode, result.stdout) == (0, "The mail server took the mail.\n"), result.stderr
    assert mail_server.messages[0]["Subject"] == "[testserver] Test mail"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"DJANGO_EMAIL_HOST_PASSWORD": "wrong"}, "The mail server did not take the mail (("),
        ({"SSL_CERT_FILE": "/dev/null"}, "The mail server did not take the mail ([SSL: CERTIFICATE_VERIFY_FAILED]"),
        ({"DJANGO_EMAIL_USE_TLS": "0"}, "The mail server did not take the mail ("),
        ({"DJANGO_EMAIL_PORT": "9"}, "The mail server did not take the mail ([Errno 111] Connection refused)."),
        ({"DJANGO_ADMINS": ""}, "Nobody would be mailed: set DJANGO_ADMINS, DJANGO_SERVER_EMAIL and the DJANGO_EMAIL variables."),
    ],
)
def test_a_test_mail_that_goes_nowhere_says_why(sendtestmail, mail_server, changes, sentence):
    result = sendtestmail(**(mail_server.variables | changes))
    assert result.returncode == 1
    assert f"CommandError: {sentence}" in result.stderr
    assert mail_server.messages == []


def test_in_this_process_a_test_mail_goes_to_the_admins(settings, capsys):
    settings.ADMINS = ADMINS
    call_command("sendtestmail")
    assert (mail.outbox[0].to, mail.outbox[0].subject) == (["ada@example.com"], "[testserver] Test mail")
    assert capsys.readouterr().out == "The mail server took the mail.\n"
