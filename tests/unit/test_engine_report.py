"""What a deploy tells, and what it never tells."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
import release
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from report import Report, StepFailed, printable, tail

from ansible_collections.shortstop.django.plugins.plugin_utils.environment import environment_file

# Stars are what a secret is replaced by.
LETTERS = st.characters(exclude_characters="\n\0*", exclude_categories=["Cs"])
NAMES = st.sampled_from(["DJANGO_SECRET_KEY", "EMAIL_HOST_PASSWORD", "SENTRY_DSN"])
SECRETS = st.text(LETTERS, min_size=6, max_size=30) | st.text("\"\\$`\r #'=a", min_size=6, max_size=12)


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "report.jsonl"


def test_it_works(path):
    with Report(path) as report:
        report.say("prove", "done", "it answers", 1.26)
    assert lines(path) == [{"step": "prove", "result": "done", "message": "it answers", "seconds": 1.3}]


def test_a_line_can_be_read_before_the_end(path):
    with Report(path) as report:
        report.say("prove", "done")
        assert len(lines(path)) == 1


@pytest.mark.parametrize("message", ["one\ntwo", "one\ntwo\n", "\n\none\ttwo"])
def test_a_message_of_many_lines_is_one_line(path, message):
    with Report(path) as report:
        report.say("prove", "failed", message)
    assert [line["message"] for line in lines(path)] == [message]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("caf\u00e9 \u2713 \U0001f600", "caf\u00e9 \u2713 \U0001f600"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("one\r\ntwo\x08\x7f", "one\\r\ntwo\\x08\\x7f"),
        ("one\u2028two\x85\x9b", "one\\u2028two\\x85\\x9b"),
        ("\u202eevil\u2066\u200b", "\\u202eevil\\u2066\\u200b"),
        ("\ud800 \udcff", "\\ud800 \\udcff"),
        ("\x00", "\\x00"),
        ("\U000e0041", "\\U000e0041"),
    ],
    ids=["letters", "escape sequences", "back and over", "other ends of lines", "bidi", "surrogates", "null", "tags"],
)
def test_what_could_change_a_terminal_is_escaped(path, message, shown):
    with Report(path) as report:
        report.say("migrate", "failed", message)
    assert [line["message"] for line in lines(path)] == [shown]


@given(st.text(st.characters() | st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_nothing_but_what_can_be_printed_is_shown(text):
    shown = printable(text)
    assert all(letter.isprintable() or letter in "\n\t" for letter in shown)
    assert shown.encode().decode() == shown


def test_a_message_has_only_so_many_letters(path):
    with Report(path) as report:
        report.say("migrate", "failed", "so\n" * 10_000)
    assert lines(path)[0]["message"] == ("so\n" * 10_000)[:20_000]


def test_a_secret_is_hidden_before_a_message_is_cut(path):
    with Report(path, {"open sesame"}) as report:
        report.say("migrate", "failed", "so\n" * 6_665 + "open sesame")
    assert "open" not in lines(path)[0]["message"]


def test_the_tail_is_the_last_lines_that_were_printed():
    said = "\n".join(f"line {number}" for number in range(150))
    assert tail(f"{said}\n\n").splitlines() == [f"line {number}" for number in range(50, 150)]
    assert tail(said, 2) == "line 148\nline 149"
    assert tail("") == ""


def test_a_long_line_is_cut(path):
    with Report(path) as report:
        report.say("migrate", "failed", "x" * 1_000_000 + "\nso")
    assert lines(path)[0]["message"] == "x" * 1000 + "\nso"


def test_a_secret_where_a_line_is_cut_leaves_no_part_of_it(path):
    with Report(path, {"open sesame"}) as report:
        report.say("migrate", "failed", "x" * 995 + "open sesame")
    assert "open" not in lines(path)[0]["message"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS, before=st.text(max_size=10), after=st.text(max_size=10), name=NAMES, file=st.sampled_from(["environment_file", "superuser_file"]))
@example(secret='a"b\\c$d`e', before="key: ", after="\n", name="DJANGO_SECRET_KEY", file="environment_file")
@example(secret="open sesame", before="", after="", name="DJANGO_SUPERUSER_PASSWORD", file="superuser_file")
def test_no_secret_is_told(blog, path, secret, before, after, name, file):
    path.unlink(missing_ok=True)
    getattr(blog, file).write_bytes(environment_file({"COLOUR": "red", name: secret}).encode())
    with Report(path, release.secrets(blog)) as report:
        report.say("migrate", "failed", f"{before}{secret}{after}")
    (line,) = lines(path)
    assert secret not in line["message"]
    assert "********" in line["message"]


def test_no_secret_is_told_of_what_ends_a_step(blog, path):
    with Report(path, release.secrets(blog)) as report, pytest.raises(StepFailed), report.step("migrate"):
        raise ValueError("the key is not a secret!")
    assert lines(path)[-1]["message"] == "ValueError: the key is ********!"


def test_a_site_without_a_superuser_has_its_other_secrets(blog):
    assert release.secrets(blog) == {"not a secret"}


def test_each_fallback_of_a_secret_key_is_a_secret(blog):
    blog.environment_file.write_text('DJANGO_SECRET_KEY_FALLBACKS="one-before,two\\\\before"\n', encoding="utf-8")
    assert {"one-before", "two\\before"} <= release.secrets(blog)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("postgres://blog:hunter22@db.example.com/blog", "postgres://blog:********@db.example.com/blog"),
        ("redis://:hunter22@cache.example.com:6379/0", "redis://:********@cache.example.com:6379/0"),
        ("one amqp://a:b@c two https://d:e@f", "one amqp://a:********@c two https://d:********@f"),
        ("https://example.com:8000/a@b", "https://example.com:8000/a@b"),
        ("https://ada@example.com/", "https://ada@example.com/"),
        ("see http://example.com: ada@example.com", "see http://example.com: ada@example.com"),
        (f"{'x' * 995}://ada:hunter22@example.com", f"{'x' * 995}://ad"),
    ],
)
def test_a_password_in_an_address_is_a_secret(path, message, shown):
    with Report(path) as report:
        report.say("migrate", "failed", message)
        assert report.masked(message) == shown
    assert lines(path)[0]["message"] == shown


def test_what_becomes_known_as_a_secret_meanwhile_is_hidden_from_then_on(path):
    secrets = set()
    with Report(path, secrets) as report:
        report.say("prepare", "told", "sesame")
        secrets.add("sesame")
        report.say("prepare", "told", "sesame")
    assert [line["message"] for line in lines(path)] == ["sesame", "********"]


@pytest.mark.parametrize("part", ["x://a:", "a://", "x" * 100 + "://" + "y" * 100 + ":"])
def test_no_message_takes_long(path, part):
    begun = time.process_time()
    with Report(path, {"sesame"}) as report:
        report.masked(part * (8_000_000 // len(part)))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("secrets", [["sesame", "sesame street"], ["sesame street", "sesame"], ["street", "sesame street"]])
def test_a_secret_within_another_leaves_no_part_of_it(path, secrets):
    with Report(path, dict.fromkeys(secrets)) as report:
        report.say("migrate", "failed", "open sesame street now")
    assert lines(path)[0]["message"] == "open ******** now"


@pytest.mark.parametrize(
    "line",
    ['API_TOKEN="hunter22"', "API_TOKEN=hunter22", "API_TOKEN='hunter22'", "export API_TOKEN=hunter22", "api_token=hunter22 ", "  API_TOKEN=hunter22\r"],
)
def test_a_secret_in_the_server_s_environment_is_known_however_it_is_written(blog, line):
    release.SERVER_ENVIRONMENT.write_bytes(f"{line}\nCOLOUR=red\n".encode())
    assert "hunter22" in release.secrets(blog)


@pytest.mark.parametrize("value", ["", "abc", "12345"])
def test_a_value_too_short_to_be_secret_hides_nothing(blog, value):
    blog.environment_file.write_text(f'DJANGO_PG_PASSWORD="{value}"\nCOLOUR="crimson"\n', encoding="utf-8")
    assert release.secrets(blog) == set()


def test_a_step_is_timed(path, clock):
    with Report(path) as report, report.step("migrate"):
        clock.sleep(1.5)
    assert [(line["step"], line["result"], line["seconds"]) for line in lines(path)] == [("migrate", "begun", 0.0), ("migrate", "done", 1.5)]


@pytest.mark.parametrize(("error", "message"), [(StepFailed("it is shut"), "it is shut"), (OSError("the disk is full"), "OSError: the disk is full")])
def test_whatever_ends_a_step_fails_it(path, error, message):
    with Report(path) as report, pytest.raises(StepFailed, match=f"^{message}$"), report.step("migrate"):
        raise error
    assert lines(path)[1:] == [{"step": "migrate", "result": "failed", "message": message, "seconds": 0.0}]


def test_a_step_that_fails_is_timed(path, clock):
    with Report(path) as report, suppress(StepFailed), report.step("migrate"):
        clock.sleep(1.5)
        raise StepFailed
    assert [line["seconds"] for line in lines(path)] == [0.0, 1.5]


def test_the_first_failure_is_the_cause(path):
    with Report(path) as report:
        for step in ("prove", "clean up"):
            with pytest.raises(StepFailed), report.step(step):
                raise StepFailed(f"{step} is shut")
    assert report.failure == ("prove", "prove is shut")


def test_the_last_line_tells_of_the_whole_run(path, clock):
    with Report(path) as report:
        clock.sleep(7)
        report.end("live", "0000000000aa", "all is well")
    assert lines(path) == [{"step": "end", "result": "live", "message": "all is well", "seconds": 7.0, "release": "0000000000aa"}]


def test_a_report_goes_on_where_another_ended(path):
    for result in ("begun", "interrupted"):
        with Report(path) as report:
            report.say("end", result)
    assert [line["result"] for line in lines(path)] == ["begun", "interrupted"]


def test_nobody_else_looks_into_a_report(path):
    Report(path).file.close()
    assert path.parent.stat().st_mode & 0o777 == 0o700
