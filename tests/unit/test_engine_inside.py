"""The scripts that run inside a release, on a project of Django's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import database
import explain
import gates
import inside
import overlay
import pytest
import records
from report import CommandFailed

SETTINGS = """
SECRET_KEY = "x"
ROOT_URLCONF = "shop.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
print("a site may print")
"""
MODELS = "from django.db import models\n\n\nclass Price(models.Model):\n    amount = models.IntegerField()\n"
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = REPLACED
    operations = [
        migrations.CreateModel("Price", [
            ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("amount", models.IntegerField()),
        ])
    ]
"""


@pytest.fixture
def project(tmp_path) -> Path:
    """A release with one app and one migration."""
    files = {
        "shop/__init__.py": "",
        "shop/models.py": MODELS,
        "shop/urls.py": "urlpatterns = []\n",
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_initial.py": MIGRATION.replace("REPLACED", "[]"),
        "config.py": SETTINGS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(project: Path, *words: str | Path, **variables: str) -> subprocess.CompletedProcess:
    path = ":".join([str(overlay.SOURCE), *([variables.pop("PYTHONPATH")] if "PYTHONPATH" in variables else [])])
    environment = {
        "DJANGO_SECRET_KEY": "x",
        "DJANGO_SETTINGS_MODULE": "shortstop_settings",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": path,
        "SHORTSTOP_SETTINGS": "config",
        **variables,
    }
    return subprocess.run([sys.executable, *words], cwd=project, env=environment, capture_output=True, text=True, check=False)


def answer(project: Path, script: str, *arguments: str | Path, **variables: str) -> dict:
    done = run(project, inside.SCRIPTS / script, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith(inside.ANSWER))[len(inside.ANSWER) :])


def migrate(project: Path, *words: str) -> None:
    done = run(project, "-m", "django", "migrate", "--no-input", *words)
    assert done.returncode == 0, done.stderr


NEW = "0000000000aa"


def hides(*values: object) -> str:
    return f"{inside.HIDES}{json.dumps(values)}\n"


@pytest.fixture
def made(blog, make_release):
    make_release(NEW)
    return blog


def test_a_release_s_python_runs_with_its_packages_and_its_environment(made, machine, tmp_path):
    inside.python(made, NEW, "manage.py", "check", environment=tmp_path / "more.env", variables=("A=b", "C=d e"))
    (line,) = machine.started
    assert line.endswith(f" -- /usr/bin/env PGCONNECT_TIMEOUT=10 A=b C=d e {made.release_dir(NEW)}/venv/bin/python manage.py check")
    for wanted in (
        f"WorkingDirectory={made.release_dir(NEW)}/source",
        f"EnvironmentFile={made.release_environment(NEW)}",
        f"EnvironmentFile={tmp_path}/more.env",
    ):
        assert f" --property={wanted} " in line


def test_what_a_script_names_as_secret_is_hidden_and_not_said(made, machine):
    machine.answer("manage.py", f"one\n{hides('open sesame', 'hunter22')}two\n{hides('another one')}")
    assert inside.python(made, NEW, "manage.py", "check") == "one\ntwo\n"
    assert made.hidden == {"open sesame", "hunter22", "another one"}


def test_what_a_script_that_fails_names_as_secret_is_hidden_too(made, machine):
    machine.answer("manage.py", f"{hides('open sesame')}open sesame\n", status=1)
    with pytest.raises(CommandFailed, match=r"^manage.py check ended with status 1:\nopen sesame$") as error:
        inside.python(made, NEW, "manage.py", "check")
    assert error.value.output == "open sesame\n"
    assert made.hidden == {"open sesame"}


@pytest.mark.parametrize(
    "line", ["[", "{}", "7", '"open sesame"', "null", '["short", 7, null, ["open sesame"]]', json.dumps(["", "x" * 10_001]), "[" * 100_000]
)
def test_a_forged_list_of_secrets_hides_nothing(made, machine, line):
    machine.answer("manage.py", f"{inside.HIDES}{line}\nsaid\n")
    assert inside.python(made, NEW, "manage.py", "check") == "said\n"
    assert made.hidden == set()


def test_only_so_many_secrets_are_hidden(made, machine):
    lines = [hides(*(f"secret {line} {number}" for number in range(700))) for line in range(5)]
    machine.answer("manage.py", "".join(lines))
    inside.python(made, NEW, "manage.py", "check")
    assert len(made.hidden) == inside.MOST_SECRETS
    made.hidden.pop()
    inside.python(made, NEW, "manage.py", "check")
    assert inside.MOST_SECRETS <= len(made.hidden) <= 2 * inside.MOST_SECRETS


def test_an_answer_is_believed_beside_what_is_hidden(made, machine):
    machine.answer("/inside/a.py", f"half a line\n{hides('open sesame')}{inside.ANSWER}{{}}\n")
    assert inside.script(made, NEW, "a.py", name="a look", shape={}) == {}


def test_a_script_may_have_less_time_than_others(made, machine, monkeypatch):
    given = []
    monkeypatch.setattr(inside, "run", lambda *_arguments, **options: given.append(options["seconds"]) or f"{inside.ANSWER}{{}}")
    inside.script(made, NEW, "a.py", name="a look", shape={}, seconds=35)
    inside.script(made, NEW, "a.py", name="a look", shape={})
    assert given == [35, None]


def test_a_release_knows_its_migrations(project):
    known = answer(project, "own_migrations.py")
    assert known["migrations"]["shop.0001_initial"] == []
    assert {"shop.0001_initial", "contenttypes.0002_remove_content_type_name"} < set(known["leaves"])
    assert "contenttypes.0001_initial" not in known["leaves"]


def test_a_release_knows_what_its_migrations_replace(project):
    squashed = MIGRATION.replace("REPLACED", '[("shop", "0001_initial"), ("shop", "0002_gone")]')
    (project / "shop/migrations/0001_squashed_0002_gone.py").write_text(squashed, encoding="utf-8")
    (project / "shop/migrations/0001_initial.py").unlink()
    known = answer(project, "own_migrations.py")
    assert known["migrations"]["shop.0001_squashed_0002_gone"] == ["shop.0001_initial", "shop.0002_gone"]


@pytest.mark.parametrize("place", ["../venv/lib", "../NAME-beside"])
def test_a_library_s_missing_migration_is_not_its_user_s_to_make(project, place):
    library = (project / place.replace("NAME", project.name)).resolve() / "library"
    (library / "migrations").mkdir(parents=True)
    for name, text in {"__init__.py": "", "migrations/__init__.py": "", "models.py": MODELS}.items():
        (library / name).write_text(text, encoding="utf-8")
    (project / "config.py").write_text(SETTINGS.replace('"shop"]', '"shop", "library"]'), encoding="utf-8")
    known = answer(project, "own_migrations.py", "--migrated", PYTHONPATH=str(library.parent))
    assert "library.0001_initial" not in known["migrations"]
    assert (known["changing"], known["harmless"], known["absent"]) == ([], [], [])


def test_a_database_says_what_it_has_and_what_it_would_get(project):
    state = answer(project, "database.py")
    assert state["applied"] == []
    assert "shop.0001_initial" in state["unapplied"]
    migrate(project, "shop")
    state = answer(project, "database.py")
    assert state["applied"] == ["shop.0001_initial"]
    assert "shop.0001_initial" not in state["unapplied"]
    migrate(project)
    assert answer(project, "database.py")["unapplied"] == []
    assert answer(project, "database.py")["issues"] == {}


LINTER = {
    "django_migration_linter/__init__.py": """
class MigrationLinter:
    sql_analyser_class = None
    def __init__(self, **options):
        assert options == {"no_cache": True, "no_output": True}
    def get_sql(self, app, name):
        if name == "0001_initial" and app == "shop":
            raise ValueError("what nobody foresaw")
        return [app, name]
""",
    "django_migration_linter/sql_analyser.py": """
class Issue:
    def __init__(self, message):
        self.message = message
def analyse_sql_statements(analyser, sql, exclude):
    if sql != ["contenttypes", "0001_initial"]:
        return [], [Issue("ignored")], []
    return [Issue("b"), Issue("a")], [Issue("ignored")], [Issue("c")]
""",
}


def test_the_linter_judges_what_is_unapplied(project, tmp_path_factory):
    packages = tmp_path_factory.mktemp("linter")
    for name, text in LINTER.items():
        (packages / name).parent.mkdir(exist_ok=True)
        (packages / name).write_text(text, encoding="utf-8")
    assert answer(project, "database.py", packages)["issues"] == {
        "contenttypes.0001_initial": ["a", "b", "c"],
        "shop.0001_initial": ["could not be judged (ValueError: what nobody foresaw)"],
    }


@pytest.mark.parametrize("message", ["relation does not exist\\nLINE 1: SELECT", "x" * 1000], ids=["lines", "long"])
def test_whatever_the_linter_says_the_answer_is_believed(project, tmp_path_factory, message):
    packages = tmp_path_factory.mktemp("linter")
    for name, text in LINTER.items():
        (packages / name).parent.mkdir(exist_ok=True)
        (packages / name).write_text(text.replace("what nobody foresaw", message), encoding="utf-8")
    assert records.fits(answer(project, "database.py", packages), database.STATE, whole=True)


def test_what_the_scripts_answer_is_believed(project):
    migrate(project, "shop")
    assert records.fits(answer(project, "database.py"), database.STATE, whole=True)
    assert records.fits(answer(project, "own_migrations.py"), gates.KNOWN, whole=True)


WITH_CHECKS = """
from django.core import checks

@checks.register("security", deploy=True)
def look(app_configs, **kwargs):
    return [checks.Warning("so\\x07 so", id="shop.W1"), checks.Info("fine", id="shop.I1")FURTHER]
"""


def with_checks(project: Path, further: str = "") -> None:
    (project / "shop/models.py").write_text(MODELS + WITH_CHECKS.replace("FURTHER", further), encoding="utf-8")


def test_one_look_says_what_each_question_says(project):
    with_checks(project)
    migrate(project, "shop")
    (project / "manage.py").write_text("import django.core.management as m, sys\nm.execute_from_command_line(sys.argv)\nprint('once')\n", encoding="utf-8")
    look = answer(project, "look.py")
    assert look["own"] == answer(project, "own_migrations.py")
    assert look["state"] == [answer(project, "database.py")]
    said = run(project, "manage.py", "check", "--deploy", "--fail-level", "ERROR")
    assert look["check"] == [records.as_text(line.strip()) for line in f"{said.stderr}{said.stdout}".splitlines() if ": (" in line]
    assert "?: (shop.W1) so? so" in look["check"]
    assert run(project, inside.SCRIPTS / "look.py").stdout.count("once") == 1
    assert records.fits(look, gates.LOOK, whole=True)


@pytest.mark.parametrize("further", [', checks.Error("no", id="shop.E1")', ", 1 / 0"], ids=["an error", "an exception"])
def test_a_look_ends_where_a_check_does(project, further):
    with_checks(project, further)
    done = run(project, inside.SCRIPTS / "look.py")
    assert done.returncode == 1
    assert inside.ANSWER not in done.stdout


def test_a_look_at_a_database_that_is_not_there_says_the_rest(project):
    (project / "config.py").write_text(SETTINGS.replace("db.sqlite3", "/nowhere/db.sqlite3"), encoding="utf-8")
    look = answer(project, "look.py")
    assert (look["state"], look["own"]["refused"]) == ([], [])


MONEY = "    amount = models.IntegerField()\n"
UNMANAGED = "    class Meta:\n        managed = False\n"
AUTO = '"id", models.AutoField'


def of_models(project: Path, models: str, *words: str, migration: str = "", settings: str = SETTINGS) -> dict:
    """What is known of the migrations once the models are these."""
    (project / "shop/models.py").write_text(models, encoding="utf-8")
    if migration:
        (project / "shop/migrations/0001_initial.py").write_text(migration.replace("REPLACED", "[]"), encoding="utf-8")
    (project / "config.py").write_text(settings, encoding="utf-8")
    return answer(project, "own_migrations.py", *words)


def changes(known: dict) -> tuple[list[str], list[str]]:
    assert (known["refused"], known["absent"]) == ([], [])
    return known["changing"], known["harmless"]


def of_field(before: str, now: str) -> tuple[str, str]:
    """The models after a change of a field, and the migration before it."""
    return MODELS.replace("IntegerField()", now), MIGRATION.replace("IntegerField()", before)


NEEDS_NOTHING = {
    "choices": ("IntegerField()", "IntegerField(choices=[(1, 'one')])"),
    "a default of Python's": ("IntegerField()", "IntegerField(default=7)"),
    "a default that a function makes": ("TextField(default='')", "TextField(default=str)"),
    "words for people": ("IntegerField()", "IntegerField('Price', help_text='in cents', blank=True, editable=False)"),
    "validators": ("IntegerField()", "IntegerField(validators=[lambda value: None])".replace("lambda value: None", "print")),
    "where files go": ("FileField(upload_to='a')", "FileField(upload_to='b', storage=models.fields.files.Storage())"),
    "what a picture's size goes to": ("ImageField()", "ImageField(width_field='amount', height_field='amount')"),
    "a time that Django sets": ("DateTimeField()", "DateTimeField(auto_now=True)"),
    "a time that Django sets once": ("DateTimeField()", "DateTimeField(auto_now_add=True)"),
    "how JSON is read": ("JSONField()", "JSONField(encoder=print, decoder=print)"),
    "files to choose from": ("FilePathField(path='/a')", "FilePathField(path='/b', match='x', recursive=True, allow_folders=True, allow_files=False)"),
    "letters of all languages": ("SlugField()", "SlugField(allow_unicode=True)"),
    "unique on a day": ("IntegerField()", "IntegerField(unique_for_date='amount', unique_for_month='amount', unique_for_year='amount')"),
    "what follows a removal": ("ForeignKey('auth.User', models.CASCADE)", "ForeignKey('auth.User', models.PROTECT, related_name='prices')"),
}
CHANGES_THE_SCHEMA = {
    "longer": ("CharField(max_length=10)", "CharField(max_length=20)"),
    "null": ("IntegerField()", "IntegerField(null=True)"),
    "an index": ("IntegerField()", "IntegerField(db_index=True)"),
    "unique": ("IntegerField()", "IntegerField(unique=True)"),
    "another kind": ("IntegerField()", "TextField()"),
    "another column": ("IntegerField()", "IntegerField(db_column='sum')"),
    "a default of the database's": ("IntegerField()", "IntegerField(db_default=7)"),
    "a larger number": ("IntegerField()", "BigIntegerField()"),
}


@pytest.mark.parametrize(("before", "now"), NEEDS_NOTHING.values(), ids=NEEDS_NOTHING.keys())
@pytest.mark.parametrize("words", [(), ("--migrated",)], ids=["before the migrations", "after them"])
def test_a_change_that_needs_nothing_from_the_database_is_harmless(project, before, now, words):
    models, migration = of_field(before, now)
    if "auth.User" in now:
        migration = migration.replace("    replaces", "    dependencies = [('auth', '0001_initial')]\n    replaces")
    assert changes(of_models(project, models, *words, migration=migration)) == ([], ["shop: Alter field amount on price"])


@pytest.mark.parametrize(("before", "now"), CHANGES_THE_SCHEMA.values(), ids=CHANGES_THE_SCHEMA.keys())
def test_a_change_of_a_column_is_refused_once_all_is_migrated(project, before, now):
    models, migration = of_field(before, now)
    assert changes(of_models(project, models, "--migrated", migration=migration)) == (["shop: Alter field amount on price"], [])


def test_a_key_that_became_a_larger_number_is_left_as_it_is(project):
    """Such as by a Django that makes it so by default."""
    migrate(project, "shop")
    settings = SETTINGS.replace("models.AutoField", "models.BigAutoField")
    assert changes(of_models(project, MODELS, "--migrated", settings=settings)) == ([], ["shop: Alter field id on price"])


def test_a_key_that_became_a_smaller_number_is_a_change(project):
    migration = MIGRATION.replace(AUTO, AUTO.replace("Auto", "BigAuto"))
    assert changes(of_models(project, MODELS, "--migrated", migration=migration)) == (["shop: Alter field id on price"], [])


@pytest.mark.parametrize("words", [(), ("--migrated",)], ids=["before the migrations", "after them"])
@pytest.mark.parametrize(
    ("models", "changing", "harmless"),
    [
        (MODELS, [], []),
        (MODELS + "    currency = models.TextField(default='')\n", ["shop: Add field currency to price"], []),
        (MODELS + "    currency = models.TextField()\n", ["shop: Add field currency to price"], []),
        (MODELS.replace(MONEY, "    pass\n"), ["shop: Remove field amount from price"], []),
        (MODELS + MODELS.partition("\n\n\n")[2].replace("Price", "Offer"), ["shop: Create model Offer"], []),
        ("", ["shop: Delete model Price"], []),
        (MODELS + "    tags = models.ManyToManyField('self')\n", ["shop: Add field tags to price"], []),
        (MODELS + "    class Meta:\n        ordering = ['amount']\n        verbose_name = 'price'\n", [], ["shop: Change Meta options on price"]),
        (MODELS + "    class Meta:\n        db_table = 'prices'\n", ["shop: Rename table for price to prices"], []),
        (MODELS + f"\n\nclass Foreign(models.Model):\n    name = models.TextField()\n\n{UNMANAGED}", [], ["shop: Create model Foreign"]),
        (MODELS + "\n\nclass Cheap(Price):\n    class Meta:\n        proxy = True\n", [], ["shop: Create proxy model Cheap"]),
    ],
    ids=[
        "nothing",
        "a column",
        "a column without a default",
        "a column that went",
        "a model",
        "a model that went",
        "a table between",
        "an order",
        "a table's name",
        "a model of somebody else's",
        "a proxy",
    ],
)
def test_a_change_without_its_migration_is_told(project, models, changing, harmless, words):
    assert changes(of_models(project, models, *words)) == (changing, harmless)


def test_nobody_is_asked_about_a_change(project):
    """Such as whether a column was renamed."""
    migrate(project, "shop")
    changing, harmless = changes(of_models(project, MODELS.replace("amount", "cents"), "--migrated"))
    assert len(changing) == 2
    assert harmless == []


ODD = """
class OddField(models.IntegerField):
    def db_type(self, connection):
        raise ValueError("not now")


"""


@pytest.mark.parametrize(("words", "is_one"), [((), False), (("--migrated",), True)], ids=["before the migrations", "after them"])
def test_what_cannot_be_told_is_a_change_only_once_all_is_migrated(project, words, is_one):
    models = MODELS.replace("\n\n\nclass", f"\n\n{ODD}class") + "    odd = OddField(default=1)\n"
    told = ["shop: Add field odd to price"]
    assert changes(of_models(project, models, *words)) == ((told, []) if is_one else ([], told))


ROUTER = """
class Router:
    def allow_migrate(self, db, app_label, **hints):
        return (db == "other") == (app_label == "shop")


DATABASES["other"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": "other.sqlite3"}
DATABASE_ROUTERS = ["config.Router"]
"""


@pytest.mark.parametrize("words", [(), ("--migrated",)], ids=["before the migrations", "after them"])
def test_a_change_in_a_further_database_is_told(project, words):
    models = MODELS + "    currency = models.TextField(default='')\n"
    assert changes(of_models(project, models, *words, settings=SETTINGS + ROUTER)) == (["shop: Add field currency to price"], [])
    models = MODELS.replace("IntegerField()", "IntegerField(choices=[(1, 'one')])")
    assert changes(of_models(project, models, *words, settings=SETTINGS + ROUTER)) == ([], ["shop: Alter field amount on price"])


def test_a_further_database_that_cannot_be_asked_makes_no_change(project):
    lost = ROUTER.replace("other.sqlite3", "/proc/nothing/db.sqlite3").replace('DATABASE_ROUTERS = ["config.Router"]\n', "")
    models = MODELS + "    class Meta:\n        ordering = ['amount']\n"
    assert changes(of_models(project, models, "--migrated", settings=SETTINGS + lost)) == ([], ["shop: Change Meta options on price"])


LOST = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/proc/nothing/db.sqlite3'}}\n"


@pytest.mark.parametrize(("words", "changing"), [((), []), (("--migrated",), ["shop: Add field currency to price"])])
def test_without_a_database_a_change_is_one_only_once_all_is_migrated(project, words, changing):
    models = MODELS + "    currency = models.TextField(default='')\n"
    assert of_models(project, models, *words, settings=SETTINGS + LOST)["changing"] == changing


def without_migrations(project: Path) -> None:
    (project / "shop/migrations/0001_initial.py").unlink()
    (project / "shop/migrations/__init__.py").unlink()
    (project / "shop/migrations").rmdir()


@pytest.mark.parametrize("models", [MODELS, MODELS + "\n\nclass Offer(models.Model):\n    pass\n"], ids=["one", "two"])
def test_an_app_without_migrations_lacks_its_tables(project, models):
    without_migrations(project)
    known = of_models(project, models)
    assert (known["changing"], known["harmless"]) == ([], [])
    assert known["absent"] == ["shop_offer (shop)", "shop_price (shop)"][-models.count("class ") :]


def test_an_app_without_migrations_whose_tables_are_there_lacks_nothing(project):
    without_migrations(project)
    done = run(project, "-m", "django", "migrate", "--no-input", "--run-syncdb")
    assert done.returncode == 0, done.stderr
    assert answer(project, "own_migrations.py")["absent"] == []


@pytest.mark.parametrize("models", [f"{MODELS}\n{UNMANAGED}", f"{MODELS}\n    class Meta:\n        abstract = True\n", ""])
def test_an_app_without_tables_of_its_own_needs_no_migrations(project, models):
    without_migrations(project)
    assert changes(of_models(project, models)) == ([], [])


def test_without_a_database_no_table_is_missed(project):
    without_migrations(project)
    assert of_models(project, MODELS, settings=SETTINGS + LOST)["absent"] == []


def test_migrations_that_were_not_joined_are_refused(project):
    for name in ("0002_price", "0002_colour"):
        text = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_initial')]\n"
        (project / f"shop/migrations/{name}.py").write_text(text, encoding="utf-8")
    known = answer(project, "own_migrations.py")
    assert known["refused"] == ['app "shop" has 2 last migrations, 0002_colour, 0002_price; join them with manage.py makemigrations --merge']
    assert (known["changing"], known["harmless"], known["absent"]) == ([], [], [])


@pytest.mark.parametrize("script", ["database.py", "own_migrations.py"])
def test_a_migration_whose_parent_is_missing_is_shown(project, script):
    text = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_gone')]\n"
    (project / "shop/migrations/0002_price.py").write_text(text, encoding="utf-8")
    done = run(project, inside.SCRIPTS / script)
    assert done.returncode == 1
    assert "NodeNotFoundError" in done.stderr


SUPERUSER = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_EMAIL": "ada@example.com", "DJANGO_SUPERUSER_PASSWORD": "open sesame"}


def test_a_superuser_is_made_once(project):
    migrate(project)
    assert answer(project, "superuser.py", **SUPERUSER) == {"created": True}
    assert answer(project, "superuser.py", **{**SUPERUSER, "DJANGO_SUPERUSER_PASSWORD": "another one"}) == {"created": False}
    told = "from django.contrib.auth.models import User; user = User.objects.get(); print(user.is_superuser, user.check_password('open sesame'))"
    assert run(project, "-m", "django", "shell", "-c", told).stdout.splitlines()[-1] == "True True"


PERSON = """
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class People(BaseUserManager):
    def create_superuser(self, password, **fields):
        person = self.model(is_admin=True, **fields)
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser):
    phone = models.CharField(max_length=20, unique=True)
    first_name = models.CharField(max_length=20)
    is_admin = models.BooleanField(default=False)
    objects = People()
    USERNAME_FIELD = "phone"
    REQUIRED_FIELDS = ["first_name"]
"""


@pytest.fixture
def people(project) -> Path:
    """The release with a user model of its own, and a command of its own that asks."""
    (project / "shop/models.py").write_text(PERSON, encoding="utf-8")
    (project / "shop/migrations/0001_initial.py").unlink()
    (project / "config.py").write_text(f'{SETTINGS}\nAUTH_USER_MODEL = "shop.Person"\n', encoding="utf-8")
    for name, text in {"__init__.py": "", "commands/__init__.py": "", "commands/createsuperuser.py": "raise SystemExit('which one?')"}.items():
        (project / "shop/management" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "shop/management" / name).write_text(text, encoding="utf-8")
    run(project, "-m", "django", "makemigrations", "shop")
    migrate(project)
    return project


@pytest.mark.parametrize("named", [{}, {"DJANGO_SUPERUSER_PHONE": "0123"}], ids=["as username", "by the field"])
def test_a_superuser_of_a_user_model_of_its_own(people, named):
    given = {**SUPERUSER, "DJANGO_SUPERUSER_FIRST_NAME": "Ada", **named}
    assert answer(people, "superuser.py", **given) == {"created": True}
    assert answer(people, "superuser.py", **given) == {"created": False}
    told = "from shop.models import Person; p = Person.objects.get(); print(p.phone, p.first_name, p.is_admin, p.check_password('open sesame'))"
    assert run(people, "-m", "django", "shell", "-c", told).stdout.splitlines()[-1] == f"{named.get('DJANGO_SUPERUSER_PHONE', 'ada')} Ada True True"


def test_a_field_of_the_user_model_that_nobody_gave_is_named(people):
    done = run(people, inside.SCRIPTS / "superuser.py", **SUPERUSER)
    assert done.returncode == 1
    assert 'This user model asks for first_name; give each as a key of "superuser".' in done.stderr


def test_settings_without_a_database(project):
    (project / "config.py").write_text(SETTINGS.replace("DATABASES =", "UNUSED ="), encoding="utf-8")
    assert answer(project, "database.py") == {"applied": [], "unapplied": [], "not_atomic": [], "issues": {}}


@pytest.mark.parametrize("script", ["own_migrations.py", "database.py", "superuser.py", "look.py"])
def test_a_site_s_modules_are_no_others_than_its_own(project, script):
    (project / "database.py").write_text('raise SystemExit("the site\'s own database.py")\n', encoding="utf-8")
    (project / "config.py").write_text("import database\n", encoding="utf-8")
    assert run(project, inside.SCRIPTS / script, **SUPERUSER).stderr == "the site's own database.py\n"


APPLICATION = "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"


@pytest.fixture
def gunicorn(tmp_path_factory) -> str:
    """A path with what the gate asks of gunicorn: it reads the module's name from the command line, and imports it."""
    directory = tmp_path_factory.mktemp("gunicorn")
    (directory / "gunicorn/app").mkdir(parents=True)
    for name in ("gunicorn/__init__.py", "gunicorn/app/__init__.py"):
        (directory / name).write_text("", encoding="utf-8")
    code = "import importlib\nimport sys\n\n\nclass WSGIApplication:\n    def __init__(self, usage):\n        self.name = sys.argv[-1]\n\n"
    code += "    def load(self):\n        return importlib.import_module(self.name).application\n"
    (directory / "gunicorn/app/wsgiapp.py").write_text(code, encoding="utf-8")
    return str(directory)


def ask_gate(project: Path, gunicorn: str, application: str = APPLICATION, **variables: str) -> dict:
    (project / "wsgi.py").write_text(application, encoding="utf-8")
    return answer(project, "gate.py", "wsgi", PYTHONPATH=gunicorn, SHORTSTOP_DATABASES="default", DATABASE_URL="sqlite:///db.sqlite3", **variables)


def test_the_gate_tells_what_the_overlay_changed(project, gunicorn):
    given = ask_gate(project, gunicorn, DJANGO_ALLOWED_HOSTS="blog.example.com")
    assert given["refused"] == []
    assert "ALLOWED_HOSTS: not set, here ['blog.example.com']" in given["told"]


@pytest.mark.parametrize(
    ("application", "begins"),
    [
        (
            'import os\n\nos.environ["DJANGO_SETTINGS_MODULE"] = "config"\n' + APPLICATION,
            "the project runs with the settings config, and not with the release's",
        ),
        (APPLICATION + "from django.conf import settings\n\nsettings.DEBUG = True\n", "DEBUG is on"),
    ],
)
def test_the_gate_refuses_what_the_application_forces(project, gunicorn, application, begins):
    (refused,) = ask_gate(project, gunicorn, application)["refused"]
    assert refused.startswith(begins)


def test_the_gate_refuses_what_an_app_sets(project, gunicorn):
    config = "from django.apps import AppConfig\nfrom django.conf import settings\n\n\nclass Shop(AppConfig):\n    name = 'shop'\n\n"
    (project / "shop/apps.py").write_text(config + "    def ready(self):\n        settings.DEBUG = True\n", encoding="utf-8")
    (refused,) = ask_gate(project, gunicorn)["refused"]
    assert refused.startswith("DEBUG is on")


def test_the_gate_refuses_another_vendor_s_database(project, gunicorn):
    (project / "config.py").write_text(SETTINGS.replace("backends.sqlite3", "backends.mysql"), encoding="utf-8")
    (refused,) = ask_gate(project, gunicorn)["refused"]
    assert refused.startswith("DATABASES['default'] has the engine django.db.backends.mysql, and the database of this site is sqlite")


def test_a_project_is_set_up_as_its_manage_py_does_it(project):
    """Such as with variables that it reads from a file."""
    (project / "config.py").write_text(SETTINGS + "import os\n\nassert os.environ['FROM_MANAGE'] == 'check'\n", encoding="utf-8")
    manage = "import os\nimport sys\n\nfrom django.core.management import execute_from_command_line\n\nif __name__ == '__main__':\n"
    manage += "    os.environ['FROM_MANAGE'] = sys.argv[1]\n    sys.exit(execute_from_command_line(sys.argv))\n"
    (project / "manage.py").write_text(manage, encoding="utf-8")
    assert answer(project, "own_migrations.py")["refused"] == []


def test_a_manage_py_that_names_other_settings_is_refused(project):
    manage = "import os\n\nos.environ['DJANGO_SETTINGS_MODULE'] = 'config'\n"
    (project / "manage.py").write_text(manage, encoding="utf-8")
    (refused,) = answer(project, "own_migrations.py")["refused"]
    assert refused.startswith("the project runs with the settings config")


def test_a_manage_py_that_ends_badly_is_shown(project):
    (project / "manage.py").write_text("raise SystemExit('this wants Python 9')\n", encoding="utf-8")
    done = run(project, inside.SCRIPTS / "own_migrations.py")
    assert done.returncode == 1
    assert "this wants Python 9" in done.stderr


def test_classes_of_settings_are_set_up(project):
    settings = SETTINGS.replace("\n", "\n    ").replace('    print("a site may print")', "")
    (project / "config.py").write_text(f"from configurations import Configuration\n\n\nclass Live(Configuration):{settings}\n", encoding="utf-8")
    assert answer(project, "own_migrations.py", DJANGO_CONFIGURATION="Live")["refused"] == []


@pytest.mark.parametrize(("named", "is_told"), [("config", True), ("django.conf:settings", False)])
def test_celery_s_own_settings_are_told(project, gunicorn, named, is_told):
    (project / "shop/celery.py").write_text(f'app.config_from_object(\n    "{named}", namespace="CELERY")\n', encoding="utf-8")
    told = f'shop/celery.py: config_from_object("{named}") reads settings past those of the release; write "django.conf:settings"'
    assert (told in ask_gate(project, gunicorn)["told"]) == is_told


VIEWS = """
import time

from django.http import HttpResponse

from shop.models import Price


def page(request):
    CODE
    return HttpResponse("page")
"""
PAGES = 'from django.urls import path\n\nfrom shop.views import page\n\nurlpatterns = [path("", page), path("other/", page)]\n'
HOST = "blog.example.com"


def served(project: Path, code: str, settings: str = "") -> None:
    """Have the project serve a page by this code."""
    (project / "shop/views.py").write_text(VIEWS.replace("CODE", code), encoding="utf-8")
    (project / "shop/urls.py").write_text(PAGES, encoding="utf-8")
    (project / "config.py").write_text(f"{SETTINGS}\n{settings}", encoding="utf-8")


def asked(project: Path, code: str, *arguments: str, settings: str = "", **variables: str) -> dict:
    """What reason.py says of a page."""
    served(project, code, settings)
    path, host, scheme = (*arguments, *("/", HOST, "https")[len(arguments) :])
    given = answer(project, "reason.py", path, host, scheme, "60", **{"DJANGO_ALLOWED_HOSTS": HOST, **variables})
    assert records.fits(given, explain.SHAPE, whole=True)
    return given


def test_a_page_has_no_reason(project):
    assert asked(project, "pass") == {"status": 200, "traceback": [], "logged": [], "hosts": [HOST]}


def test_a_page_that_raises_has_its_traceback(project):
    given = asked(project, "raise ValueError('no page today')")
    assert given["status"] == 0
    assert given["traceback"][0] == "Traceback (most recent call last):"
    assert given["traceback"][-3:-1] == [f'  File "{project}/shop/views.py", line 10, in page', "    raise ValueError('no page today')"]
    assert given["traceback"][-1] == "ValueError: no page today"


def test_a_page_is_asked_for_as_the_visit_does(project):
    code = "raise ValueError([request.get_full_path(), request.get_host(), request.is_secure(), request.META['HTTP_USER_AGENT']])"
    for scheme in ("https", "http"):
        given = asked(project, code, "/other/?a=b&c=d", f"ada.{HOST}", scheme, DJANGO_ALLOWED_HOSTS=f".{HOST}")
        assert given["traceback"][-1] == f"ValueError: ['/other/?a=b&c=d', 'ada.{HOST}', {scheme == 'https'}, 'shortstop']"


def test_a_status_without_an_exception_has_no_traceback(project):
    assert asked(project, "return HttpResponse('no', status=503)")["status"] == 503


def test_a_host_that_django_does_not_know_is_logged(project):
    given = asked(project, "request.get_host()", "/", "other.example.com")
    assert (given["status"], given["traceback"], given["hosts"]) == (400, [], [HOST])
    assert given["logged"] == ["Invalid HTTP_HOST header: 'other.example.com'. You may need to add 'other.example.com' to ALLOWED_HOSTS."]
    assert explain.UNKNOWN_HOST in given["logged"][0]


QUIET = """
import logging

logging.getLogger("django.security.DisallowedHost")
LOGGING = {"version": 1, "loggers": LOGGERS}
"""


@pytest.mark.parametrize(
    "loggers", ["{}", '{"django.security.DisallowedHost": {"handlers": [], "level": "CRITICAL", "propagate": False}}'], ids=["disabled", "silenced"]
)
@pytest.mark.parametrize("left", ["", "LOGGING"])
def test_what_django_logs_is_heard_whatever_the_project_logs(project, loggers, left):
    given = asked(project, "request.get_host()", "/", "other.example.com", settings=QUIET.replace("LOGGERS", loggers), SHORTSTOP_SETTINGS_LEFT=left)
    assert given["status"] == 400
    assert given["logged"] == ["Invalid HTTP_HOST header: 'other.example.com'. You may need to add 'other.example.com' to ALLOWED_HOSTS."]


def test_a_page_that_hangs_shows_where(project):
    served(project, "time.sleep(60)")
    done = run(project, inside.SCRIPTS / "reason.py", "/", HOST, "https", "6", DJANGO_ALLOWED_HOSTS=HOST)
    assert done.returncode == 1
    assert "Timeout (0:00:06)!\n" in done.stdout
    assert f'  File "{project}/shop/views.py", line 10 in page\n' in done.stdout
    assert inside.ANSWER not in done.stdout


def test_the_clock_starts_once_the_project_is_loaded(project):
    """What it needs for that it needed before."""
    said = "import faulthandler\n\nfaulthandler.dump_traceback_later = lambda seconds, **_options: print('the clock starts', seconds)\n"
    served(project, "print('the page is made')", said)
    done = run(project, inside.SCRIPTS / "reason.py", "/", HOST, "https", "1.5", DJANGO_ALLOWED_HOSTS=HOST)
    assert done.stdout.index("a site may print") < done.stdout.index("the clock starts 1.5\n") < done.stdout.index("the page is made")


def count(project: Path, database: str = "default") -> str:
    told = f"from shop.models import Price; print(Price.objects.using('{database}').count())"
    return run(project, "-m", "django", "shell", "-c", told).stdout.splitlines()[-1]


@pytest.mark.parametrize("ending", ["", "; raise ValueError('no page today')"], ids=["a page", "an exception"])
def test_what_a_page_writes_is_undone(project, ending):
    migrate(project, "shop")
    given = asked(project, f"Price.objects.create(amount=1); assert Price.objects.count() == 1{ending}")
    assert given["status"] == (0 if ending else 200)
    assert count(project) == "0"


def test_what_a_page_writes_to_a_further_database_is_undone(project):
    further = "DATABASES['other'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'other.sqlite3'}\n"
    served(project, "pass", further)
    migrate(project, "shop", "--database=other")
    assert asked(project, "Price.objects.using('other').create(amount=1)", settings=further)["status"] == 200
    assert count(project, "other") == "0"


def test_a_database_that_cannot_be_reached_is_the_reason(project):
    given = asked(project, "Price.objects.count()", settings=LOST)
    assert given["traceback"][-1] == "django.db.utils.OperationalError: unable to open database file"
    assert asked(project, "pass", settings=LOST)["status"] == 200


def test_a_long_line_of_a_traceback_is_believed(project):
    given = asked(project, "raise ValueError('x' * 9999 + chr(27))")
    assert given["traceback"][-1] == f"ValueError: {'x' * 488}"


def hidden(done: subprocess.CompletedProcess) -> set[str]:
    """The secrets that a script named, each on a line of its own as it must be."""
    lines = [line for line in done.stdout.splitlines() if line.startswith(inside.HIDES)]
    return {value for line in lines for value in json.loads(line[len(inside.HIDES) :])}


SECRETS = {
    'EMAIL_HOST_PASSWORD = "mail-pass"': {"mail-pass"},
    'STRIPE_API_KEY = "stripe-key"': {"stripe-key"},
    'TOKENS = ["token-one", ("token-two", {"deep": "token-three"})]': {"token-one", "token-two"},
    'SERVICE = {"url": "https://example.com", "auth": {"client_secret": "deep-secret", "user": "somebody"}}': {"deep-secret"},
    'DATABASES["default"]["PASSWORD"] = "database-pass"': {"database-pass"},
    'ARCHIVE = {"OPTIONS": {"passphrase": "option-phrase"}}': {"option-phrase"},
    'SALT_FALLBACKS = ["former-salt"]': {"former-salt"},
    'SENTRY_DSN = "https://key@example.com/1"': {"https://key@example.com/1"},
    'SIGNING_KEY = b"bytes-key"': {"bytes-key"},
    'PRIVATE_KEY = "-----BEGIN KEY-----\\nfirst line\\nshort\\n-----END KEY-----\\n"': {"-----BEGIN KEY-----", "first line", "-----END KEY-----"},
    'AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]': set(),
    'PASSWORD_RESET_TIMEOUT = 259200\nKEYBOARD = "qwertzuiop"\nCSRF_COOKIE_NAME = "csrftoken"': set(),
    'SERVICE = {"key": "default", "token_key": "access", "auth_token": "rest_framework.authtoken.models.Token"}': set(),
    'DATABASE_KEY = "a_longer_word_of_many"\nSECRET_TOKEN = "Letmein"\nOTHER_KEY = "abc123"': {"a_longer_word_of_many", "Letmein", "abc123"},
    'EMAIL_HOST_PASSWORD = "letmein"\nPASSPHRASE = "open.sesame"': {"letmein", "open.sesame"},
    'API_TOKEN = "short"\nOTHER_TOKEN = None\nMORE_TOKEN = 12345678': set(),
    'CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "KEY_PREFIX": "prefix-of-keys"}}': set(),
}


@pytest.mark.parametrize(("settings", "named"), SECRETS.items())
def test_the_settings_that_are_secrets_are_named(project, settings, named):
    (project / "config.py").write_text(f"{SETTINGS}{settings}\n", encoding="utf-8")
    done = run(project, inside.SCRIPTS / "database.py", DJANGO_SECRET_KEY="key-of-the-site", SHORTSTOP_SETTINGS_LEFT="DATABASES")
    assert done.returncode == 0, done.stderr
    assert hidden(done) == {"key-of-the-site", *named}


@pytest.mark.parametrize("script", ["own_migrations.py", "database.py", "superuser.py", "look.py", "reason.py"])
def test_the_secrets_are_named_before_anything_can_fail(project, script):
    (project / "config.py").write_text(f'{SETTINGS}EMAIL_HOST_PASSWORD = "mail-pass"\nINSTALLED_APPS.append("gone")\n', encoding="utf-8")
    done = run(project, inside.SCRIPTS / script, *(["/", HOST, "https", "60"] if script == "reason.py" else []), **SUPERUSER)
    assert done.returncode == 1
    assert "No module named 'gone'" in done.stderr
    assert "mail-pass" in hidden(done)


def test_the_gate_names_the_secrets_too(project, gunicorn):
    (project / "config.py").write_text(f'{SETTINGS}EMAIL_HOST_PASSWORD = "mail-pass"\n', encoding="utf-8")
    (project / "wsgi.py").write_text(APPLICATION + "import sys\n\nsys.stdout.write('half a line')\n", encoding="utf-8")
    done = run(project, inside.SCRIPTS / "gate.py", "wsgi", PYTHONPATH=gunicorn)
    assert done.returncode == 0, done.stderr
    assert "mail-pass" in hidden(done)
    (project / "wsgi.py").write_text(APPLICATION + "raise ValueError('no')\n", encoding="utf-8")
    done = run(project, inside.SCRIPTS / "gate.py", "wsgi", PYTHONPATH=gunicorn)
    assert done.returncode == 1
    assert "mail-pass" in hidden(done)


URL = f"https://{HOST}/de/"
A, B = "/static/a.css", "/static/b.js"
TAGS = {
    f'<link rel="stylesheet" href="{A}"><script src="{B}"></script>': [A, B],
    f'<LINK REL="StyleSheet" HREF=" {A} ">': [A],
    f'<link rel="preload stylesheet" href="{A}" media="print">': [A],
    f'<script src="{B}"></script><link rel="stylesheet" href="{A}"><script src="{B}" defer></script>': [B, A],
    f'<script type="module" src="//{HOST}{B}"></script>': [B],
    f'<script src="https://{HOST}{B}?v=1#x"></script>': [B],
    f'<script src="http://{HOST.upper()}{B}"></script>': [B],
    '<link rel="stylesheet" href="../static/a.css">': [A],
    '<base href="/static/css/"><base href="/x/"><link rel="stylesheet" href="../a.css">': [A],
    '<link rel="stylesheet" href="/static/a%20b.css"><link rel="stylesheet" href="/static/caf&eacute;.css">': ["/static/a%20b.css", "/static/caf\u00e9.css"],
    f'<script>document.write("<link rel=stylesheet href={A}>")</script>': [],
    f'<link rel="alternate stylesheet" href="{A}">': [],
    f'<link rel="icon" href="{A}"><img src="{B}"><a href="{A}">a</a>': [],
    f'<!-- <script src="{B}"></script> -->': [],
    f'<template><script src="{B}"></script><template></template><script src="{B}"></script></template><link rel="stylesheet" href="{A}">': [A],
    f'</template><script src="{B}"></script>': [B],
    f'<script src="https://cdn.example.com{B}"></script><link rel="stylesheet" href="//fonts.example.com{A}">': [],
    '<script src="/media/b.js"></script><script src="b.js"></script><script src="/staticky.js"></script>': [],
    '<script src="data:text/javascript,1"></script><script src></script><script></script><link rel="stylesheet">': [],
    f'<script src="https://[::1/x.js"></script><script src="{B}"></script>': [B],
    f'<base href="https://[::1/"><script src="{B}"></script>': [],
    f'<script src="/static/{"x" * 492}"></script>': [f"/static/{'x' * 492}"],
    f'<script src="/static/{"x" * 493}"></script>': [],
    '<script src="/static/a\u202e.js"></script>': [],
    "": [],
    f'<link rel="stylesheet" href="{A}': [],
    f'<script src="{B}"></script><![x[ ]]>': [B],
    "".join(f'<script src="/static/{number}.js"></script>' for number in range(101)): [f"/static/{number}.js" for number in range(100)],
}


@pytest.mark.parametrize(("tags", "paths"), TAGS.items(), ids=[tags[:60] or "nothing" for tags in TAGS])
def test_a_page_names_what_a_browser_loads_with_it(inside_script, tags, paths):
    page = inside_script("page")
    assert page.paths(f"<!doctype html><html><head>{tags}</head><body>", URL, "/static/") == paths


def test_a_page_is_looked_at_by_a_script(project):
    """As the engine starts it, with the system's Python alone."""
    (project / "page.html").write_text(f'caf\u00e9 <link rel="stylesheet" href="{A}">', encoding="utf-8")
    done = run(project, "-I", inside.SCRIPTS / "page.py", "page.html", URL, "/static/")
    assert done.stdout == f'shortstop answers: {{"paths": ["{A}"]}}\n'
