"""Step migrate: warnings, a lock that is not waited for, what a first deploy needs, and the way back."""

from __future__ import annotations

import dataclasses
import json

import database
import pytest
from report import StepFailed

NEW, OLD = "0000000000aa", "0000000000bb"
MIGRATE = "manage.py migrate"
OPTIONS = "-c lock_timeout=100ms -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
LOCKED = "django.db.utils.OperationalError\npsycopg.errors.LockNotAvailable: canceling statement due to lock timeout"


@pytest.fixture
def answered(machine):
    """Says what the database tells of its migrations."""

    def answer(
        applied: tuple[str, ...] = (), unapplied: tuple[str, ...] = ("shop.0001_initial",), issues: dict | None = None, not_atomic: tuple[str, ...] = ()
    ) -> None:
        machine.answer_of("database.py", applied=applied, unapplied=unapplied, not_atomic=not_atomic, issues=issues or {})

    answer()
    return answer


@pytest.fixture
def site(blog, make_release, answered):
    make_release(NEW, migrations={"shop.0001_initial": []}, leaves=["shop.0001_initial"])
    return blog


def migrated(site, live: str | None = None, known: database.State | None = None) -> list[str]:
    return list(database.migrate(site, NEW, live, known))


def test_it_works(site, machine):
    assert migrated(site) == []
    (line,) = machine.lines(MIGRATE)
    assert line.endswith(
        f"/usr/bin/env PGCONNECT_TIMEOUT=10 PGOPTIONS={OPTIONS} {site.release_dir(NEW)}/venv/bin/python manage.py migrate --no-input --skip-checks"
    )
    assert f"--property=EnvironmentFile={site.release_environment(NEW)} " in line


def test_further_databases_are_migrated_after_the_first(site, machine, answered):
    further = dataclasses.replace(site, databases=["analytics", "old"])
    migrated(further)
    assert [line.partition("--skip-checks")[2] for line in machine.lines(MIGRATE)] == ["", " --database=analytics", " --database=old"]
    machine.started.clear()
    # Only the first one is asked what it lacks.
    answered(unapplied=())
    migrated(further)
    assert [line.partition("--skip-checks")[2] for line in machine.lines(MIGRATE)] == [" --database=analytics", " --database=old"]


def test_only_postgres_knows_a_lock_timeout(site, machine):
    migrated(dataclasses.replace(site, database="sqlite"))
    assert "PGOPTIONS" not in machine.lines(MIGRATE)[0]


def test_where_nothing_is_unapplied_nothing_is_migrated(site, machine, answered):
    answered(unapplied=())
    assert migrated(site) == []
    assert machine.lines(MIGRATE) == []


def test_a_database_that_was_seen_to_lack_nothing_is_not_asked_again(site, machine):
    assert migrated(site, OLD, database.State({"shop.0009_strange"}, [], set(), {})) == []
    assert machine.started == []


def test_what_is_to_be_migrated_is_asked_at_that_moment(site, machine, answered):
    """Somebody else may have applied some of it since the gates."""
    answered(unapplied=())
    assert migrated(site, known=database.State(set(), ["shop.0001_initial"], {"shop.0001_initial"}, {})) == []
    assert machine.lines(MIGRATE) == []


@pytest.mark.parametrize("tries", [2, 3, 7])
def test_a_lock_is_tried_for_again(site, machine, clock, tries):
    def answer(_line: str) -> str:
        if len(machine.lines(MIGRATE)) == tries - 1:
            machine.answer(MIGRATE)
        return LOCKED

    machine.answer(MIGRATE, answer, status=1)
    assert migrated(site) == []
    assert clock.slept == list(database.PAUSES[: tries - 1])


def test_a_lock_that_stays_is_given_up(site, machine, clock):
    machine.answer(MIGRATE, LOCKED, status=1)
    with pytest.raises(StepFailed, match=r"(?s)^manage.py migrate got no lock in 7 tries over 31 seconds: somebody holds the table.*LockNotAvailable"):
        migrated(site)
    assert len(machine.lines(MIGRATE)) == 7
    assert sum(clock.slept) == 31


def test_no_other_failure_is_tried_again(site, machine, clock):
    machine.answer(MIGRATE, 'column "title" contains null values', status=1)
    with pytest.raises(StepFailed, match=r"^manage.py migrate ended with status 1:\ncolumn"):
        migrated(site)
    assert clock.slept == []


def test_a_lock_is_seen_in_all_that_was_printed(site, machine, clock):
    machine.answer(MIGRATE, LOCKED + "\nand so on" * 100, status=1)
    with pytest.raises(StepFailed, match="got no lock in 7 tries"):
        migrated(site)


def test_migrations_that_may_hurt_the_live_release_are_a_warning(site, machine, answered):
    answered(issues={"shop.0001_initial": ["NOT NULL constraint on columns", "DROPPING column"]})
    (warning,) = migrated(site, OLD)
    assert warning == ("shop.0001_initial may break the release that is still live, or hold its visitors up: NOT NULL constraint on columns, DROPPING column")


@pytest.mark.parametrize(("live", "lints"), [(OLD, True), (None, False)], ids=["a release is live", "nothing is live"])
def test_migrations_are_judged_where_they_could_hurt(site, machine, live, lints):
    packages = database.TOOLS / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    migrated(site, live)
    assert machine.lines("/inside/database.py")[0].endswith(f"/inside/database.py{f' {packages}' if lints else ''}")


@pytest.mark.parametrize(
    "forged",
    [
        {"applied": ["shop.0001_initial"], "unapplied": []},
        {"applied": "shop.0001_initial", "unapplied": [], "not_atomic": [], "issues": {}},
        {"applied": [], "unapplied": ["--fake.0001"], "not_atomic": [], "issues": {}},
        {"applied": [], "unapplied": [], "not_atomic": [], "issues": {"shop.0001_initial": "DROPPING column"}},
        {"applied": [], "unapplied": [], "not_atomic": [], "issues": {"shop.0001_initial": ["\x1b[2J"]}},
        {"applied": [True], "unapplied": [], "not_atomic": [], "issues": {}},
        {"applied": [], "unapplied": [], "not_atomic": [], "issues": {}, "more": 1},
    ],
    ids=["a key too few", "a text", "an option", "an issue for issues", "an escape sequence", "a bool", "a key too many"],
)
def test_a_forged_state_is_refused(site, machine, forged):
    machine.answer_of("database.py", **forged)
    with pytest.raises(StepFailed, match=r"^a look at the database's migrations gave an answer that cannot be believed; "):
        migrated(site)
    assert machine.lines(MIGRATE) == []


@pytest.mark.parametrize(
    ("unapplied", "not_atomic", "runs"),
    [
        ([], [], []),
        ([], ["shop.0001"], []),
        (["shop.0001", "tag.0001", "shop.0002"], ["other.0001"], [([], False)]),
        (["shop.0001"], ["shop.0001"], [(["shop", "0001"], True), ([], False)]),
        (
            ["shop.0001", "tag.0001", "shop.0002", "shop.0003", "tag.0002"],
            ["shop.0003"],
            [(["shop", "0002"], False), (["tag", "0001"], False), (["shop", "0003"], True), ([], False)],
        ),
        (["shop.0001", "shop.0002"], ["shop.0001", "shop.0002"], [(["shop", "0001"], True), (["shop", "0002"], True), ([], False)]),
    ],
    ids=["nothing", "applied already", "all atomic", "one alone", "one among others", "two"],
)
def test_each_migration_that_is_not_atomic_has_a_run_of_its_own(unapplied, not_atomic, runs):
    assert list(database.targets(unapplied, set(not_atomic))) == runs


@pytest.fixture
def not_atomic(site, answered):
    """The site's only unapplied migration is not atomic."""
    answered(not_atomic=("shop.0001_initial",))
    return dataclasses.replace(site, deploy_timeout=60)


def test_a_migration_that_is_not_atomic_waits_for_its_locks(not_atomic, machine):
    assert migrated(not_atomic) == []
    alone, rest = machine.lines(MIGRATE)
    assert alone.endswith("manage.py migrate --no-input --skip-checks shop 0001_initial")
    assert "PGOPTIONS=-c lock_timeout=0 -c statement_timeout=50s -c idle_in_transaction_session_timeout=0 " in alone
    assert rest.endswith(f"PGOPTIONS={OPTIONS} {not_atomic.release_dir(NEW)}/venv/bin/python manage.py migrate --no-input --skip-checks")


def test_a_migration_that_is_not_atomic_is_tried_once(not_atomic, machine, clock):
    machine.answer(MIGRATE, LOCKED, status=1)
    machine.answer_of("invalid_indexes.py", statements=[])
    with pytest.raises(StepFailed, match=r"^manage.py migrate shop 0001_initial ended with status 1:"):
        migrated(not_atomic)
    assert (len(machine.lines(MIGRATE)), clock.slept) == (1, [])


def test_an_index_that_it_left_invalid_is_named_with_what_drops_it(not_atomic, machine):
    machine.answer(MIGRATE, "canceling statement due to statement timeout", status=1)
    machine.answer_of("invalid_indexes.py", statements=["DROP INDEX CONCURRENTLY public.price_idx"])
    said = (
        "an index is invalid, and its migration fails until it is dropped: DROP INDEX CONCURRENTLY public.price_idx\nmanage.py migrate shop 0001_initial ended"
    )
    with pytest.raises(StepFailed, match=f"^{said}"):
        migrated(not_atomic)


def test_where_the_indexes_cannot_be_asked_for_the_failure_is_told_alone(not_atomic, machine):
    machine.answer(MIGRATE, "no", status=1)
    machine.answer("invalid_indexes.py", "no", status=1)
    with pytest.raises(StepFailed, match=r"^manage.py migrate shop 0001_initial ended"):
        migrated(not_atomic)


def test_migrations_that_the_source_has_lost_are_a_warning(site, make_release, answered):
    make_release(OLD, migrations={"shop.0001_initial": [], "shop.0002_price": [], "tag.0001_initial": []})
    answered(applied=("shop.0001_initial", "shop.0002_price"), unapplied=())
    assert migrated(site, OLD) == ["the database has migrations that this source does not know: shop.0002_price"]


INITIAL, PRICE, SQUASHED = "shop.0001_initial", "shop.0002_price", "shop.0001_squashed_0002_price"


@pytest.mark.parametrize(
    ("older", "newer", "applied", "unknown"),
    [
        ({INITIAL: []}, {INITIAL: [], PRICE: []}, {INITIAL, PRICE}, [PRICE]),
        ({INITIAL: []}, {INITIAL: [], PRICE: []}, {INITIAL}, []),
        ({INITIAL: []}, {INITIAL: []}, {INITIAL, "gone.0001_initial"}, []),
        ({INITIAL: [], PRICE: []}, {SQUASHED: [INITIAL, PRICE]}, {INITIAL, PRICE, SQUASHED}, []),
        ({INITIAL: []}, {SQUASHED: [INITIAL, PRICE]}, {INITIAL, PRICE, SQUASHED}, [SQUASHED]),
        ({INITIAL: []}, {INITIAL: [], PRICE: [], SQUASHED: [INITIAL, PRICE]}, {INITIAL, PRICE, SQUASHED}, [SQUASHED, PRICE]),
        ({}, {INITIAL: []}, {INITIAL}, [INITIAL]),
    ],
    ids=["one more", "not applied", "known to neither", "squashed", "squashed with one more", "squashed beside them", "another app"],
)
def test_unknown_is_what_was_applied_and_the_older_code_has_not(blog, make_release, older, newer, applied, unknown):
    make_release(OLD, migrations=older)
    make_release(NEW, migrations=newer)
    assert database.unknown(blog, OLD, NEW, applied) == unknown


def test_to_a_release_that_nobody_knows_everything_is_unknown(blog, make_release):
    make_release(NEW, migrations={INITIAL: []})
    assert database.unknown(blog, OLD, NEW, {INITIAL}) == [INITIAL]


@pytest.mark.parametrize(
    ("names", "commands"),
    [
        ([PRICE], ["shop 0001_initial"]),
        ([PRICE, "shop.0003_colour"], ["shop 0001_initial"]),
        (["tag.0001_initial"], ["tag zero"]),
        (["tag.0001_initial", PRICE], ["shop 0001_initial", "tag zero"]),
    ],
    ids=["one", "two of one app", "a whole app", "two apps"],
)
def test_migrations_are_taken_back_to_where_the_older_code_ends(site, machine, make_release, names, commands):
    make_release(OLD, leaves=[INITIAL, "auth.0012_alter"])
    database.reverse(site, NEW, OLD, names)
    assert [
        line.partition(f"{site.release_dir(NEW)}/venv/bin/python manage.py migrate --no-input --skip-checks ")[2] for line in machine.lines(MIGRATE)
    ] == commands


def test_a_reversal_waits_for_locks_no_longer_either(site, machine, make_release, clock):
    make_release(OLD, leaves=[INITIAL])
    machine.answer(MIGRATE, LOCKED, status=1)
    with pytest.raises(StepFailed, match=r"^manage.py migrate shop 0001_initial got no lock in 7 tries"):
        database.reverse(site, NEW, OLD, [PRICE])


@pytest.fixture
def led(site, machine):
    """The site with a superuser, who is made."""
    machine.answer_of("superuser.py", created=True)
    site.superuser_file.write_text('DJANGO_SUPERUSER_PASSWORD="open sesame"\n', encoding="utf-8")
    return dataclasses.replace(site, superuser={"username": "ada", "email": "ada@example.com"})


def test_a_superuser_is_made_once(led, machine):
    assert [migrated(led), migrated(led)] == [[], []]
    (line,) = machine.lines("superuser.py")
    assert f"--property=EnvironmentFile={led.superuser_file} " in line
    assert "open sesame" not in line


def test_no_other_program_gets_the_superuser_s_password(led, machine):
    migrated(led)
    assert len(machine.lines(str(led.superuser_file))) == 1


def test_a_superuser_who_was_there_stays_as_they_are(led, machine):
    machine.answer_of("superuser.py", created=False)
    assert migrated(led) == ['there is a user "ada" already, who stays as they are']
    assert migrated(led) == []


@pytest.mark.parametrize("created", [1, "true", None, []])
def test_whether_a_superuser_was_made_is_a_yes_or_a_no(led, machine, created):
    machine.answer_of("superuser.py", created=created)
    with pytest.raises(StepFailed, match=r'^making superuser "ada" gave an answer that cannot be believed; '):
        migrated(led)


def test_another_password_is_told_and_not_set(led, machine):
    migrated(led)
    machine.started.clear()
    led.superuser_file.write_text('DJANGO_SUPERUSER_PASSWORD="another one"\n', encoding="utf-8")
    (warning,) = migrated(led)
    assert warning == (
        'superuser "ada" was made with another password or address, and stays as it is; change it with: sudo shortstop manage blog changepassword ada'
    )
    assert machine.lines("superuser.py") == []


def test_another_superuser_is_made_too(led, machine):
    migrated(led)
    migrated(dataclasses.replace(led, superuser={"username": "bob", "email": ""}))
    assert len(machine.lines("superuser.py")) == 2


def test_a_superuser_that_could_not_be_made_is_tried_again(led, machine):
    machine.answer("superuser.py", "no such table", status=1)
    with pytest.raises(StepFailed, match=r'^making superuser "ada" ended with status 1'):
        migrated(led)
    machine.answer_of("superuser.py", created=True)
    migrated(led)
    assert len(machine.lines("superuser.py")) == 2


def test_the_password_goes_with_the_superuser(led):
    migrated(dataclasses.replace(led, superuser={}))
    assert not led.superuser_file.exists()


@pytest.fixture
def fixed(site):
    for name in ("a", "b"):
        (site.release_dir(NEW) / "source" / f"{name}.json").write_text(name, encoding="utf-8")
    return dataclasses.replace(site, fixtures=["a.json", "b.json"])


def loaded(machine) -> list[str]:
    return [line.rpartition("/")[2] for line in machine.lines("manage.py loaddata /")]


def test_a_fixture_is_loaded_once(fixed, machine):
    migrated(fixed)
    migrated(fixed)
    assert loaded(machine) == ["a.json", "b.json"]


def test_a_fixture_that_changed_is_loaded_again(fixed, machine):
    migrated(fixed)
    machine.started.clear()
    (fixed.release_dir(NEW) / "source/b.json").write_text("changed", encoding="utf-8")
    migrated(fixed)
    assert loaded(machine) == ["b.json"]


def test_what_was_loaded_before_a_failure_is_remembered(fixed, machine):
    machine.answer("/b.json", "no such model", status=1)
    with pytest.raises(StepFailed, match=r"^manage.py loaddata b.json ended with status 1"):
        migrated(fixed)
    assert list(json.loads((fixed.configuration_dir / "done.json").read_text(encoding="utf-8"))["fixtures"]) == ["a.json"]


def test_fixtures_come_after_the_tables(fixed, machine):
    migrated(fixed)
    positions = machine.positions("/inside/database.py", MIGRATE, "loaddata")
    assert positions == sorted(positions)


def test_what_was_done_may_have_been_cut_off(fixed):
    (fixed.configuration_dir / "done.json").write_text('{"fix', encoding="utf-8")
    assert migrated(fixed) == []
