"""The league over real HTTP, well and in every trouble."""

import pytest

from games import statsapi
from games.statsapi import LeagueError, StatsApi
from tests.games import DAY, days, game

TROUBLES = {
    "down": "The league gave no answer to /api/v1/schedule ((",
    "status_500": "The league answered /api/v1/schedule with status 500.",
    "status_404": "The league answered /api/v1/schedule with status 404.",
    "status_429": "The league answered /api/v1/schedule with status 429.",
    "redirect_loop": "The league answered /api/v1/schedule with status 302.",
    "html": "The league answered /api/v1/schedule with something that is no JSON.",
    "truncated": "The league answered /api/v1/schedule with something that is no JSON.",
    "nested": "The league answered /api/v1/schedule with something that is no JSON.",
    "cut": "The league gave no answer to /api/v1/schedule (",
    "another_shape": "The league answered /api/v1/schedule in a shape that is not known (KeyError: 'dates').",
    "a_list": "The league answered /api/v1/schedule in a shape that is not known (AttributeError: ",
    "huge": "The league answered /api/v1/schedule with more than 8 MB.",
    "bomb": "The league answered /api/v1/schedule with more than 8 MB.",
}


@pytest.fixture
def api(league):
    return StatsApi(league.url, "Tatis/1 (+https://tatis.example.com)")


def ask(api):
    return api.schedule(135, DAY, DAY + days(1))


def test_it_works(api, league):
    league.moment = "error"
    today = league.day().today
    (found,) = api.schedule(135, today, today)
    found = api.with_box_score(found, 665487)
    assert (found.coded_game_state, found.errors) == ("I", 1)
    assert api.plays(found.game_pk, 665487) == ["a throwing error in the bottom of the 4th"]


def test_no_game_is_no_error(api):
    assert ask(api) == []


def test_it_says_who_asks_and_asks_for_what_it_needs(api, league):
    ask(api)
    assert league.agents == ["Tatis/1 (+https://tatis.example.com)"]
    assert league.asked == ["/api/v1/schedule?sportId=1&teamId=135&startDate=2026-05-20&endDate=2026-05-21&hydrate=linescore"]


def test_it_keeps_the_copyright_line(api):
    ask(api)
    assert api.copyright.startswith("A made-up league.")


@pytest.mark.parametrize(("trouble", "sentence"), TROUBLES.items())
def test_a_trouble_is_a_sentence(api, league, trouble, sentence):
    league.trouble = trouble
    with pytest.raises(LeagueError) as error:
        ask(api)
    assert str(error.value).startswith(sentence)
    assert str(error.value).endswith((".", ")."))


def test_nobody_listens():
    with pytest.raises(LeagueError, match=r"The league gave no answer to /api/v1/schedule \(.*Connection refused"):
        ask(StatsApi("http://127.0.0.1:9", "Tatis"))


def test_a_trouble_is_asked_for_once(api, league):
    league.trouble = "status_500"
    with pytest.raises(LeagueError):
        ask(api)
    assert len(league.asked) == 1


@pytest.mark.parametrize("trouble", ["silent", "dripping"])
def test_a_league_that_takes_its_time_gets_no_more_than_its_share(api, league, trouble, monkeypatch):
    monkeypatch.setattr(statsapi, "REQUEST_SECONDS", 0.2)
    league.trouble = trouble
    with pytest.raises(LeagueError, match=r"timed out|did not end its answer to /api/v1/schedule in time"):
        ask(api)


def test_all_requests_share_one_time(league):
    with pytest.raises(LeagueError, match="took so long that it was not asked for /api/v1/game/747001/boxscore any more"):
        StatsApi(league.url, "Tatis", seconds=0).with_box_score(game("I"), 665487)
    assert league.asked == []


@pytest.mark.parametrize(("trouble", "seconds"), [("status_429", 600), ("status_429_until_a_date", None), ("status_500", None)])
def test_how_long_it_wants_to_be_left_alone(api, league, trouble, seconds):
    league.trouble = trouble
    with pytest.raises(LeagueError) as error:
        ask(api)
    assert error.value.retry_after == seconds


def test_the_reply_of_every_path_is_understood(api, league):
    league.moment = "final"
    assert api.player(665487).team_id == 135
    assert api.status(135, 665487) == "Active"
    assert [logged.errors for logged in api.season(665487, league.day().today.year - 1)] == [1, 2, 1]
    assert api.rank(665487, 2026) == 7
    assert api.rank(596019, 2026) is None
