"""A release whose settings are not fit to serve does not go live, whatever way they took: the live one serves on, and a sentence says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from house import Project, Server, Visitors
from tiny import KEY, Tiny, tiny_projects

ASSIGNED = "DEBUG is on; assign it in the settings module by its name"
FORCED = "the project runs with the settings mysite.settings, and not with the release's"
CONFIG = "from django.apps import AppConfig\nfrom django.conf import settings\n\n\nclass Shop(AppConfig):\n    name = 'shop'\n\n"
MYSQL = "DATABASES = {'default': {'ENGINE': 'django.db.backends.mysql', 'NAME': 'shop'}}\n"
# What is written: files, of which the settings are appended to; keys of the site; and what the run says.
CASES = {
    "forced in wsgi.py": ({"mysite/wsgi.py": "import os\n\nos.environ['DJANGO_SETTINGS_MODULE'] = 'mysite.settings'\n{}"}, {}, FORCED),
    "forced in manage.py": ({"manage.py": "import os\n\nos.environ['DJANGO_SETTINGS_MODULE'] = 'mysite.settings'\n{}"}, {}, FORCED),
    "past the assignments": ({"mysite/settings.py": "{}globals().update(DEBUG=True)\n"}, {}, ASSIGNED),
    "set by an app": ({"shop/apps.py": CONFIG + "    def ready(self):\n        settings.DEBUG = True\n"}, {}, ASSIGNED),
    "left with DEBUG on": ({}, {"settings_left": ["all"]}, ASSIGNED),
    "left with a public key": ({"mysite/settings.py": "{}DEBUG = False\n"}, {"settings_left": ["all"]}, "SECRET_KEY is not the site's"),
    "another vendor": ({"mysite/settings.py": "{}" + MYSQL}, {}, "DATABASES['default'] has the engine django.db.backends.mysql"),
}


@pytest.fixture(scope="module")
def tiny(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    """A project as startproject makes it, which is live."""
    made = tiny_projects(tmp_path_factory.mktemp("startproject"))["plain"]
    project.sites["plain"] = {"domains": ["plain.example.com"], "source": {"path": str(made.write(project.directory))}}
    project.play().expect_success()
    return made


@pytest.mark.parametrize("case", CASES)
def test_settings_that_are_not_fit_to_serve_are_refused(project: Project, server: Server, tiny: Tiny, case: str) -> None:
    files, keys, sentence = CASES[case]
    changed = {name: text.replace("{}", tiny.files.get(name, "")) for name, text in files.items()}
    Tiny("plain", {**tiny.files, **changed}).write(project.directory)
    project.sites["plain"].update(keys)
    live = server.live("plain")
    with Visitors(server, "plain.example.com") as visitors:
        run = project.play("-e", "only=plain", playbooks=("web.yml", "deploy.yml"))
    for name in files:
        if name not in tiny.files:
            (project.directory / "plain" / name).unlink()
    tiny.write(project.directory)
    for key in keys:
        del project.sites["plain"][key]
    run.expect_failure(sentence)
    assert visitors.failed == []
    assert server.live("plain") == live
    assert KEY not in run.output
    print(f"\n{case}: {visitors.asked} requests, 0 failed; {run.sentence('plain')}")
