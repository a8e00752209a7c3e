import datetime
import re

import pytest
from django.contrib.staticfiles import finders

from games.models import Appearance

pytestmark = pytest.mark.django_db


def words(response):
    """The text that a visitor reads."""
    body = response.content.decode().partition("<body>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def appear(errors, game_pk=747119):
    Appearance.objects.create(person_id=665487, game_pk=game_pk, official_date=datetime.date(2024, 5, 20), coded_game_state="F", errors=errors)


def test_it_works(client):
    response = client.get("/")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_the_answer_is_that_we_do_not_know(client):
    assert re.findall(r'<p class="answer">(.*)</p>', client.get("/").content.decode()) == ["We don't know yet"]


@pytest.mark.parametrize("errors", [None, 0, 1])
def test_the_answer_is_never_made_up(client, errors):
    appear(errors)
    text = words(client.get("/"))
    assert "We don't know yet" in text
    assert not re.search(r"\b(yes|no)\b", text, re.IGNORECASE)


def test_the_one_heading_is_the_question(client):
    headings = re.findall(r"<h1\b[^>]*>(.*)</h1>", client.get("/").content.decode())
    assert headings == ["Does Fernando Tatis Jr. have an error today?"]


def test_a_phone_shows_the_page_at_its_own_width(client):
    assert b'<meta name="viewport" content="width=device-width, initial-scale=1">' in client.get("/").content


def test_the_page_runs_no_script(client):
    assert b"<script" not in client.get("/").content


@pytest.mark.parametrize(("games", "text"), [(0, "0 games on record"), (1, "1 game on record"), (2, "2 games on record")])
def test_the_page_reads_the_database(client, games, text):
    for game_pk in range(games):
        appear(None, game_pk)
    assert text in words(client.get("/"))


def test_static_files_carry_a_hash_and_exist(client, settings):
    links = re.findall(r'href="/static/([^"]*)"', client.get("/").content.decode())
    assert [re.sub(r"\.[0-9a-f]{12}\.", ".HASH.", link) for link in links] == ["games/favicon.HASH.svg", "games/style.HASH.css"]
    assert all((settings.STATIC_ROOT / link).is_file() for link in links)


def test_the_style_follows_the_visitors_colour_scheme():
    with open(finders.find("games/style.css"), encoding="utf-8") as style:
        assert "prefers-color-scheme: dark" in style.read()


@pytest.mark.parametrize(("method", "status"), [("head", 200), ("post", 405), ("put", 405), ("delete", 405)])
def test_only_reading_is_allowed(client, method, status):
    assert getattr(client, method)("/").status_code == status
