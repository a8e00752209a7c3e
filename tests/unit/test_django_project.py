"""Where a project has its parts, as people lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils.django_project import Layout, layout, project_directories


def named(settings: str) -> str:
    return f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")\n'


def project(directory: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return str(directory)


STARTPROJECT = {"manage.py": named("blog.settings"), "blog/settings.py": "", "blog/wsgi.py": named("blog.settings"), "blog/asgi.py": named("blog.settings")}
COOKIECUTTER = {
    "manage.py": named("config.settings.local"),
    "config/wsgi.py": named("config.settings.production"),
    **{f"config/settings/{name}.py": "" for name in ("__init__", "base", "local", "production", "test")},
}


def test_as_startproject_writes_it(tmp_path):
    assert layout(project(tmp_path, STARTPROJECT)) == Layout("", "blog.settings", "blog.wsgi", "requirements.txt")


def test_settings_of_a_package_as_wsgi_names_them(tmp_path):
    told = ["the settings are config.settings.production, which config/wsgi.py names; manage.py names config.settings.local"]
    assert layout(project(tmp_path, COOKIECUTTER)) == Layout("", "config.settings.production", "config.wsgi", "requirements.txt", told)


@pytest.mark.parametrize("developers", ["local", "dev", "development", "test"])
@pytest.mark.parametrize("production", ["production", "prod"])
def test_beside_a_developer_s_settings_those_of_production_are_taken(tmp_path, developers, production):
    files = {
        "manage.py": named(f"site.settings.{developers}"),
        "site/wsgi.py": named(f"site.settings.{developers}"),
        f"site/settings/{developers}.py": "",
        f"site/settings/{production}/__init__.py": "from ..base import *",
    }
    found = layout(project(tmp_path, files))
    assert (found.settings, found.wsgi) == (f"site.settings.{production}", "site.wsgi")
    assert found.told == [f"the settings are site.settings.{production}, since site/wsgi.py names a developer's"]


def test_a_developer_s_settings_without_others_stay(tmp_path):
    files = {"manage.py": named("site.settings.dev"), "site/settings/dev.py": "", "site/wsgi.py": named("site.settings.dev")}
    told = ["the settings are site.settings.dev, which may be a developer's; the key settings names others"]
    assert layout(project(tmp_path, files)) == Layout("", "site.settings.dev", "site.wsgi", "requirements.txt", told)


def test_settings_at_the_top(tmp_path):
    files = {"manage.py": named("local"), "local.py": "", "production.py": "", "wsgi.py": named("local")}
    found = layout(project(tmp_path, files))
    assert (found.settings, found.wsgi) == ("production", "wsgi")


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("os.environ.setdefault('DJANGO_SETTINGS_MODULE',\n    'blog.live')", "blog.live"),
        ('os.environ["DJANGO_SETTINGS_MODULE"] = "blog.live"', "blog.live"),
        ("os.environ['DJANGO_SETTINGS_MODULE']='blog.live'", "blog.live"),
        ("# caf\udce9\n" + named("blog.live"), "blog.live"),
        ("import this", ""),
    ],
)
def test_how_manage_py_may_name_them(tmp_path, text, settings):
    (tmp_path / "manage.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert layout(str(tmp_path)).settings == settings


def test_an_entry_point_in_another_package(tmp_path):
    files = {"manage.py": named("conf.dev"), "conf/dev.py": "", "conf/live.py": "", "server/wsgi.py": named("conf.live"), "docs/wsgi.py": named("conf.dev")}
    found = layout(project(tmp_path, files))
    assert (found.settings, found.wsgi) == ("conf.live", "server.wsgi")


def test_an_asgi_module_names_settings_too(tmp_path):
    files = {"manage.py": named("blog.settings.dev"), "blog/asgi.py": named("blog.settings.live"), "blog/settings/dev.py": "", "blog/settings/live.py": ""}
    assert layout(project(tmp_path, files)).settings == "blog.settings.live"


def test_an_entry_point_that_names_what_is_not_there_counts_not(tmp_path):
    files = {**STARTPROJECT, "blog/wsgi.py": named("old.settings"), "blog/asgi.py": ""}
    assert layout(project(tmp_path, files)) == Layout("", "blog.settings", "blog.wsgi", "requirements.txt")


def test_an_example_in_the_source_is_not_the_project(tmp_path):
    files = {"manage.py": named("blog.settings"), "blog/settings.py": "", "sandbox/wsgi.py": named("sandbox.settings"), "sandbox/settings.py": ""}
    more = {"demo/wsgi.py": named("demo.settings"), "demo/settings.py": ""}
    assert layout(project(tmp_path, {**files, **more})) == Layout("", "blog.settings", "blog.wsgi", "requirements.txt")


def test_what_is_given_is_not_looked_for(tmp_path):
    source = project(tmp_path, COOKIECUTTER)
    assert layout(source, settings="config.settings.test").wsgi == "config.wsgi"
    assert layout(source, settings="config.settings.test", wsgi="other:app") == Layout("", "config.settings.test", "other:app", "requirements.txt")


def test_a_source_that_is_nowhere_to_read():
    assert layout("") == Layout("", "", "wsgi", "requirements.txt")
    assert layout("", settings="config.settings.production").wsgi == "config.settings.wsgi"


# Where manage.py is


@pytest.mark.parametrize("below", ["src", "backend", "apps/web"])
def test_manage_py_below_the_top(tmp_path, below):
    files = {f"{below}/{name}": text for name, text in STARTPROJECT.items()}
    found = layout(project(tmp_path, {**files, "requirements.txt": ""}))
    assert found == Layout(below, "blog.settings", "blog.wsgi", "requirements.txt", [f"manage.py is in {below}"])


def test_requirements_beside_manage_py(tmp_path):
    source = project(tmp_path, {**{f"backend/{name}": text for name, text in STARTPROJECT.items()}, "backend/requirements.txt": ""})
    assert layout(source).requirements == "backend/requirements.txt"
    assert layout(source, requirements="backend/requirements.txt").requirements == "backend/requirements.txt"
    (tmp_path / "requirements.txt").write_text("", encoding="utf-8")
    assert layout(source).requirements == "requirements.txt"


def test_the_directory_may_be_given(tmp_path):
    source = project(tmp_path, {"manage.py": named("x.settings"), **{f"web/{name}": text for name, text in STARTPROJECT.items()}})
    assert layout(source, directory="web") == Layout("web", "blog.settings", "blog.wsgi", "requirements.txt")


def test_the_least_deep_manage_py_counts(tmp_path):
    elsewhere = ("web/vendor/app", "node_modules/a", ".venv", "docs")
    source = project(tmp_path, {"web/manage.py": "", **{f"{directory}/manage.py": "" for directory in elsewhere}})
    assert project_directories(source) == ["web"]


def test_several_are_no_choice(tmp_path):
    source = project(tmp_path, {"api/manage.py": named("api.settings"), "web/manage.py": named("web.settings")})
    assert project_directories(source) == ["api", "web"]
    assert layout(source).directory == ""


@pytest.mark.parametrize("name", ["a b", "100%", "a\nb", "-"])
def test_a_directory_that_a_unit_could_not_name(tmp_path, name):
    source = project(tmp_path, {f"{name}/manage.py": ""})
    assert project_directories(source) == ([] if name != "-" else ["-"])


def test_too_deep_is_not_found(tmp_path):
    assert project_directories(project(tmp_path, {"a/b/c/manage.py": ""})) == ["a/b/c"]
    (tmp_path / "a/b/c/manage.py").unlink()
    assert project_directories(project(tmp_path, {"a/b/c/d/manage.py": ""})) == []


def test_links_are_not_followed(tmp_path):
    project(tmp_path / "elsewhere", {"manage.py": ""})
    (tmp_path / "source").mkdir()
    (tmp_path / "source/link").symlink_to(tmp_path / "elsewhere")
    assert project_directories(str(tmp_path / "source")) == []


def configured(settings: str, configuration: str) -> str:
    return named(settings) + f'os.environ.setdefault("DJANGO_CONFIGURATION", "{configuration}")\n'


CLASSES = "class Base(Configuration):\n    pass\n\n\nclass Dev(Base):\n    pass\n\n\nclass Prod(Base):\n    pass\n"


def test_a_class_of_settings_as_wsgi_names_it(tmp_path):
    files = {"manage.py": configured("blog.settings", "Dev"), "blog/wsgi.py": configured("blog.settings", "Prod"), "blog/settings.py": CLASSES}
    found = layout(project(tmp_path, files))
    assert (found.configuration, found.told) == ("Prod", [])


def test_beside_a_developer_s_class_of_settings_that_of_production_is_taken(tmp_path):
    files = {"manage.py": configured("blog.settings", "Dev"), "blog/wsgi.py": configured("blog.settings", "Dev")}
    found = layout(project(tmp_path, {**files, "blog/settings/__init__.py": "from .classes import *\n", "blog/settings/classes.py": CLASSES}))
    assert (found.configuration, found.told) == ("Prod", ["the configuration is Prod, since blog/wsgi.py names a developer's"])
    found = layout(project(tmp_path, {**files, "blog/settings/__init__.py": "class Dev: pass"}))
    assert (found.configuration, found.told) == ("Dev", [])


def test_without_classes_there_is_no_configuration(tmp_path):
    assert layout(project(tmp_path, STARTPROJECT)).configuration == ""


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", ("/static/", "/media/")),
        ('STATIC_URL = "/assets/"\nMEDIA_URL = "/uploads/"', ("/assets/", "/uploads/")),
        ("STATIC_URL = 'assets/'\nMEDIA_URL: str = 'up/loads'  # here", ("/assets/", "/up/loads/")),
        ("class Base:\n    STATIC_URL = '/a/'\n    MEDIA_URL = '/b/'", ("/a/", "/b/")),
        ("STATIC_URL = '/a/'\nSTATIC_URL = '/b/'", ("/b/", "/media/")),
        # What cannot be read, or lies elsewhere, or cannot be a place of nginx's.
        ("STATIC_URL = f'/{NAME}/'\nMEDIA_URL = env('MEDIA_URL')", ("/static/", "/media/")),
        ("STATIC_URL = 'https://cdn.example.com/static/'\nMEDIA_URL = '//cdn.example.com/'", ("/static/", "/media/")),
        ("STATIC_URL = '/'\nMEDIA_URL = ''", ("/static/", "/media/")),
        ("STATIC_URL = '/a/../b/'\nMEDIA_URL = '/a b/'", ("/static/", "/media/")),
        ("STATIC_URL = '/.well-known/'\nMEDIA_URL = '/a;/'", ("/static/", "/media/")),
        ("STATIC_URL = '/files/static/'\nMEDIA_URL = '/files/'", ("/static/", "/media/")),
        ("OWN_STATIC_URL = '/a/'\n#STATIC_URL = '/b/'", ("/static/", "/media/")),
    ],
)
def test_the_urls_of_files_as_the_settings_write_them(tmp_path, text, urls):
    found = layout(project(tmp_path, {**STARTPROJECT, "blog/settings.py": text}))
    assert (found.static_url, found.media_url) == urls


def test_the_urls_are_looked_for_in_all_that_the_settings_take_in(tmp_path):
    files = {
        "manage.py": named("blog.settings.live"),
        "blog/settings/live.py": "from .base import *\nfrom blog.more import *\nfrom .live import *\nMEDIA_URL = '/live/'\n",
        "blog/settings/base.py": "from ..above import *\nMEDIA_URL = '/base/'",
        "blog/above.py": "STATIC_URL = '/above/'",
        "blog/more.py": "",
    }
    found = layout(project(tmp_path, files))
    assert (found.static_url, found.media_url) == ("/above/", "/live/")


def test_a_url_that_is_given_stays(tmp_path):
    source = project(tmp_path, {**STARTPROJECT, "blog/settings.py": 'STATIC_URL = "/assets/"\nMEDIA_URL = "/assets/media/"'})
    found = layout(source, static_url="/static/")
    assert (found.static_url, found.media_url) == ("/static/", "/assets/media/")
    found = layout(source, media_url="/assets/media/")
    assert (found.static_url, found.media_url) == ("/static/", "/assets/media/")


@pytest.mark.parametrize(
    "text",
    [
        '# os.environ["DJANGO_SETTINGS_MODULE"] = "blog.settings"\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "blog.settings.live")',
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", default="blog.settings.live")',
        'os.environ["DJANGO_SETTINGS_MODULE"] = config("DJANGO_SETTINGS_MODULE", default="blog.settings.live")',
    ],
)
def test_a_comment_names_no_settings_and_a_default_does(tmp_path, text):
    files = {"manage.py": text, "blog/wsgi.py": text, "blog/settings/__init__.py": "X = 1", "blog/settings/live.py": ""}
    assert layout(project(tmp_path, files)).settings == "blog.settings.live"


@pytest.mark.parametrize("empty", ["", "# of the site\n", '"""The settings."""\n'])
def test_an_empty_package_is_no_settings(tmp_path, empty):
    files = {"manage.py": named("blog.settings.live"), "blog/wsgi.py": named("blog.settings"), "blog/settings/__init__.py": empty, "blog/settings/live.py": ""}
    found = layout(project(tmp_path, files))
    assert (found.settings, found.told) == ("blog.settings.live", [])


def test_settings_that_nothing_names_are_the_only_ones(tmp_path):
    files = {
        "manage.py": "settings = f'{name}.settings'",
        "blog/settings.py": "ROOT_URLCONF = 'blog.urls'",
        "shop/settings.py": "PRICE = 1",
        "blog/wsgi.py": "",
    }
    found = layout(project(tmp_path, files))
    assert (found.settings, found.wsgi) == ("blog.settings", "blog.wsgi")
    assert found.told == ["the settings are blog.settings, which no manage.py or wsgi.py names"]
    found = layout(project(tmp_path, {"shop/settings.py": "ROOT_URLCONF = 'shop.urls'"}))
    assert (found.settings, found.told) == ("", [])
