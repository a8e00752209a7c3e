"""Tiny projects, each with one layout or habit of other people's: a project of django-admin's own with one app, and what is changed of it.

tiny.py DIRECTORY writes them all.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

DJANGO = "Django==5.2.*"
STYLESHEET = "body { color: rebeccapurple; }\n"
TEMPLATE = """{% load static %}<!doctype html>
<title>Tiny</title>
<link rel="stylesheet" href="{% static 'shop/site.css' %}">
<form method="post" enctype="multipart/form-data">{% csrf_token %}<input name="name"><input name="picture" type="file"></form>
{% for item in items %}<p>{{ item.name }}{% if item.picture %} <img src="{{ item.picture.url }}">{% endif %}</p>{% endfor %}
"""
VIEWS = """from django.shortcuts import redirect, render

from .models import Item


def page(request):
    if request.method == "POST":
        Item.objects.create(name=request.POST["name"], picture=request.FILES.get("picture", ""))
        return redirect("/")
    return render(request, "shop/page.html", {"items": Item.objects.all()})
"""
MODELS = """from django.db import models


class Item(models.Model):
    name = models.CharField(max_length=100)
    picture = models.FileField(upload_to="pictures", blank=True)
"""
MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel("Item", [
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=100)),
            ("picture", models.FileField(blank=True, upload_to="pictures")),
        ]),
    ]
"""
URLS = """from django.contrib import admin
from django.urls import path
from shop import views

urlpatterns = [path("", views.page), path("admin/", admin.site.urls)]
"""
KEY = "django-insecure-of-a-public-repository-0123456789abcdef"


@dataclass
class Tiny:
    """A project and what is to be seen of it. Paths of files are relative to its top."""

    name: str
    files: dict[str, str]
    keys: dict = field(default_factory=dict)  # of the site, beside domains and source
    reason: str = ""  # why no convention could do without these keys
    database: str = "postgresql"  # the vendor in use, "" for none
    has_upload: bool = True
    has_login: bool = True
    told: list[str] = field(default_factory=list)  # parts of what `shortstop settings` tells
    pages: dict[str, str] = field(default_factory=dict)  # further paths, and a part of their answers

    def write(self, directory: Path) -> Path:
        """Write the project below a directory. Returns its own."""
        for name, text in self.files.items():
            (directory / self.name / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / self.name / name).write_text(text, encoding="utf-8")
        return directory / self.name

    @property
    def settings(self) -> str:
        return self.files["mysite/settings.py"]

    @settings.setter
    def settings(self, text: str) -> None:
        self.files["mysite/settings.py"] = text

    def change(self, old: str, new: str) -> None:
        """Change a part of the settings, which must be there."""
        assert old in self.settings, old
        self.settings = self.settings.replace(old, new)


MADE: dict[str, Callable[[Tiny], None]] = {}


def project(change: Callable[[Tiny], None]) -> Callable[[Tiny], None]:
    MADE[change.__name__] = change
    return change


def startproject(directory: Path) -> dict[str, str]:
    """What django-admin writes, by name, where it finds no formatter."""
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", directory], check=True, env={"PATH": ""})
    files = {file.relative_to(directory).as_posix(): file.read_text(encoding="utf-8") for file in sorted(directory.rglob("*.py"))}
    # Each call makes another key.
    files["mysite/settings.py"] = re.sub(r"SECRET_KEY = '.*'", f"SECRET_KEY = '{KEY}'", files["mysite/settings.py"])
    return files


def tiny_projects(directory: Path) -> dict[str, Tiny]:
    """All projects by name; the directory is for django-admin to write in."""
    base = startproject(directory)
    assert "'django.contrib.staticfiles',\n" in base["mysite/settings.py"]
    base["mysite/settings.py"] = base["mysite/settings.py"].replace("'django.contrib.staticfiles',\n", "'django.contrib.staticfiles',\n    'shop',\n")
    base["mysite/urls.py"] = URLS
    app = {
        "shop/__init__.py": "",
        "shop/admin.py": "from django.contrib import admin\n\nfrom .models import Item\n\nadmin.site.register(Item)\n",
        "shop/migrations/0001_initial.py": MIGRATION,
        "shop/migrations/__init__.py": "",
        "shop/models.py": MODELS,
        "shop/static/shop/site.css": STYLESHEET,
        "shop/templates/shop/page.html": TEMPLATE,
        "shop/views.py": VIEWS,
        "requirements.txt": f"{DJANGO}\n",
    }
    projects = {}
    for name, change in MADE.items():
        tiny = projects[name] = Tiny(name, {**base, **app})
        change(tiny)
    return projects


@project
def plain(tiny: Tiny) -> None:
    """As django-admin writes it, with one app."""
    tiny.told = ["DEBUG: True, here False", "SECRET_KEY: the project has its own", "ALLOWED_HOSTS: []", "LOGGING: errors of django.request"]


@project
def package(tiny: Tiny) -> None:
    """A package of settings, of which manage.py names the developer's and wsgi.py those of production."""
    text = tiny.files.pop("mysite/settings.py").replace("parent.parent", "parent.parent.parent").replace("DEBUG = True\n", "DEBUG = True\nNAMED = __name__\n")
    tiny.files["mysite/settings/__init__.py"] = ""
    tiny.files["mysite/settings/base.py"] = text
    tiny.files["mysite/settings/local.py"] = "from .base import *\n\nEMAIL_BACKEND = 'django.core.mail.backends.console.EmailBackend'\n"
    tiny.files["mysite/settings/production.py"] = "from .base import *\n\nDEBUG = False\n"
    for name, part in {"manage.py": "local", "mysite/wsgi.py": "production", "mysite/asgi.py": "production"}.items():
        tiny.files[name] = tiny.files[name].replace("mysite.settings", f"mysite.settings.{part}")
    tiny.told = ["SECRET_KEY: the project has its own"]


@project
def src_layout(tiny: Tiny) -> None:
    """All code below src/, the requirements at the top."""
    tiny.files = {name if name == "requirements.txt" else f"src/{name}": text for name, text in tiny.files.items()}


@project
def monorepo(tiny: Tiny) -> None:
    """Two projects in one repository, with a package beside them that one has on its path."""
    ours = {f"services/web/{name}": text for name, text in tiny.files.items() if name != "requirements.txt"}
    ours["services/web/mysite/settings.py"] = (
        "import sys\n\nsys.path.append(__file__.rpartition('/services/')[0] + '/shared')\n" + tiny.settings + "from words import WORD\n"
    )
    other = {"services/api/manage.py": tiny.files["manage.py"], "services/api/mysite/settings.py": tiny.settings}
    tiny.files = {**ours, **other, "shared/words.py": "WORD = 'shared'\n", "requirements.txt": tiny.files["requirements.txt"]}
    tiny.keys = {"source": {"directory": "services/web"}}
    tiny.reason = "the repository has two projects"


@project
def static_dirs(tiny: Tiny) -> None:
    """Assets of the project in static/ at its top."""
    tiny.settings += "STATICFILES_DIRS = [BASE_DIR / 'static']\n"
    tiny.files["static/shop/site.css"] = tiny.files.pop("shop/static/shop/site.css")


@project
def fixed_roots(tiny: Tiny) -> None:
    """STATIC_ROOT and MEDIA_ROOT below the source, where nothing can be written."""
    tiny.settings += "STATIC_ROOT = BASE_DIR / 'staticfiles'\nMEDIA_ROOT = BASE_DIR / 'media'\nMEDIA_URL = '/media/'\n"
    tiny.told = ["/staticfiles, here the release's", "/media, here /srv/"]


@project
def assets_url(tiny: Tiny) -> None:
    """Other prefixes than the usual ones."""
    tiny.change("STATIC_URL = 'static/'", "STATIC_URL = '/assets/'\nMEDIA_URL = 'uploads/'")


@project
def debug_bool(tiny: Tiny) -> None:
    """Any text turns DEBUG on."""
    tiny.change("DEBUG = True", "import os\n\nDEBUG = bool(os.environ.get('DEBUG', True))")
    tiny.told = ["DEBUG: True, here False"]


@project
def other_key(tiny: Tiny) -> None:
    """A secret key out of a variable that nobody has set."""
    start = tiny.settings.index("SECRET_KEY = ")
    tiny.settings = f"{tiny.settings[:start]}import os\n\nSECRET_KEY = os.environ['APP_SECRET']{tiny.settings[tiny.settings.index(chr(10), start) :]}"


@project
def fixed_hosts(tiny: Tiny) -> None:
    tiny.change("ALLOWED_HOSTS = []", "ALLOWED_HOSTS = ['localhost', 'old.example.org']")
    tiny.told = ["ALLOWED_HOSTS: ['localhost', 'old.example.org'], here ["]


@project
def classes(tiny: Tiny) -> None:
    """django-configurations, of which manage.py and wsgi.py name the developer's class."""
    body = tiny.settings.partition("BASE_DIR = ")
    lines = "".join(f"    {line}\n" if line else "\n" for line in f"BASE_DIR = {body[2]}".splitlines())
    head = "from pathlib import Path\n\nfrom configurations import Configuration\n\n\n"
    tiny.settings = f"{head}class Base(Configuration):\n{lines}\n\nclass Dev(Base):\n    DEBUG = True\n\n\nclass Prod(Base):\n    DEBUG = False\n"
    for name in ("manage.py", "mysite/wsgi.py"):
        text = tiny.files[name].replace("django.core.management", "configurations.management").replace("django.core.wsgi", "configurations.wsgi")
        line = next(line for line in text.splitlines() if "DJANGO_SETTINGS_MODULE" in line)
        tiny.files[name] = text.replace(line, line + "\n" + line.replace("DJANGO_SETTINGS_MODULE", "DJANGO_CONFIGURATION").replace("mysite.settings", "Dev"))
    tiny.files["requirements.txt"] += "django-configurations\n"


@project
def no_database(tiny: Tiny) -> None:
    start, end = tiny.settings.index("DATABASES = {"), tiny.settings.index("# Password validation")
    tiny.settings = f"{tiny.settings[:start]}DATABASES = {{}}\n\n{tiny.settings[end:]}"
    for name in ("admin", "auth", "sessions", "messages", "contenttypes"):
        tiny.settings = "\n".join(line for line in tiny.settings.splitlines() if f"django.contrib.{name}" not in line) + "\n"
    tiny.files["shop/models.py"] = ""
    for name in ("shop/admin.py", "shop/migrations/0001_initial.py", "shop/migrations/__init__.py"):
        del tiny.files[name]
    tiny.files["shop/views.py"] = (
        "from django.shortcuts import redirect, render\n\n\ndef page(request):\n    if request.method == 'POST':\n"
        "        return redirect('/?name=' + request.POST['name'])\n    return render(request, 'shop/page.html', {'items': [request.GET]})\n"
    )
    tiny.files["mysite/urls.py"] = "from django.urls import path\nfrom shop import views\n\nurlpatterns = [path('', views.page)]\n"
    tiny.database, tiny.has_upload, tiny.has_login = "", False, False


@project
def two_databases(tiny: Tiny) -> None:
    """A router sends one app to the second database."""
    tiny.settings += (
        "DATABASES['analytics'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'analytics.sqlite3'}\n"
        "DATABASE_ROUTERS = ['mysite.router.Router']\n"
    )
    tiny.files["mysite/router.py"] = (
        "class Router:\n    def db_for_read(self, model, **hints):\n        return 'analytics' if model._meta.app_label == 'shop' else None\n\n"
        "    db_for_write = db_for_read\n\n    def allow_migrate(self, db, app_label, **hints):\n        return (db == 'analytics') == (app_label == 'shop')\n"
    )
    tiny.keys = {"databases": {"analytics": {}}}
    tiny.reason = "whether a further database is the site's, nobody but its operator knows"
    tiny.told = ["DATABASES['analytics']: the site's"]


@project
def email_user(tiny: Tiny) -> None:
    """A user model that knows its users by their address."""
    tiny.files["people/__init__.py"] = tiny.files["people/migrations/__init__.py"] = ""
    tiny.files["people/models.py"] = (
        "from django.contrib.auth.models import AbstractBaseUser, BaseUserManager\nfrom django.db import models\n\n\n"
        "class Manager(BaseUserManager):\n    def create_superuser(self, email, password, city):\n"
        "        person = self.model(email=email, city=city, is_staff=True)\n        person.set_password(password)\n"
        "        person.save(using=self._db)\n        return person\n\n\n"
        "class Person(AbstractBaseUser):\n    email = models.EmailField(max_length=254, unique=True)\n    city = models.CharField(max_length=50)\n"
        "    is_staff = models.BooleanField(default=False)\n    USERNAME_FIELD = 'email'\n    REQUIRED_FIELDS = ['city']\n    objects = Manager()\n\n"
        "    def has_perm(self, *given):\n        return self.is_staff\n\n    has_module_perms = has_perm\n"
    )
    tiny.files["people/migrations/0001_initial.py"] = PEOPLE
    tiny.settings = tiny.settings.replace("    'shop',\n", "    'shop',\n    'people',\n") + "AUTH_USER_MODEL = 'people.Person'\n"
    tiny.keys = {"superuser": {"username": "ada@example.com", "password": "correct horse battery", "city": "London"}}
    tiny.reason = "a superuser and a password are the operator's"


@project
def staticfiles_package(tiny: Tiny) -> None:
    """A package of the project's own called staticfiles."""
    tiny.files["staticfiles/__init__.py"] = "WORD = 'own'\n"
    tiny.settings += "from staticfiles import WORD\n"


@project
def whitenoise(tiny: Tiny) -> None:
    """Static files with hashes, compressed, and served by the application if nothing else does."""
    tiny.files["requirements.txt"] += "whitenoise[brotli]\n"
    tiny.settings = tiny.settings.replace(
        "    'django.middleware.security.SecurityMiddleware',\n",
        "    'django.middleware.security.SecurityMiddleware',\n    'whitenoise.middleware.WhiteNoiseMiddleware',\n",
    )
    tiny.settings += (
        "STATIC_ROOT = BASE_DIR / 'staticfiles'\nSTORAGES = {'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'},"
        " 'staticfiles': {'BACKEND': 'whitenoise.storage.CompressedManifestStaticFilesStorage'}}\n"
    )


@project
def own_logging(tiny: Tiny) -> None:
    tiny.settings += (
        "LOGGING = {'version': 1, 'disable_existing_loggers': False, 'handlers': {'console': {'class': 'logging.StreamHandler'}},"
        " 'root': {'handlers': ['console'], 'level': 'INFO'}}\n"
    )


@project
def committed_static(tiny: Tiny) -> None:
    """Files that only the project's own STATIC_ROOT has, and an old copy of one of Django's."""
    tiny.settings += "STATIC_ROOT = BASE_DIR / 'static'\n"
    tiny.files["static/shop/site.css"] = tiny.files.pop("shop/static/shop/site.css")
    tiny.files["static/admin/css/base.css"] = "/* a stale copy */\n"
    tiny.told = ["STATICFILES_FINDERS: what the source has in"]
    tiny.pages = {"/static/admin/css/base.css": "DJANGO Admin styles"}


@project
def debug_apps(tiny: Tiny) -> None:
    """Development alone has a further app, whose package is not among the requirements."""
    tiny.settings += "if DEBUG:\n    INSTALLED_APPS += ['debug_toolbar']\n"
    tiny.files["mysite/urls.py"] += "from django.conf import settings\n\nif settings.DEBUG:\n    import debug_toolbar\n"


@project
def derived_key(tiny: Tiny) -> None:
    tiny.settings += (
        "import hashlib\n\nSIGNING = hashlib.sha256(SECRET_KEY.encode()).hexdigest()\n"
        'PUBLIC = hashlib.sha256(open(__file__).read().partition("SECRET_KEY = \'")[2].partition("\'")[0].encode()).hexdigest()\nassert SIGNING != PUBLIC\n'
    )


@project
def dynaconf(tiny: Tiny) -> None:
    tiny.files["requirements.txt"] += "dynaconf\n"
    tiny.settings += "import dynaconf\n\nsettings = dynaconf.DjangoDynaconf(__name__, environments=False, envvar_prefix='APP')\n"
    tiny.files["mysite/settings.toml"] = f"DEBUG = true\nSECRET_KEY = '{KEY}'\nALLOWED_HOSTS = ['*']\n"
    tiny.told = ["DEBUG: True, here False", "SECRET_KEY: the project has its own", "ALLOWED_HOSTS: ['*'], here ["]


@project
def statement_timeout(tiny: Tiny) -> None:
    """Options of PostgreSQL's client, which would hide those of a migration."""
    start, end = tiny.settings.index("DATABASES = {"), tiny.settings.index("# Password validation")
    database = "'ENGINE': 'django.db.backends.postgresql', 'NAME': 'shop', 'HOST': 'localhost', 'OPTIONS': {'options': '-c statement_timeout=5s'}"
    tiny.settings = f"{tiny.settings[:start]}DATABASES = {{'default': {{{database}}}}}\n\n{tiny.settings[end:]}"
    tiny.told = ["DATABASES['default']: the site's NAME, HOST"]


@project
def own_createsuperuser(tiny: Tiny) -> None:
    """A command of the name that asks at a terminal."""
    tiny.files["shop/management/__init__.py"] = tiny.files["shop/management/commands/__init__.py"] = ""
    tiny.files["shop/management/commands/createsuperuser.py"] = (
        "from django.core.management.base import BaseCommand\n\n\nclass Command(BaseCommand):\n    def handle(self, **options):\n        input('Who? ')\n"
    )
    tiny.settings = tiny.settings.replace("    'shop',\n", "").replace("    'django.contrib.admin',\n", "    'shop',\n    'django.contrib.admin',\n")
    tiny.keys = {"superuser": {"username": "ada", "password": "correct horse battery"}}
    tiny.reason = "a superuser and a password are the operator's"


PEOPLE = """from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel("Person", [
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("password", models.CharField(max_length=128, verbose_name="password")),
            ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
            ("email", models.EmailField(max_length=254, unique=True)),
            ("city", models.CharField(max_length=50)),
            ("is_staff", models.BooleanField(default=False)),
        ]),
    ]
"""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        for one in tiny_projects(Path(made)).values():
            one.write(Path(sys.argv[1]))
