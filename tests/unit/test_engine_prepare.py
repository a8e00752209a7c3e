"""Step prepare: a release is made complete beside the live one, and asked by its gates."""

from __future__ import annotations

import dataclasses
import json
import subprocess

import prepare
import programs
import pytest
import records
from conftest import NOTHING_MISSING
from report import StepFailed

NEW = "0000000000aa"
GATES = ["/inside/build.py", "/inside/gate.py", "check --deploy", "own_migrations.py", "collectstatic", "/inside/compress.py"]


def prepared(blog, archived, new: str = NEW) -> list[str]:
    digest, archive = archived
    return list(prepare.prepare(blog, new, digest, "v1", archive, {}))


def test_it_works(blog, archived):
    assert prepared(blog, archived) == []
    assert (blog.release_dir(NEW) / "source/manage.py").is_file()
    record = records.read(blog, NEW)
    assert record.pop("prepared") > 0
    known = {"settings": [], "warnings": [], "late": [], "migrations": {"shop.0001_initial": []}, "leaves": ["shop.0001_initial"]}
    assert record == {"source": archived[0], "revision": "v1", **known}


def test_the_gates_come_in_order(blog, archived, machine):
    prepared(blog, archived)
    positions = machine.positions(*GATES, "daemon-reload")
    assert positions == sorted(positions)


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_refuses_leaves_no_finished_release(blog, archived, machine, gate):
    machine.answer(gate, "it is shut", status=1)
    with pytest.raises(StepFailed, match="ended with status 1:\nit is shut"):
        prepared(blog, archived)
    assert records.read(blog, NEW) is None


def test_the_record_comes_after_all_gates(blog, archived, machine, monkeypatch):
    complete = []

    def watched(words: list, **options: object) -> subprocess.CompletedProcess:
        complete.append(records.read(blog, NEW) is not None)
        return machine(words, **options)

    monkeypatch.setattr(programs, "run", watched)
    prepared(blog, archived)
    assert machine.started[-1] == "systemctl daemon-reload"
    assert (any(complete[:-1]), complete[-1]) == (False, True)


def test_a_release_that_was_not_finished_begins_anew(blog, archived, machine):
    (blog.release_dir(NEW)).mkdir()
    (blog.release_dir(NEW) / "leftover").write_text("", encoding="utf-8")
    prepared(blog, archived)
    assert not (blog.release_dir(NEW) / "leftover").exists()


def test_a_release_that_is_finished_is_taken_as_it_is(blog, archived, machine, make_release):
    make_release(NEW)
    assert prepared(blog, archived) == []
    # It also names the secrets that no message may show.
    asked, reloaded = machine.started
    assert asked.endswith("/inside/gate.py shop.wsgi")
    assert reloaded == "systemctl daemon-reload"


@pytest.mark.parametrize("gunicorn", ["23.0.0"])
def test_an_old_gunicorn_is_a_warning(blog, archived, gunicorn):
    (warning,) = prepared(blog, archived)
    assert warning.startswith("gunicorn 23.0 loses requests with threads; it runs with sync workers")
    assert 'GUNICORN_CMD_ARGS="--worker-class=sync --threads=1"' in blog.release_environment(NEW).read_text(encoding="utf-8")


def test_what_the_requirements_do_not_bring_is_told(blog, archived, machine):
    """And nothing else that the site prints."""
    said, status = next((said, status) for part, said, status in machine.answers if part == "/inside/build.py")
    added = "shortstop adds: gunicorn\nshortstop adds: psycopg[binary]\nshortstop adds: nonsense\nso shortstop adds: gunicorn\n"
    machine.answer("/inside/build.py", lambda line: said(line) + added, status)
    assert prepared(blog, archived) == [
        "requirements.txt does not bring gunicorn, so gunicorn was added",
        "requirements.txt does not bring a driver for PostgreSQL, so psycopg[binary] was added",
    ]
    # The environment is there now.
    machine.answer("/inside/build.py", said, status)
    assert prepared(blog, archived, "0000000000bb") == []


def test_gunicorn_is_asked_about_the_module_that_the_unit_names(blog, archived, machine):
    prepared(blog, archived)
    assert any(line.endswith("/inside/gate.py shop.wsgi") for line in machine.started)


def test_settings_that_are_not_fit_to_serve_are_refused(blog, archived, machine):
    machine.answer_of("gate.py", refused=["DEBUG is on"], told=[])
    with pytest.raises(StepFailed, match=r"^DEBUG is on$"):
        prepared(blog, archived)
    machine.answer_of("gate.py", refused=["DEBUG is on", "SECRET_KEY is not the site's"], told=[])
    with pytest.raises(StepFailed, match=r"^by way of shop.wsgi: DEBUG is on\nby way of shop.wsgi: SECRET_KEY is not the site's$"):
        prepared(blog, archived)
    machine.answer_of("gate.py", refused=[], told=[])
    machine.answer_of("own_migrations.py", migrations={}, leaves=[], **{**NOTHING_MISSING, "refused": ["DEBUG is on"]})
    with pytest.raises(StepFailed, match=r"^DEBUG is on$"):
        prepared(blog, archived)
    assert records.read(blog, NEW) is None


def test_a_job_with_settings_of_its_own_is_told(blog, archived):
    jobs = {"worker": {"command": "manage.py worker --settings=shop.other"}, "other": {"command": "manage.py worker"}}
    told = '"worker": its command names settings by --settings, which are not those of the release; take that out'
    assert prepared(dataclasses.replace(blog, daemons=jobs), archived) == [told]


def test_what_the_overlay_changed_is_kept(blog, archived, machine):
    machine.answer_of("gate.py", refused=[], told=["DEBUG: True, here False"])
    assert prepared(blog, archived) == []
    assert records.read(blog, NEW)["settings"] == ["DEBUG: True, here False"]


def test_a_release_has_the_overlay_and_its_variables(blog, archived):
    blog = dataclasses.replace(blog, settings_left=["LOGGING", "ALLOWED_HOSTS"], databases=["analytics"])
    prepared(blog, archived)
    settings = blog.release_dir(NEW) / "settings"
    assert (settings / "shortstop_settings.py").is_file()
    assert (settings / "shortstop_overlay/pins.py").is_file()
    lines = blog.release_environment(NEW).read_text(encoding="utf-8").splitlines()
    # The last line of a name counts.
    assert lines.index('DJANGO_SETTINGS_MODULE="shop.settings"') < lines.index('DJANGO_SETTINGS_MODULE="shortstop_settings"')
    assert {
        f'PYTHONPATH="{settings}"',
        'SHORTSTOP_DATABASES="default,analytics"',
        'SHORTSTOP_SETTINGS="shop.settings"',
        'SHORTSTOP_SETTINGS_LEFT="LOGGING,ALLOWED_HOSTS"',
    } <= set(lines)


def test_a_path_of_the_site_s_own_comes_after_the_overlay(blog, archived):
    with blog.environment_file.open("a", encoding="utf-8") as file:
        file.write('PYTHONPATH="/srv/blog/lib"\n')
    prepared(dataclasses.replace(blog, database="none"), archived)
    text = blog.release_environment(NEW).read_text(encoding="utf-8")
    assert f'PYTHONPATH="{blog.release_dir(NEW)}/settings:/srv/blog/lib"\n' in text
    assert 'SHORTSTOP_DATABASES=""\n' in text


def test_a_site_without_a_settings_module_is_refused(blog, archived):
    blog.environment_file.write_text('DJANGO_SECRET_KEY="x"\n', encoding="utf-8")
    with pytest.raises(StepFailed, match=r'^neither wsgi.py, asgi.py nor manage.py names the settings module; give it by the key "settings"$'):
        prepared(blog, archived)


def test_site_code_runs_in_the_sandbox_alone(blog, archived, machine):
    prepared(blog, archived)
    assert all("--property=User=blog" in line for line in machine.started if line.startswith("systemd-run"))
    assert [line for line in machine.started if not line.startswith("systemd-run")] == ["systemctl daemon-reload"]


def test_a_release_keeps_the_configuration_of_its_day(blog, archived):
    prepared(blog, archived)
    variables = blog.release_environment(NEW).read_text(encoding="utf-8").splitlines()
    assert variables == [
        'PATH="/bin"',
        'COLOUR="red"',
        'DJANGO_SECRET_KEY="not a secret"',
        'DJANGO_SETTINGS_MODULE="shop.settings"',
        'DJANGO_SETTINGS_MODULE="shortstop_settings"',
        f'PYTHONPATH="{blog.release_dir(NEW)}/settings"',
        'SHORTSTOP_DATABASES="default"',
        'SHORTSTOP_SETTINGS="shop.settings"',
        'SHORTSTOP_SETTINGS_LEFT=""',
        f'DJANGO_STATIC_ROOT="{blog.release_dir(NEW)}/static"',
        'GUNICORN_CMD_ARGS="--threads=4 --no-control-socket"',
        f'SHORTSTOP_RELEASE="{NEW}"',
    ]
    assert blog.service_file(NEW).read_text(encoding="utf-8") == blog.template.read_text(encoding="utf-8")


def test_nobody_else_reads_a_release_s_environment(blog, archived):
    prepared(blog, archived)
    assert blog.release_environment(NEW).stat().st_mode & 0o777 == 0o600


def test_nobody_else_reads_a_release(blog, archived):
    prepared(blog, archived)
    modes = {path.name: path.stat().st_mode & 0o777 for path in blog.release_dir(NEW).iterdir() if not path.is_symlink()}
    assert modes == {"source": 0o750, "static": 0o750, "settings": 0o755}
    assert blog.release_dir(NEW).stat().st_mode & 0o777 == 0o750


def test_static_files_are_collected_beside_the_live_ones(blog, archived):
    prepared(blog, archived)
    assert (blog.release_dir(NEW) / "static/css/a.css").is_file()
    assert list(blog.static_dir.iterdir()) == []


def test_a_script_without_an_answer_is_a_failure(blog, archived, machine):
    machine.answer("own_migrations.py", "the site prints, and ends\n")
    with pytest.raises(StepFailed, match=r"^a look at the source's migrations gave no answer; it said:\nthe site prints, and ends$"):
        prepared(blog, archived)


MORE = json.dumps(NOTHING_MISSING)[1:-1]
KNOWN = f'"migrations": {{"shop.0001_initial": []}}, "leaves": ["shop.0001_initial"], {MORE}'
FORGED = {
    "no JSON": "{",
    "nothing": "",
    "100,000 lists": "[" * 100_000,
    "100,000 dicts": '{"leaves":' * 100_000,
    "a list": "[]",
    "NaN": "NaN",
    "a key too few": f'{{"leaves": [], {MORE}}}',
    "a key too many": f'{{{KNOWN}, "live_since": 1e999}}',
    "infinite": f'{{"migrations": {{}}, "leaves": 1e999, {MORE}}}',
    "100,000 digits": f'{{"migrations": {{}}, "leaves": [{"9" * 100_000}], {MORE}}}',
    "a bool": f'{{"migrations": {{}}, "leaves": [true], {MORE}}}',
    "an option": f'{{"migrations": {{}}, "leaves": ["--fake.0001"], {MORE}}}',
    "a way up": f'{{"migrations": {{"../../etc.x": []}}, "leaves": [], {MORE}}}',
    "a lone surrogate": f'{{"migrations": {{"shop.\\ud800": []}}, "leaves": [], {MORE}}}',
    "an escape sequence": f'{{"migrations": {{"shop.\\u001b[2J": []}}, "leaves": [], {MORE}}}',
    "a list for a dict": f'{{"migrations": ["shop.0001_initial"], "leaves": [], {MORE}}}',
    "a change that is no text": f"{{{KNOWN}}}".replace('"changing": [', '"changing": [1'),
    "a table with an escape sequence": f"{{{KNOWN}}}".replace('"absent": [', '"absent": ["\\u001b[2J"'),
    "null": f'{{"migrations": null, "leaves": null, {MORE}}}',
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_answer_is_refused(blog, archived, machine, forged):
    machine.answer("own_migrations.py", f"shortstop answers: {{{KNOWN}}}\nshortstop answers: {forged}\n")
    sentence = (
        r"^a look at the source's migrations gave an answer that cannot be believed;"
        r" find what in the source prints a line that begins with 'shortstop answers:'$"
    )
    with pytest.raises(StepFailed, match=sentence):
        prepared(blog, archived)
    assert records.read(blog, NEW) is None


def test_a_script_that_prints_without_an_answer_shows_its_last_lines(blog, archived, machine):
    machine.answer("own_migrations.py", "".join(f"line {number} {'x' * 2000}\n" for number in range(150)))
    with pytest.raises(StepFailed) as error:
        prepared(blog, archived)
    _first, *rest = str(error.value).splitlines()
    assert [line.split()[1] for line in rest] == [str(number) for number in range(50, 150)]


def test_the_last_answer_of_a_script_counts(blog, archived, machine):
    said = (f"shortstop answers: {json.dumps({'migrations': {}, 'leaves': [leaf], **NOTHING_MISSING})}\n" for leaf in ("theirs.0001", "ours.0001"))
    machine.answer("own_migrations.py", "".join(said))
    prepared(blog, archived)
    assert records.read(blog, NEW)["leaves"] == ["ours.0001"]


def test_the_jobs_stay_with_their_release(blog, archived, machine):
    blog = dataclasses.replace(blog, daemons={"worker": {"command": "manage.py worker"}})
    prepared(blog, archived)
    assert [file.name for file in blog.jobs_dir(NEW).iterdir()] == ["site-blog-worker.service"]


def test_nothing_is_left_in_scratch(blog, archived, tmp_path):
    prepared(blog, archived)
    assert list((tmp_path / "scratch_dir").iterdir()) == []
