"""What is wrong is said in one sentence, before anything is touched."""

from pathlib import Path

import pytest
from house import Project, Server


@pytest.fixture(scope="module")
def untouched(server: Server) -> str:
    return server.fingerprint()


def source(directory: Path, *files: str) -> dict:
    directory.mkdir(exist_ok=True)
    for name in files:
        (directory / name).write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "blog.settings")\n')
    return {"path": str(directory)}


BLOG = {"domains": ["blog.example.com"], "source": "tatis"}
REFUSALS = {
    "an unknown key": ({"blog": {**BLOG, "domain": ["x.example.com"]}}, 'site "blog": key "domain" is not known; did you mean "domains"?'),
    "a missing key": ({"blog": {"domains": ["blog.example.com"]}}, 'site "blog": key "source" is missing'),
    "a wrong type": ({"blog": {**BLOG, "workers": "three"}}, 'site "blog": key "workers" must be a whole number, 1 at least, without quotes'),
    "an unsafe name": ({"www-data": BLOG}, 'site "www-data": a name is a lower-case letter, then up to 30 letters, digits or _'),
    "the system's name": ({"postgres": BLOG}, 'site "postgres": this name belongs to the system; choose another'),
    "the deploy user's name": ({"deploy": BLOG}, 'site "deploy": this name belongs to the system; choose another'),
    "a domain claimed twice": ({"blog": BLOG, "shop": BLOG}, 'site "shop": domain "blog.example.com" is also claimed by site "blog"; each needs its own'),
    "a placeholder": (
        {"blog": {**BLOG, "environment": {"DJANGO_SECRET_KEY": "change-me"}}},
        'site "blog": key "environment": variable "DJANGO_SECRET_KEY" is still a placeholder; give it a value of its own',
    ),
    "an undefined reference": (
        {"blog": {**BLOG, "environment": {"DJANGO_SECRET_KEY": "{{ vault_sites.blog.secret_key }}"}}},
        'site "blog": key "environment": variable "DJANGO_SECRET_KEY" refers to something that is not defined; add it to the vault',
    ),
    "a source that is not there": ({"blog": {**BLOG, "source": {"path": "/nowhere"}}}, 'site "blog": key "source": there is no directory /nowhere'),
}


@pytest.mark.parametrize("tags", [(), ("--tags", "nginx")], ids=["whole", "nginx"])
@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input(project: Project, server: Server, untouched: str, case: str, tags: tuple) -> None:
    project.sites, sentence = REFUSALS[case]
    project.play(*tags).expect_failure(sentence)
    assert server.fingerprint() == untouched


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("requirements.txt",), "there is no manage.py in"),
        (("manage.py",), "there is no requirements.txt in"),
    ],
)
def test_a_source_that_is_not_whole(project: Project, server: Server, untouched: str, directory: Path, files: tuple, sentence: str) -> None:
    project.sites = {"blog": {**BLOG, "source": source(directory / f"without-{len(files[0])}", *files)}}
    project.play().expect_failure(f'site "blog": key "source": {sentence}')
    assert server.fingerprint() == untouched


def test_a_vhost_that_nginx_rejects_replaces_none_and_stays_nowhere(project: Project, server: Server, directory: Path) -> None:
    project.sites = {"tatis": project.bundled("tatis"), "uat": project.bundled("uat")}
    project.play().expect_success()
    vhosts = "sha256sum /etc/nginx/sites-available/uat.conf; ls /etc/nginx/sites-available /etc/nginx/sites-enabled"
    before = server.run(vhosts)
    template = directory / "broken.conf.j2"
    template.write_text("""{% extends "vhost.conf.j2" %}{% block extra %}{{ "gibberish here;" if site_name in ("uat", "new") else "" }}{% endblock %}""")
    project.variables["nginx_vhost_template"] = str(template)
    project.sites["new"] = project.bundled("new")
    run = project.play("--tags", "nginx").expect_failure('unknown directive "gibberish" in the vhost uat.conf')
    assert 'unknown directive "gibberish" in the vhost new.conf' in run.output
    assert server.run(vhosts) == before
    assert server.succeeds("nginx -t")
    assert server.get("uat.example.com").status == 200
