"""The gates of a release: Django's checks and the migrations that nobody made, before the migrations and after them."""

from __future__ import annotations

import dataclasses

import database
import gates
import pytest
import records
from conftest import NOTHING_MISSING
from report import CommandFailed, StepFailed

NEW, OLD = "0000000000aa", "0000000000bb"
KNOWN = {"migrations": {"shop.0001_initial": []}, "leaves": ["shop.0001_initial"]}
NO_TABLE = 'django.db.utils.ProgrammingError: relation "shop_item" does not exist\n'
NO_COLUMN = "django.db.utils.ProgrammingError: column shop_item.name does not exist\n"
GERMAN = "psycopg.errors.UndefinedTable: Relation \u00bbshop_item\u00ab existiert nicht\n"
MADE = "; run manage.py makemigrations, and put what it writes into the source"


@pytest.fixture
def site(blog, make_release, machine):
    make_release(NEW)
    knows(machine)
    return blog


def knows(machine, **known: object) -> None:
    """Let the source say this of its migrations."""
    machine.answer_of("own_migrations.py", **{**KNOWN, **NOTHING_MISSING, **known})


def before(site) -> dict:
    return gates.before_migrations(site, NEW, {})


def after(site, live: str | None = None) -> list[str]:
    return list(gates.after_migrations(site, NEW, live))


STATE = {"applied": ["shop.0001_initial"], "unapplied": [], "not_atomic": [], "issues": {}}
LOOK = {"check": [], "own": {**KNOWN, **NOTHING_MISSING}, "state": [STATE]}


def test_it_works(site, machine):
    """One start of the project says it all."""
    machine.answer_of("look.py", **LOOK)
    states = {}
    assert gates.before_migrations(site, NEW, states) == {"warnings": [], "late": [], **KNOWN}
    (line,) = machine.lines("/venv/bin/python")
    assert line.endswith("/inside/look.py")
    assert states == {NEW: database.State({"shop.0001_initial"}, [], set(), {})}


def test_the_warnings_of_one_start_are_those_of_the_checks(site, machine):
    machine.answer_of("look.py", **{**LOOK, "check": ["?: (security.W004) You have not set a value.", DEBUG, f"  {KEY}"]})
    assert before(site)["warnings"] == [DEBUG, KEY]


def test_a_database_that_cannot_be_asked_yet_is_asked_later(site, machine):
    machine.answer_of("look.py", **{**LOOK, "state": []})
    states = {}
    assert gates.before_migrations(site, NEW, states)["late"] == []
    assert states == {}


def test_what_one_start_says_of_the_migrations_is_judged(site, machine):
    machine.answer_of("look.py", **{**LOOK, "own": {**KNOWN, **NOTHING_MISSING, "refused": ["DEBUG is on"], "changing": ["shop: Create model Offer"]}})
    with pytest.raises(StepFailed, match=r"^DEBUG is on$"):
        before(site)
    machine.answer_of("look.py", **{**LOOK, "own": {**KNOWN, **NOTHING_MISSING, "changing": ["shop: Create model Offer"]}})
    with pytest.raises(StepFailed, match=r"^models were changed without a migration: shop: Create model Offer; "):
        before(site)
    machine.answer_of("look.py", **{**LOOK, "own": {**KNOWN, **NOTHING_MISSING, "absent": ["offers (shop)"]}})
    assert before(site)["late"] == ["migrations"]


@pytest.mark.parametrize(
    "forged",
    [
        {"check": "none"},
        {"check": ["\x1b[2J"]},
        {"own": KNOWN},
        {"own": {**KNOWN, **NOTHING_MISSING, "more": 1}},
        {"state": [STATE, STATE]},
        {"state": [{**STATE, "unapplied": ["--fake.0001"]}]},
        {"state": STATE},
        {"more": 1},
    ],
    ids=["a text", "an escape sequence", "a key too few", "a key too many", "two states", "an option", "no list", "one more"],
)
def test_a_forged_look_is_not_believed(site, machine, forged):
    machine.answer_of("look.py", **{**LOOK, "check": [DEBUG], **forged})
    states = {}
    assert gates.before_migrations(site, NEW, states)["warnings"] == []
    assert states == {}
    assert [line.rpartition("/")[2] for line in machine.lines("/venv/bin/python")][::2] == ["look.py", "own_migrations.py"]


def test_one_start_may_take_five_minutes(site, monkeypatch):
    given = []
    monkeypatch.setattr(gates.inside, "script", lambda *_arguments, **options: given.append(options["seconds"]) or LOOK)
    before(site)
    before(dataclasses.replace(site, deploy_timeout=20))
    assert given == [300, 20]


def test_whatever_one_start_lacks_each_question_is_asked_by_itself(site, machine):
    machine.answer("look.py", "the checks ended it", status=1)
    assert before(site) == {"warnings": [], "late": [], **KNOWN}
    _look, check, own = machine.lines("/venv/bin/python")
    assert check.endswith("/venv/bin/python manage.py check --deploy --fail-level ERROR")
    assert own.endswith("/inside/own_migrations.py")
    machine.started.clear()
    assert after(site) == []
    assert machine.started == []


WARNINGS = """System check identified some issues:

WARNINGS:
?: (security.W018) You should not have DEBUG set to True in deployment.
shop.Price: (models.W042) Auto-created primary key used when not defining a primary key type.
\tHINT: Configure the DEFAULT_AUTO_FIELD setting.

System check identified 2 issues (0 silenced).
"""
DEBUG = "?: (security.W018) You should not have DEBUG set to True in deployment."
KEY = "shop.Price: (models.W042) Auto-created primary key used when not defining a primary key type."


def test_the_warnings_of_django_are_found(site, machine):
    machine.answer("check --deploy", WARNINGS)
    assert before(site)["warnings"] == [DEBUG, KEY]


@pytest.mark.parametrize("code", ["W004", "W008", "W012", "W016"])
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_what_nginx_and_the_overlay_settle_is_no_warning(site, machine, code, scheme):
    machine.answer("check --deploy", f"?: (security.{code}) You have not set a value.\n{DEBUG}\n")
    assert gates.check(dataclasses.replace(site, scheme=scheme), NEW) == [DEBUG]


@pytest.mark.parametrize("line", ["?: (shop.W004) more\n", "?: (security.W0040) more\n", "?: (mysecurity.W004) more\n"])
def test_what_is_called_alike_is_a_warning(site, machine, line):
    machine.answer("check --deploy", line)
    assert gates.check(site, NEW) == [line.strip()]


def test_only_so_many_warnings_are_kept(site, machine):
    machine.answer("check --deploy", "".join(f"?: (shop.W{number}) {'so ' * 1000}\n" for number in range(53)))
    *warnings, last = before(site)["warnings"]
    assert [warning.split()[1] for warning in warnings] == [f"(shop.W{number})" for number in range(50)]
    assert last == "and 3 more warnings; see them with: manage.py check --deploy"
    assert all(map(records.is_text, warnings))


def test_as_many_warnings_as_are_kept_are_no_more(site, machine):
    machine.answer("check --deploy", "?: (shop.W1) so\n" * 50)
    assert len(before(site)["warnings"]) == 50


@pytest.mark.parametrize("said", ["", "System check identified no issues (1 silenced).\n", "shop: loading\n"])
def test_what_is_no_warning_stays_quiet(site, machine, said):
    machine.answer("check --deploy", said)
    assert before(site)["warnings"] == []


def test_an_error_of_a_check_is_a_failure(site, machine):
    machine.answer("check --deploy", "SystemCheckError: shop.Price: (fields.E1) no\n", status=1)
    with pytest.raises(CommandFailed, match=r"^manage.py check --deploy --fail-level ERROR ended with status 1:\nSystemCheckError"):
        before(site)


@pytest.mark.parametrize("said", [NO_TABLE, "no such table: shop_item", NO_COLUMN, GERMAN, f"{NO_TABLE}{'more of it' * 20}"])
def test_a_check_that_reads_a_table_is_asked_again_after_the_migrations(site, machine, said):
    machine.answer("check --deploy", said, status=1)
    record = before(site)
    assert (record["warnings"], record["late"]) == ([], ["check"])
    records.write(site, NEW, **record)
    machine.answer("check --deploy", f"{DEBUG}\n")
    assert after(site) == [DEBUG]
    record = records.read(site, NEW)
    assert (record["warnings"], record["late"]) == ([DEBUG], [])


def test_a_check_that_still_lacks_a_table_after_the_migrations_is_a_failure(site, machine):
    machine.answer("check --deploy", NO_TABLE, status=1)
    records.write(site, NEW, **before(site))
    with pytest.raises(StepFailed, match=r"^manage.py check ended badly: the table shop_item does not exist, and no migration makes it"):
        after(site)


def test_a_change_without_its_migration_is_refused(site, machine):
    knows(machine, changing=["shop: Add field colour to price", "shop: Create model Offer"], harmless=["shop: Alter field a on b"])
    with pytest.raises(StepFailed) as error:
        before(site)
    assert str(error.value) == f"models were changed without a migration: shop: Add field colour to price, shop: Create model Offer{MADE}"


@pytest.mark.parametrize(("changes", "more"), [(10, ""), (11, ", \u2026")])
def test_only_so_many_changes_are_told(site, machine, changes, more):
    names = [f"shop: {number}" for number in range(changes)]
    knows(machine, changing=names)
    with pytest.raises(StepFailed) as error:
        before(site)
    assert str(error.value) == f"models were changed without a migration: {', '.join(names[:10])}{more}{MADE}"


def test_what_the_settings_refuse_comes_before_the_changes(site, machine):
    knows(machine, refused=['app "shop" has 2 last migrations'], changing=["shop: Create model Offer"])
    with pytest.raises(StepFailed, match=r'^app "shop" has 2 last migrations$'):
        before(site)


HARMLESS = ["shop: Alter field id on price"]
NEEDS_NOTHING = "these changes of models need nothing from the database, and have no migration: shop: Alter field id on price"
ABSENT = (
    "these tables do not exist, and their apps have no migrations: shop_offer (offers); run manage.py makemigrations with the names of the apps, and put"
    " what it writes into the source"
)


@pytest.mark.parametrize(
    ("known", "now", "told"),
    [
        ({"harmless": HARMLESS}, {"harmless": HARMLESS}, [NEEDS_NOTHING]),
        ({"absent": ["shop_offer (offers)"]}, {"absent": ["shop_offer (offers)"]}, [ABSENT]),
        ({"absent": ["shop_offer (offers)"]}, {}, []),
        ({"harmless": HARMLESS, "absent": ["shop_offer (offers)"]}, {"harmless": HARMLESS, "absent": ["shop_offer (offers)"]}, [NEEDS_NOTHING, ABSENT]),
    ],
    ids=["harmless", "absent", "made meanwhile", "both"],
)
def test_what_may_need_nothing_is_asked_again_after_the_migrations(site, machine, known, now, told):
    knows(machine, **known)
    record = before(site)
    assert record["late"] == ["migrations"]
    records.write(site, NEW, **record)
    knows(machine, **now)
    assert after(site) == told
    assert machine.lines("own_migrations.py")[-1].endswith("/inside/own_migrations.py --migrated")
    assert records.read(site, NEW)["late"] == []


def test_what_changes_the_schema_after_all_is_refused_after_the_migrations(site, machine):
    knows(machine, harmless=HARMLESS)
    records.write(site, NEW, **before(site))
    knows(machine, changing=HARMLESS)
    with pytest.raises(StepFailed, match=r"^models were changed without a migration: shop: Alter field id on price; run"):
        after(site)


@pytest.mark.parametrize(
    ("old", "told"),
    [([], [DEBUG, KEY]), ([DEBUG], [KEY]), ([DEBUG, KEY], []), ([KEY, "another"], [DEBUG]), (None, [DEBUG, KEY])],
    ids=["none", "one", "all", "others", "of an older Shortstop"],
)
def test_warnings_are_told_unless_the_live_release_has_them(site, make_release, old, told):
    make_release(OLD, **({} if old is None else {"warnings": old}))
    records.write(site, NEW, warnings=[DEBUG, KEY], late=[])
    assert after(site, OLD) == told
    assert records.read(site, NEW)["warnings"] == [DEBUG, KEY]


def test_with_the_first_release_all_warnings_are_told(site):
    records.write(site, NEW, warnings=[DEBUG, KEY], late=[])
    assert after(site) == [DEBUG, KEY]


def test_a_release_of_an_older_shortstop_has_no_warnings(site):
    assert after(site) == []


def test_a_unit_names_its_module_at_the_end_of_its_command(tmp_path):
    (tmp_path / "unit").write_text(
        "[Service]\nExecStartPre=true\nExecStart=python -m gunicorn --workers 2 shop.wsgi:application\nUser=blog\n", encoding="utf-8"
    )
    assert gates.wsgi(tmp_path / "unit") == "shop.wsgi:application"
