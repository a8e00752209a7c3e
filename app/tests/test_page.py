"""What visitors see, and what a view of it costs."""

import json
import re
import socket
from datetime import timedelta

import pytest
import time_machine
from django.contrib.staticfiles import finders

from games import views
from games.judgement import Presence
from games.models import Appearance
from tests.games import DAY, at, days, game

pytestmark = pytest.mark.django_db

NOON, EVENING = at("12:00"), at("20:00")
STRICT = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@pytest.fixture
def clock():
    """Stands still at 20:00 in Los Angeles until a test moves it."""
    with time_machine.travel(EVENING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def see(client, clock):
    """A function that returns the answer and all the text of the page at an instant."""

    def look(now=EVENING, path="/"):
        clock.move_to(now)
        body = client.get(path).content.decode()
        text = re.sub(r"<[^>]*>", " ", body.partition("<body>")[2]).replace("&#x27;", "'")
        return re.findall(r'<p class="answer[^>]*>(.*)</p>', body), " ".join(text.split())

    return look


def test_it_works(client, clock, keep):
    keep(EVENING, game("I", 1, inning="bottom of the 4th", plays=("a throwing error in the bottom of the 4th",)))
    response = client.get("/")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("games", "answer"),
    [([game("I", 1)], "Yes"), ([game("I", 0)], "No"), ([], "No"), ([game("Q")], "We don&#x27;t know")],
)
def test_the_answer_is_a_word(see, keep, games, answer):
    keep(EVENING, *games)
    assert see()[0] == [answer]


def test_before_the_first_poll_nobody_knows(see):
    answer, text = see()
    assert answer == ["We don&#x27;t know"]
    assert "The league has not been asked yet." in text
    assert "As of" not in text


def test_the_small_print_says_why(see, keep):
    words = ("a throwing error in the bottom of the 4th",)
    keep(EVENING, game("I", 1, inning="top of the 7th", plays=words), season=2026, season_errors=5, rank=7, copyright="Copyright 2026 MLB Advanced Media, L.P.")
    text = see()[1]
    assert "1 error. The game is on." in text
    assert "San Diego Padres vs. Arizona Diamondbacks: top of the 7th; a throwing error in the bottom of the 4th" in text
    assert "5 errors in the 2026 season, rank 7 among the league's error leaders." in text
    assert "As of May 20, 8:00 p.m. PT ." in text
    assert "Copyright 2026 MLB Advanced Media, L.P." in text


@pytest.mark.parametrize(
    ("games", "status", "sentence"),
    [
        ([], "Active", "The San Diego Padres have no game today."),
        ([game("S")], "Active", "Today's game has not begun. San Diego Padres vs. Arizona Diamondbacks: begins at 6:40 p.m. PT"),
        ([game("S", game_pk=1), game("S", game_pk=2)], "Active", "Today's games have not begun."),
        ([game("P", detailed_state="Delayed Start: Rain")], "Active", "San Diego Padres vs. Arizona Diamondbacks: delayed start: rain"),
        ([game("F", 1, game_pk=1), game("S", game_pk=2)], "Active", "1 error. One game is over, another is to come."),
        ([game("F", 2)], "Active", "2 errors. Today's game is over."),
        ([game("F", game_pk=1), game("F", game_pk=2)], "Active", "Today's games are over."),
        ([game("D")], "Active", "Today's game is postponed."),
        ([game("C")], "Active", "Today's game is cancelled."),
        ([game("U")], "Active", "Today's game is suspended, and goes on another day."),
        ([game("I", presence=Presence.BENCH)], "Active", "Fernando Tatis Jr. is on the bench."),
        ([game("I", presence=Presence.ABSENT)], "Injured 10-Day", "Fernando Tatis Jr. is on the injured list."),
        ([game("I", presence=Presence.ABSENT)], "", "Fernando Tatis Jr. is not on the roster for today's game."),
        ([game("I", at_home=False)], "Active", "San Diego Padres at Arizona Diamondbacks"),
        ([game("F", 1, day=DAY - days(1), listed_for=DAY, resumed=True, detailed_state="Final")], "Active", "final; counts for May 19; 1 error"),
    ],
)  # fmt: skip
def test_each_reason_is_a_sentence(see, keep, games, status, sentence):
    keep(EVENING, *games, status=status)
    assert sentence in see()[1]


def test_old_news_is_told_as_such(see, keep):
    keep(EVENING, game("I", 1))
    answer, text = see(at("20:07"))
    assert answer == ["We don&#x27;t know"]
    assert "There has been no news from the league since then." in text
    assert "As of May 20, 8:00 p.m. PT" in text


def test_the_one_heading_is_the_question(client):
    assert re.findall(r"<h1\b[^>]*>(.*)</h1>", client.get("/").content.decode()) == ["Does Fernando Tatis Jr. have an error today?"]


def test_another_player_is_a_matter_of_settings(client, settings, clock, keep):
    settings.TATIS_PERSON_ID, settings.TATIS_PLAYER = 596019, "Francisco Lindor"
    keep(EVENING, game("I", 1), person_id=665487)
    keep(EVENING, game("I", 0), person_id=596019)
    body = client.get("/").content.decode()
    assert "Does Francisco Lindor have an error today? No" in body


def test_a_name_is_text(client, clock, keep):
    keep(EVENING, game("I", 0, opponent="<script>alert(1)</script>"), copyright="<b>me</b>")
    body = client.get("/").content.decode()
    assert "<script" not in body
    assert "<b>" not in body


def test_a_phone_shows_the_page_at_its_own_width(client):
    assert b'<meta name="viewport" content="width=device-width, initial-scale=1">' in client.get("/").content


def test_the_page_runs_no_script_and_lets_none_run(client):
    response = client.get("/")
    assert b"<script" not in response.content
    assert response["Content-Security-Policy"] == STRICT


def test_static_files_carry_a_hash_and_exist(client, settings):
    links = re.findall(r'href="/static/([^"]*)"', client.get("/").content.decode())
    assert [re.sub(r"\.[0-9a-f]{12}\.", ".HASH.", link) for link in links] == ["games/favicon.HASH.svg", "games/style.HASH.css"]
    assert all((settings.STATIC_ROOT / link).is_file() for link in links)


def test_the_page_with_all_that_it_needs_is_small(client, clock, keep):
    keep(EVENING, game("F", 2, game_pk=1, plays=("a throwing error",) * 2), game("I", 1, game_pk=2), season=2026, season_errors=5, rank=7, copyright="C" * 200)
    size = len(client.get("/").content)
    for file in ("games/style.css", "games/favicon.svg"):
        with open(finders.find(file), "rb") as opened:
            size += len(opened.read())
    assert size < 20_000


def test_the_style_follows_the_visitors_colour_scheme_and_moves_nothing():
    with open(finders.find("games/style.css"), encoding="utf-8") as opened:
        style = opened.read()
    assert "prefers-color-scheme: dark" in style
    assert not re.search("animation|transition", style)


@pytest.mark.parametrize("path", ["/", "/api/today.json", "/history/", "/errors.atom", "/healthz"])
@pytest.mark.parametrize(("method", "status"), [("head", 200), ("post", 405), ("put", 405), ("delete", 405)])
def test_only_reading_is_allowed(client, path, method, status):
    assert getattr(client, method)(path).status_code == status


@pytest.mark.parametrize("path", ["/", "/api/today.json", "/history/", "/history/?before=2026-05-20", "/errors.atom", "/healthz"])
def test_a_view_costs_one_query(client, clock, keep, path, django_assert_num_queries):
    keep(EVENING, game("F", 1, game_pk=1), game("I", 1, game_pk=2))
    with django_assert_num_queries(1):
        client.get(path)


@pytest.mark.parametrize("path", ["/", "/api/today.json"])
def test_a_thousand_views_between_two_polls_cost_the_database_nothing(client, clock, keep, path, django_assert_num_queries):
    keep(EVENING, game("I", 1))
    client.get(path)
    clock.move_to(at("20:00") + timedelta(seconds=59))
    with django_assert_num_queries(0):
        for _ in range(1000):
            assert client.get(path).status_code == 200


def test_without_the_cache_a_view_costs_one_query_each_time(client, settings, clock, keep, django_assert_num_queries):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    keep(EVENING, game("I", 1))
    with django_assert_num_queries(3):
        for _ in range(3):
            client.get("/")


@pytest.mark.parametrize("path", ["/", "/api/today.json", "/history/", "/errors.atom", "/healthz"])
def test_no_view_opens_a_connection(client, clock, keep, path, monkeypatch):
    keep(EVENING, game("I", 1))

    def refuse(_socket, address):
        raise AssertionError(f"a view connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("asked", "seen", "seconds"),
    [
        (EVENING, EVENING, 60),  # a game is on
        (EVENING, EVENING + timedelta(seconds=45), 15),
        (EVENING, at("20:03"), 10),  # a poll is overdue
        (EVENING, at("20:05") + timedelta(seconds=57), 3),  # and soon nobody knows
        (EVENING, at("20:30"), 10),
    ],
)
def test_an_answer_may_be_kept_until_the_next_poll(client, clock, keep, asked, seen, seconds):
    keep(asked, game("I", 1))
    clock.move_to(seen)
    assert client.get("/")["Cache-Control"] == f"public, max-age={seconds}"


def test_what_this_process_keeps_grows_old_with_it(client, clock, keep):
    keep(EVENING, game("I", 1))
    client.get("/")
    clock.move_to(at("20:00") + timedelta(seconds=40))
    response = client.get("/")
    assert (response["Cache-Control"], response["Age"]) == ("public, max-age=60", "40")


def test_after_the_next_poll_the_page_is_made_anew(see, keep):
    keep(EVENING, game("I", 1))
    assert see()[0] == ["Yes"]
    keep(at("20:01"), game("I", 0))
    assert see(at("20:00") + timedelta(seconds=59))[0] == ["Yes"]
    assert see(at("20:01"))[0] == ["No"]


def test_a_page_that_is_known_is_not_sent_again(client, clock, keep):
    keep(EVENING, game("I", 1))
    tag = client.get("/")["ETag"]
    response = client.get("/", headers={"If-None-Match": tag})
    assert (response.status_code, response.content) == (304, b"")


def test_today_for_programs(client, clock, keep):
    keep(EVENING, game("I", 1, inning="top of the 7th", plays=("an error",)), season=2026, season_errors=5, rank=7)
    told = json.loads(client.get("/api/today.json").content)
    assert (told["answer"], told["reason"], told["errors"], told["day"]) == ("yes", "playing", 1, "2026-05-20")
    assert told["asOf"] == "2026-05-21T03:00:00Z"
    assert told["season"] == {"year": 2026, "errors": 5, "rank": 7}
    (found,) = told["games"]
    assert (found["gamePk"], found["counts"], found["plays"]) == (747001, True, ["an error"])


def test_what_is_not_known_is_no_number(client, clock, keep):
    keep(at("19:00"), game("I", 1))
    told = json.loads(client.get("/api/today.json").content)
    assert (told["answer"], told["errors"]) == ("unknown", None)


def test_a_postponed_game_does_not_count(client, clock, keep):
    keep(EVENING, game("D", 1))
    told = json.loads(client.get("/api/today.json").content)
    assert (told["errors"], told["games"][0]["counts"]) == (0, False)


def err(day, errors=1, **changes):
    return game("F", errors, day, game_pk=changes.pop("game_pk", day.toordinal()), **changes)


def test_the_history_has_each_day_with_an_error(see, keep):
    keep(EVENING, err(DAY, 1, plays=("a throwing error in the top of the 1st",)), err(DAY - days(1), 0), err(DAY - days(3), 2))
    text = see(path="/history/")[1]
    assert "May 20, 2026 : 1 error San Diego Padres vs. Arizona Diamondbacks: a throwing error in the top of the 1st" in text
    assert "May 17, 2026 : 2 errors" in text
    assert text.index("May 20") < text.index("May 17")
    assert "May 19" not in text


def test_a_doubleheader_is_one_day_of_the_history(see, keep):
    keep(EVENING, err(DAY, 1, game_pk=1, start=at("13:10")), err(DAY, 2, game_pk=2))
    assert "May 20, 2026 : 3 errors" in see(path="/history/")[1]


def test_what_a_postponed_game_has_in_its_box_score_is_no_history(see, keep):
    keep(EVENING, game("D", 1))
    assert "None that we know of." in see(path="/history/")[1]


def test_the_history_is_paged_by_whole_days(client, clock, keep):
    for number in range(views.DAYS_A_PAGE + 2):
        keep(EVENING, err(DAY - days(number), game_pk=2 * number), err(DAY - days(number), game_pk=2 * number + 1, start=at("13:10", DAY - days(number))))
    first = client.get("/history/").content.decode()
    assert first.count("<h2") == views.DAYS_A_PAGE
    (link,) = re.findall(r'rel="next" href="([^"]*)"', first)
    second = client.get(link).content.decode()
    assert re.findall(r'<h2 id="([^"]*)"', second) == [str(DAY - days(views.DAYS_A_PAGE)), str(DAY - days(views.DAYS_A_PAGE + 1))]
    assert second.count(": 2 errors") == 2
    assert 'rel="next"' not in second


@pytest.mark.parametrize("before", ["yesterday", "2026-13-01", "' OR 1=1"])
def test_no_such_day(client, before):
    assert client.get("/history/", {"before": before}).status_code == 404


def test_the_feed_has_an_entry_for_each_game(client, clock, keep):
    keep(EVENING, err(DAY, 1, game_pk=1, plays=("a throwing error in the top of the 1st",)), err(DAY, 2, game_pk=2))
    response = client.get("/errors.atom", headers={"X-Forwarded-Proto": "https"}, secure=True)
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    body = response.content.decode()
    assert re.findall(r"<id>(tag:[^<]*)</id>", body) == ["tag:statsapi.mlb.com,2026-05-20:665487/2", "tag:statsapi.mlb.com,2026-05-20:665487/1"]
    assert "May 20, 2026: a throwing error in the top of the 1st" in body
    assert 'href="https://testserver/history/#2026-05-20"' in body


def test_an_error_that_is_taken_back_leaves_the_feed(client, clock, keep):
    keep(EVENING, err(DAY, 1, game_pk=1))
    Appearance.objects.update(errors=0)
    assert "<entry>" not in client.get("/errors.atom").content.decode()
