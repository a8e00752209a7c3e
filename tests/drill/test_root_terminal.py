"""What a site prints reaches an operator's terminal, where it moves nothing, hides nothing and names nothing."""

from __future__ import annotations

from hostile import CONTROL, TINY, Hostile
from house import Server

# The title of the window, a cleared screen, the same by a C1 byte, and letters turned around.
TEXT = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202etxet\u2066 \r\x08the end"


def expect_plain(text: str) -> None:
    """Text with no control characters; what is wrong is shown with its surroundings."""
    assert [text[max(0, found.start() - 60) : found.end() + 20] for found in CONTROL.finditer(text)] == []


def operator_sees(host: Server) -> str:
    return host.run("shortstop status; shortstop releases evil; shortstop rollback evil --to nothing 2>&1", check=False)


def test_a_failing_check_s_text_is_shown_plain(evil: Hostile, host: Server) -> None:
    run = evil.attack(
        f"import sys\nif 'check' in sys.argv or sys.argv[0].endswith('/look.py'):\n    print({TEXT!r})\n    raise SystemExit({TEXT!r})\n"
    ).deploy()
    run.expect_failure("the end")
    expect_plain(run.output)
    expect_plain(operator_sees(host))
    evil.mend()


CHECK = """
from django.core import checks

@checks.register("security", deploy=True)
def warn(**_options):
    return [checks.Warning({text!r}, id="owned")]
"""


def test_a_warning_s_text_is_shown_plain(evil: Hostile, host: Server) -> None:
    run = evil.attack(CHECK.format(text=TEXT)).deploy()
    assert "(owned)" in run.output
    expect_plain(run.output)
    expect_plain(operator_sees(host))
    evil.mend()


def test_an_application_s_last_words_are_shown_plain(evil: Hostile, host: Server) -> None:
    run = evil.write({"tiny/wsgi.py": f"raise RuntimeError({TEXT!r})\n"}).deploy()
    run.expect_failure("the end")
    expect_plain(run.output)
    expect_plain(operator_sees(host))
    evil.mend()


def test_a_rollback_s_text_is_shown_plain(evil: Hostile, host: Server) -> None:
    wsgi = (TINY / "tiny/wsgi.py").read_text()
    turncoat = f"import pathlib\nif pathlib.Path('/srv/evil/var/turned').exists():\n    print({TEXT!r}, flush=True)\n    raise RuntimeError({TEXT!r})\n"
    evil.write({"tiny/wsgi.py": turncoat + wsgi}).deploy().expect_success()
    evil.mend()
    host.run("touch /srv/evil/var/turned")
    said = host.run("shortstop rollback evil 2>&1", check=False)
    assert "the end" in said
    expect_plain(said)
    expect_plain(operator_sees(host))
    evil.mend()
