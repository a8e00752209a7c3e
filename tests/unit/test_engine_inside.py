"""The scripts that run inside a release, on a project of Django's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import database
import inside
import overlay
import prepare
import pytest
import records

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


def test_a_model_without_its_migration_is_refused(project):
    (project / "shop/models.py").write_text(MODELS + '    currency = models.TextField(default="")\n', encoding="utf-8")
    done = run(project, inside.SCRIPTS / "own_migrations.py")
    assert done.returncode
    assert "currency" in done.stdout


@pytest.mark.parametrize("place", ["../venv/lib", "../NAME-beside"])
def test_a_library_s_missing_migration_is_not_its_user_s_to_make(project, place):
    library = (project / place.replace("NAME", project.name)).resolve() / "library"
    (library / "migrations").mkdir(parents=True)
    for name, text in {"__init__.py": "", "migrations/__init__.py": "", "models.py": MODELS}.items():
        (library / name).write_text(text, encoding="utf-8")
    (project / "config.py").write_text(SETTINGS.replace('"shop"]', '"shop", "library"]'), encoding="utf-8")
    assert "library.0001_initial" not in answer(project, "own_migrations.py", PYTHONPATH=str(library.parent))["migrations"]


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
    assert records.fits(answer(project, "own_migrations.py"), prepare.KNOWN, whole=True)


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


@pytest.mark.parametrize("script", ["own_migrations.py", "database.py", "superuser.py"])
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
