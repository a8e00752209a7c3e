"""Releases that must not go live, of a project as django-admin writes it: each is refused with its reason, once, and no visitor meets it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from house import Project, Run, Server, Visitors, fresh_host
from tiny import MODELS, VIEWS, Tiny, tiny_projects

MOST_LINES = 15
PAGE = "def page(request):\n"
KEY, PASSWORD, TOKEN = "own-key-that-stands-in-the-source-0123456789", "correct horse battery", "token-4f1c9ab2"
HASHED = "STORAGES = {'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'}, 'staticfiles': {'BACKEND':"
HASHED += " 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'}}\n"
FAR = "DATABASES['default'] = {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'x', 'HOST': '10.255.255.1', 'USER': 'x', 'PASSWORD': 'x'}\n"
READS_TABLE = """
from django.core import checks


@checks.register()
def look(app_configs, **kwargs):
    return [checks.Warning("there are items", id="shop.W001")] if Item.objects.exists() else []
"""


@dataclass
class Case:
    """What is put before the page's code, after the settings and after the WSGI module, and what is said then."""

    said: str  # the whole first line, without the site
    page: str = ""
    settings: str = ""
    wsgi: str = ""
    files: dict[str, str] = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    below: str = ""  # a part of the lines that follow


CASES = {
    "a page that raises": Case(
        "prove: it does not serve /: status 500",
        page="    raise ValueError('no page today')\n",
        below="ValueError: no page today",
    ),
    "a template that lacks a static file": Case(
        'prove: it does not serve /: status 500: a template names the static file "shop/gone.css", which collectstatic does not find; add it to the source,'
        " or take it out of the template",
        settings=HASHED,
        files={"shop/templates/shop/page.html": "{% load static %}<link rel=stylesheet href=\"{% static 'shop/gone.css' %}\">"},
        below="Missing staticfiles manifest entry for 'shop/gone.css'",
    ),
    "redirects in a circle": Case(
        "prove: it does not serve /: /?again redirects in a circle, from /?again to /",
        page="    return redirect('/' if 'again' in request.GET else '/?again')\n",
    ),
    "a redirect to HTTPS without TLS": Case(
        'prove: it does not serve /: / redirects to https://blog.example.com, and this site has no TLS; give it "tls", or take the redirect out of the project',
        page="    return redirect('https://blog.example.com/')\n",
    ),
    "a redirect to an alias": Case(
        "prove: it does not serve /: / redirects to www.blog.example.com, which redirects to blog.example.com; name www.blog.example.com first in"
        ' "domains", or take the redirect out of the project',
        settings="PREPEND_WWW = True\nALLOWED_HOSTS = ['*']\n",
    ),
    "a redirect to a page that raises": Case(
        "prove: it does not serve /?home, to which / redirects: status 500",
        page="    if 'home' in request.GET:\n        raise ValueError('no home today')\n    return redirect('/?home')\n",
        below="ValueError: no home today",
    ),
    "no page at /": Case(
        'prove: it does not serve /: status 404, so there is no such page; give the site a "health_path", which is a page that everybody may see',
        files={"mysite/urls.py": "urlpatterns = []\n"},
    ),
    "a host that Django does not know": Case(
        "prove: it does not serve /: status 400: Django does not know the host blog.example.com; ALLOWED_HOSTS holds old.example.org. Take ALLOWED_HOSTS out"
        ' of "settings_left", or let it hold blog.example.com',
        settings="ALLOWED_HOSTS = ['old.example.org']\n",
        keys={"settings_left": ["ALLOWED_HOSTS"]},
    ),
    "40 seconds to answer, by a gunicorn that ends such workers": Case(
        'prove: it does not serve /: status 500: a worker took longer than 30 seconds, so gunicorn ended it; give the site a larger "timeout", and a'
        ' "health_timeout" above that',
        page="    import time\n    time.sleep(40)\n",
        files={"requirements.txt": "Django==5.2.*\ngunicorn==23.0.0\n"},
        below="line 9 in page",
    ),
    "20 seconds of import, and 10 to answer": Case(
        "prove: it does not serve /: no answer within 10 seconds: its code answers when it is asked in a new process, so that its workers may need longer to"
        ' load; give the site a larger "health_timeout"',
        wsgi="import time\n\ntime.sleep(20)\n",
        keys={"health_timeout": 10},
    ),
    "600 MB a worker": Case(
        "prove: it does not serve /: Remote end closed connection without response: its processes wanted more memory than they may have; give the site a larger"
        ' limits.memory, which is 512M, or fewer "workers"',
        page="    return HttpResponse(str(len(b'x' * (600 << 20))))\n",
        below="Perhaps out of memory?",
    ),
    "600 MB at import": Case(
        "prepare: gunicorn --check-config mysite.wsgi was killed, as happens to a program that wants more memory than it may have; give the site a larger"
        " limits.memory:",
        wsgi="BLOCK = b'x' * (600 << 20)\n",
    ),
    "a database host that is not reached": Case(
        'migrate: a look at the database\'s migrations ended with status 1: it does not reach 10.255.255.1; the sandbox lets a site reach what "outbound"'
        ' lists, and the database of its key "database":',
        settings=FAR,
        keys={"settings_left": ["DATABASES"]},
    ),
    "a file written beside the code": Case(
        "prove: it does not serve /: status 500: visits.txt is read-only for the site; let the project write below the"
        " directory that the variable DJANGO_STATE_DIR names, which is /srv/blog/var, or name another directory in sandbox.writable",
        page="    with open('visits.txt', 'a') as file:\n        file.write('one more')\n",
        below="Read-only file system",
    ),
    "a mode with setgid": Case(
        "prepare: manage.py collectstatic ended with status 1: the sandbox refuses a mode with setuid or setgid, and a change of owner: PATH. Let"
        " FILE_UPLOAD_PERMISSIONS and FILE_UPLOAD_DIRECTORY_PERMISSIONS have neither bit, such as 0o750; new files get the group of their directory"
        " without it:",
        settings="FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o2750\n",
        below="Operation not permitted",
    ),
    "memory that can be written and run": Case(
        "prove: it does not serve /: status 500: the sandbox refuses memory that can be written and run, which native code asks for here; give the site"
        " sandbox: {allow: [executable_memory]}",
        page="    import mmap\n    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n",
        below="PermissionError",
    ),
    "another server that is not reached": Case(
        'prove: it does not serve /: status 500: another server was not reached in time; the sandbox lets a site reach what "outbound" lists, and the'
        ' database of its key "database"',
        page="    import socket\n    socket.create_connection(('10.255.255.1', 6379), 2)\n",
        below="TimeoutError: timed out",
    ),
    "a table that no migration makes": Case(
        "prove: it does not serve /: status 500: the table shop_old does not exist, and no migration makes it; run manage.py makemigrations, and put what it"
        " writes into the source",
        page="    from django.db import connection\n    connection.cursor().execute('SELECT * FROM shop_old')\n",
        below="ProgrammingError",
    ),
    "a page that hangs": Case(
        "prove: it does not serve /: no answer within 4 seconds: asked once more, it was at these lines when the time was over",
        page="    import time\n    time.sleep(300)\n",
        keys={"health_timeout": 4},
        below="line 9 in page",
    ),
    "a column without its migration": Case(
        "prepare: models were changed without a migration: shop: Add field size to item; run manage.py makemigrations, and put what it writes into the source",
        files={"shop/models.py": MODELS + "    size = models.IntegerField(null=True)\n"},
    ),
    "secrets in a message, in local variables and in the log": Case(
        "prove: it does not serve /: status 500",
        page="    import logging\n    from django.conf import settings\n    key, token = settings.SECRET_KEY, settings.SHOP_TOKEN\n"
        "    password = settings.EMAIL_HOST_PASSWORD\n    logging.getLogger('shop').error('with %s %s %s', key, token, password)\n"
        "    print(key, token, password, flush=True)\n    raise ValueError(f'cannot pay: {key} {token} {password}')\n",
        settings=f"SHOP_TOKEN = '{TOKEN}'\nEMAIL_HOST_PASSWORD = '{PASSWORD}'\n",
        below="ValueError: cannot pay: ******** ******** ********",
    ),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return tiny_projects(tmp_path_factory.mktemp("startproject"))["plain"]


@dataclass
class Blog:
    """The site, whose source is written anew for each case."""

    project: Project
    tiny: Tiny
    count: int = 0

    @property
    def server(self) -> Server:
        return self.project.server

    @property
    def source(self) -> Path:
        return self.project.directory / "blog"

    def write(self, case: Case | None = None, name: str = "blog") -> None:
        """Write the source and what the inventory says of the site. Each time it is another source."""
        self.count += 1
        case = case or Case("")
        files = {**self.tiny.files, "note.txt": f"{self.count}\n"}
        files["mysite/settings.py"] += f"SECRET_KEY = '{KEY}'\n" + case.settings
        files["mysite/wsgi.py"] += case.wsgi
        files["shop/views.py"] = "from django.http import HttpResponse\n" + VIEWS.replace(PAGE, PAGE + case.page)
        directory = self.project.directory / name
        shutil.rmtree(directory, ignore_errors=True)  # a site has no source before its first case
        Tiny(name, {**files, **case.files}).write(self.project.directory)
        self.project.sites[name] = {"domains": [f"{name}.example.com", f"www.{name}.example.com"], "source": {"path": str(directory)}, **case.keys}

    def deploy(self, *playbooks: str) -> Run:
        return self.project.play("-e", "only=blog", playbooks=(*playbooks, "deploy.yml"))


@pytest.fixture(scope="module")
def blog(plain: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blog]:
    with fresh_host("drill-reasons", "trixie") as server:
        blog = Blog(Project(tmp_path_factory.mktemp("house"), server), plain)
        blog.write()
        blog.project.play().expect_success()
        yield blog


def failure(run: Run, site: str = "blog") -> list[str]:
    """The lines that the run says of a site's failure, up to the empty line or the task's own end."""
    lines = run.output.splitlines()
    begins = [index for index, line in enumerate(lines) if re.match(rf'site "{site}": ', line)]
    assert len(begins) == 1, run.output[-6000:]
    end = next(index for index in range(begins[0], len(lines)) if not lines[index] or lines[index].startswith(("[ERROR]", "fatal: ")))
    return lines[begins[0] : end]


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_its_reason(blog: Blog, name: str) -> None:
    case, live = CASES[name], blog.server.live("blog")
    blog.write(case)
    with Visitors(blog.server, "blog.example.com") as visitors:
        run = blog.deploy(*(["web.yml"] if case.keys else []))
    assert run.status != 0, run.output[-6000:]
    lines = failure(run)
    print(f"\n{len(lines)} lines, {visitors.asked} requests, {len(visitors.failed)} failed, {len(run.output.splitlines())} lines of the whole run")
    print("\n".join(lines))
    said = re.sub(r"owner: \S+\. Let", "owner: PATH. Let", lines[0])
    assert said == f'site "blog": {case.said}'
    assert case.below in "\n".join(lines)
    assert len(lines) <= MOST_LINES
    assert (visitors.failed, blog.server.live("blog")) == ([], live)
    assert blog.server.run("systemctl --failed --no-legend") == ""
    whole = blog.server.run("shortstop failure blog")
    assert case.below in whole
    record = blog.server.run("tail -1 /srv/blog/deploys.jsonl")
    for secret in (KEY, PASSWORD, TOKEN, blog.server.run("cat /etc/shortstop/generated/blog.secret_key").split()[0]):
        assert secret not in run.output + whole + record


def test_a_failed_release_can_be_looked_into_until_the_next_deploy(blog: Blog) -> None:
    blog.write(CASES["a page that raises"])
    command = failure(blog.deploy())[-1]
    words = re.fullmatch(r"To look into this release: sudo (shortstop manage blog --release ([0-9a-f]{12})) shell", command)
    assert words, command
    said = blog.server.run(f"{words[1]} shell -v 0 -c 'from shop import views; import inspect; print(inspect.getsource(views.page))'")
    assert "no page today" in said
    blog.write()
    blog.deploy().expect_success()
    assert not blog.server.succeeds(f"{words[1]} check")
    assert not blog.server.succeeds(f"ls -d /srv/blog/releases/{words[2]}")


def test_a_first_release_reads_tables_in_a_check_and_a_failed_one_can_be_looked_into(blog: Blog) -> None:
    """A check may read a table that only the first deploy's migrations make."""
    blog.write(Case("", page="    raise ValueError('no page today')\n", files={"shop/models.py": MODELS + READS_TABLE}), name="first")
    project = blog.project
    run = project.play("-e", "only=first")
    lines = failure(run, "first")
    assert lines[0] == 'site "first": prove: it does not serve /: status 500'
    release = re.search(r"--release (\w+) shell", lines[-1])[1]
    assert "shop_item" in blog.server.run(f"shortstop manage first --release {release} inspectdb shop_item")
    blog.write(Case("", files={"shop/models.py": MODELS + READS_TABLE}), name="first")
    project.play("-e", "only=first", playbooks=("deploy.yml",)).expect_success()
    assert blog.server.get("first.example.com").status == 200


def test_changes_without_sql_are_a_warning(blog: Blog) -> None:
    """Choices are Python's, as is a default; an unmanaged model is somebody else's table."""
    models = MODELS.replace("max_length=100)", "max_length=100, choices=[('a', 'A')], default='a')")
    old = "\n\nclass Old(models.Model):\n    class Meta:\n        managed = False\n"
    blog.write(
        Case(
            "",
            files={"shop/models.py": models, "old/__init__.py": "", "old/models.py": "from django.db import models" + old},
            settings="INSTALLED_APPS += ['old']\n",
        )
    )
    run = blog.deploy().expect_success()
    warning = "check: these changes of models need nothing from the database, and have no migration: shop: Alter field name on item"
    assert f'site "blog": {warning}' in " ".join(run.output.split())
    assert "Old" not in run.output


def test_a_page_s_missing_stylesheet_is_a_warning(blog: Blog) -> None:
    page = '<link rel="stylesheet" href="/static/shop/site.css"><link rel="stylesheet" href="/static/shop/gone.css?v=1"><script src="https://cdn.example.org/a.js"></script>'
    blog.write(Case("", files={"shop/templates/shop/page.html": page}))
    run = blog.deploy().expect_success()
    assert [line for line in run.output.splitlines() if "/static/" in line] == [
        '[WARNING]: site "blog": prove: the page / names /static/shop/gone.css, which is not among the release\'s static files'
    ]


def test_a_private_site_goes_live_and_is_told_of(blog: Blog) -> None:
    blog.write(Case("", page="    return HttpResponse('log in', status=403)\n"))
    run = blog.deploy().expect_success()
    assert 'site "blog": prove: / answers with status 403, so no page was seen' in " ".join(run.output.split())


def test_warnings_of_the_checks_are_shown_when_they_are_new(blog: Blog) -> None:
    check = (
        "from django.core import checks\n\n\n@checks.register()\ndef look(app_configs, **kwargs):\n    return [checks.Warning('a new one', id='shop.W002')]\n"
    )
    blog.write()
    assert "security.W" not in blog.deploy().expect_success().output
    blog.write(Case("", files={"shop/models.py": MODELS + check}))
    assert "(shop.W002) a new one" in blog.deploy().expect_success().output
    blog.write(Case("", files={"shop/models.py": MODELS + check}))
    assert "shop.W002" not in blog.deploy().expect_success().output


def test_eight_sites_with_three_failures_read_well(blog: Blog) -> None:
    """What an operator sees: a line a site, and each failure once."""
    wrong = {"two": "a page that raises", "five": "no page at /", "seven": "a column without its migration"}
    names = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    blog.write()
    for name in names:
        blog.write(name=name)
    blog.project.sites.pop("first", None)
    blog.project.play().expect_success()
    for name in names:
        blog.write(CASES[wrong[name]] if name in wrong else None, name=name)
    run = blog.project.play("-e", f"only={','.join(names)}", playbooks=("deploy.yml",))
    assert run.status != 0
    print(f"\n{len(run.output.splitlines())} lines\n{run.output}")
    for name, case in wrong.items():
        assert failure(run, name)[0] == f'site "{name}": {CASES[case].said}'
        assert len(failure(run, name)) <= MOST_LINES
    rows = [line.split() for line in run.output.splitlines() if re.match(r"\s+\w+\s+[0-9a-f]{12}\s", line)]
    assert sorted((row[0], row[3]) for row in rows) == sorted((name, "failed" if name in wrong else "live") for name in names)
    assert "3 of 8 sites failed: " in run.output


def test_40_seconds_of_import_are_waited_for(blog: Blog) -> None:
    """A worker may load longer than "timeout", which holds from its first request on."""
    blog.write(Case("", wsgi="import time\n\ntime.sleep(40)\n"))
    with Visitors(blog.server, "blog.example.com") as visitors:
        blog.deploy().expect_success()
    assert visitors.failed == []
