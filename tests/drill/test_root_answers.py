"""The engine asks a release about its migrations. What the site's own code says in place of that spoils no other site's line, and no later deploy."""

from __future__ import annotations

import json

import pytest
from hostile import CONTROL, ENGINE_MEMORY, MEGABYTE, MISTAKE, NO_ANSWER, Hostile, engine_memory, watched
from house import Server

# Each comes after the script's own answer, from a release that does not serve.
FORGED = {
    "infinite time": ("own_migrations.py", '{"migrations": {}, "leaves": [], "live_since": 1e999}'),
    "time that is a text": ("own_migrations.py", '{"migrations": {}, "leaves": [], "live_since": "soon"}'),
    "time that is no number": ("own_migrations.py", '{"migrations": {}, "leaves": [], "live_since": NaN}'),
    "mark of the engine's": ("own_migrations.py", '{"migrations": {}, "leaves": [], "prepared": "x", "source": "x"}'),
    "list in place of a table": ("own_migrations.py", "[1, 2]"),
    "deep": ("own_migrations.py", "[" * 200_000),
    "integer of 5,000 digits": ("own_migrations.py", '{"migrations": {}, "leaves": [], "x": ' + "9" * 5000 + "}"),
    "applied that is a number": ("database.py", '{"applied": 5, "unapplied": [], "not_atomic": [], "issues": {}}'),
    "all at once": ("look.py", '{"check": [1], "own": {"migrations": [], "leaves": 5}, "state": [{"applied": 5}]}'),
    "told that are numbers": ("gunicorn", '{"refused": [], "told": [1]}'),
    "issues that are numbers": ("database.py", '{"applied": [], "unapplied": [], "not_atomic": [], "issues": {"shop.0001": [1]}}'),
}
FORGER = """
import atexit, sys
from pathlib import Path

# What look.py answers saves the engine the other questions, unless it cannot be believed.
if sys.argv[0].endswith(("/look.py", {script!r})):
    atexit.register(lambda: print("shortstop answers: " + Path(__file__).with_name("answer.txt").read_text(), flush=True))
"""


def forge(evil: Hostile, script: str, answer: str, **others: str) -> Hostile:
    return evil.write({"tiny/hostile.py": FORGER.format(script=script), "tiny/answer.txt": answer, **others})


def expect_whole_lines(host: Server) -> None:
    sites = {row["site"]: row for row in json.loads(host.run("shortstop status --json"))}
    assert sites["blog"]["release"] == host.live("blog")
    assert sites["blog"]["state"] == "serving"
    assert "UTC" in sites["blog"]["since"]
    assert "evil" in sites
    assert "live" in host.run("shortstop releases evil")
    assert host.get("blog.example.com").status == 200


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_answer_ends_the_deploy_with_a_sentence(evil: Hostile, host: Server, forged: str) -> None:
    script, answer = FORGED[forged]
    run = forge(evil, script, answer, **{"tiny/wsgi.py": NO_ANSWER}).deploy()
    assert run.status != 0
    expect_whole_lines(host)
    assert not MISTAKE.search(run.output)
    evil.mend()
    expect_whole_lines(host)


def test_an_answer_of_50_megabytes_is_not_kept(evil: Hostile, host: Server) -> None:
    answer = '{"migrations": {"' + "a" * 50 * MEGABYTE + '": []}, "leaves": []}'
    with watched(host) as processes:
        run = forge(evil, "own_migrations.py", answer).deploy()
    print(f"\nstatus {run.status}, the engine took {engine_memory(processes) // MEGABYTE} MB")
    assert engine_memory(processes) < ENGINE_MEMORY
    assert host.run("find /srv/evil/releases /etc/shortstop -name '*.json' -size +1M") == ""
    expect_whole_lines(host)
    evil.mend()


def test_a_rollback_to_a_release_with_a_forged_answer_needs_no_help(evil: Hostile, host: Server) -> None:
    evil.mend()
    good = evil.live
    forge(evil, "own_migrations.py", '{"migrations": [1], "leaves": {"a": 1}}').deploy()
    forged = evil.live
    said = host.run("shortstop rollback evil 2>&1", check=False)
    assert "Traceback" not in said
    assert "Error" not in said
    assert evil.live == good or forged == good
    assert not CONTROL.search(said)
    expect_whole_lines(host)
    evil.mend()
