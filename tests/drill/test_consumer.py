"""The artifact that Galaxy would serve, installed into an empty project."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from house import ROOT, Project, Server

RELEASE = "bookworm"


@pytest.fixture(scope="module")
def consumer(project: Project, directory: Path) -> Project:
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    artifact = next(directory.glob("shortstop-django-*.tar.gz"))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(directory / "ansible.cfg")}
    (directory / "ansible.cfg").write_text("[defaults]\ncollections_path = collections\n")
    install = ["ansible-galaxy", "collection", "install", str(artifact), "--no-deps", "--collections-path", "collections"]
    subprocess.run(install, cwd=directory, check=True, capture_output=True, env=environment)
    project.environment = {"ANSIBLE_CONFIG": str(directory / "ansible.cfg")}
    project.sites["tatis"] = project.bundled("tatis")
    return project


def test_the_bundled_site_is_found_in_the_installed_collection(consumer: Project, directory: Path) -> None:
    installed = directory / "collections/ansible_collections/shortstop/django"
    assert not installed.is_symlink()
    assert (installed / "app/manage.py").is_file()
    assert not (installed / "tests").exists()


def test_a_playbook_of_ones_own_serves_a_site(consumer: Project, directory: Path, server: Server) -> None:
    roles = ["base", "postgres", "environment", "gunicorn", "nginx", "django"]
    lines = ["- hosts: web", "  become: true", "  roles:", *(f"    - shortstop.django.{role}" for role in roles)]
    consumer.playbook = directory / "mine.yml"
    consumer.playbook.write_text("\n".join(lines) + "\n")
    # base shuts root out in the middle of this play, and goes on as the deploy user.
    consumer.play().expect_success()
    assert server.get("tatis.example.com", "/healthz").status == 200


def test_the_collections_own_playbook_is_the_same(consumer: Project, server: Server) -> None:
    consumer.playbook = Path("shortstop.django.site")
    before = server.live("tatis")
    assert consumer.play().expect_success().changed == 0
    assert server.live("tatis") == before


def test_a_source_of_ones_own_beside_the_inventory(consumer: Project, directory: Path, server: Server) -> None:
    shutil.copytree(ROOT / "app", directory / "blog", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    consumer.sites["blog"] = {**consumer.bundled("blog"), "source": {"path": "../blog"}, "database": "sqlite"}
    consumer.play().expect_success()
    assert server.get("blog.example.com", "/healthz").status == 200
