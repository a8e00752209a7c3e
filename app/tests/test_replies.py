"""What the league's replies mean, in shapes as small as they can be."""

from datetime import date, datetime, timezone

import pytest

from games import replies
from games.judgement import Presence
from tests.games import game

PADRES, ARIZONA = {"id": 135, "name": "San Diego Padres"}, {"id": 109, "name": "Arizona Diamondbacks"}


def entry(**changes):
    status = {"codedGameState": "I", "detailedState": "In Progress", "abstractGameState": "Live"}
    made = {
        "gamePk": 661333,
        "gameType": "R",
        "gameDate": "2022-04-08T01:40:00Z",
        "officialDate": "2022-04-07",
        "status": status,
        "teams": {"away": {"team": PADRES}, "home": {"team": ARIZONA}},
        "linescore": {"currentInning": 4, "inningState": "Bottom"},
    }
    return made | changes


def listing(day, *entries):
    return {"date": day, "games": list(entries)}


def schedule(*listings):
    return replies.schedule({"dates": list(listings)}, 135)


def box_score(home=None, away=None):
    players = [{f"ID{person_id}": person for person_id, person in (side or {}).items()} for side in (home, away)]
    return {"teams": {"home": {"players": players[0]}, "away": {"players": players[1]}}}


def line(**fielding):
    return {"stats": {"fielding": fielding}}


def test_it_works():
    (found,) = schedule(listing("2022-04-07", entry()))
    assert (found.game_pk, found.team, found.opponent, found.at_home) == (661333, "San Diego Padres", "Arizona Diamondbacks", False)
    assert found.inning == "bottom of the 4th"


def test_a_night_game_counts_for_its_official_date():
    (found,) = schedule(listing("2022-04-07", entry()))
    assert (found.official_date, found.start) == (date(2022, 4, 7), datetime(2022, 4, 8, 1, 40, tzinfo=timezone.utc))


def test_no_game_is_an_empty_list():
    assert schedule() == []


def test_a_postponed_game_is_the_one_that_is_listed_last():
    old = entry(officialDate="2022-04-08", status={"codedGameState": "D", "detailedState": "Postponed"})
    new = entry(officialDate="2022-04-08", status={"codedGameState": "F", "detailedState": "Final"})
    for listings in ([listing("2022-04-07", old), listing("2022-04-08", new)], [listing("2022-04-08", new), listing("2022-04-07", old)]):
        (found,) = schedule(*listings)
        assert (found.coded_game_state, found.listed_for) == ("F", date(2022, 4, 8))


def test_a_postponed_game_that_is_listed_nowhere_else_stays_where_it_is_listed():
    (found,) = schedule(listing("2022-04-07", entry(officialDate="2022-06-01", status={"codedGameState": "D", "detailedState": "Postponed"})))
    assert (found.official_date, found.listed_for, found.is_played) == (date(2022, 6, 1), date(2022, 4, 7), False)


@pytest.mark.parametrize("key", ["resumeDate", "resumedFrom", "resumedFromDate"])
def test_a_suspended_game_that_goes_on_another_day(key):
    (found,) = schedule(listing("2022-04-08", entry(**{key: "2022-04-08"})))
    assert found.resumed


def test_a_game_before_its_first_pitch_has_no_inning():
    (found,) = schedule(listing("2022-04-07", entry(linescore={})))
    assert found.inning == ""


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"dates": None},
        {"dates": [{"date": "2022-04-07"}]},
        {"dates": [listing("2022-04-07", entry(teams={"away": {"team": ARIZONA}, "home": {"team": ARIZONA}}))]},
        {"dates": [listing("2022-04-07", entry(status={}))]},
        {"dates": [listing("2022-04-07", entry(status={"codedGameState": 1, "detailedState": ""}))]},
        {"dates": [listing("2022-04-07", entry(gamePk="661333"))]},
        {"dates": [listing("2022-04-07", entry(gamePk=2**31))]},
        {"dates": [listing("2022-04-07", entry(officialDate=""))]},
        {"dates": [listing("April", entry())]},
        {"dates": [listing("2022-04-07", entry(gameType="R" * 101))]},
        {"dates": [listing("2022-04-07", entry(gameType="R\0"))]},
        [],
    ],
)
def test_a_schedule_of_another_shape_is_never_an_empty_one(reply):
    with pytest.raises((LookupError, TypeError, ValueError)):
        replies.schedule(reply, 135)


@pytest.mark.parametrize(
    ("reply", "presence", "errors"),
    [
        (box_score(home={1: line(errors=2)}), Presence.PLAYED, 2),
        (box_score(away={1: line(errors=1)}), Presence.PLAYED, 1),
        (box_score(home={1: line(errors=0)}), Presence.PLAYED, 0),
        (box_score(home={1: line(putOuts=3)}), Presence.PLAYED, 0),
        (box_score(home={1: line()}), Presence.BENCH, 0),
        (box_score(home={2: line(errors=3)}), Presence.ABSENT, 0),
    ],
)
def test_a_box_score_says_where_the_player_is(reply, presence, errors):
    found = replies.with_box_score(reply, game("I"), 1)
    assert (found.presence, found.errors) == (presence, errors)


def test_a_box_score_takes_an_error_back():
    assert replies.with_box_score(box_score(home={1: line(errors=0)}), game("I", 1), 1).errors == 0


@pytest.mark.parametrize("errors", ["1", None, -1, True, 1.0, 100])
def test_errors_are_a_number_of_things(errors):
    with pytest.raises(TypeError, match="is no number of things"):
        replies.with_box_score(box_score(home={1: line(errors=errors)}), game("I"), 1)


@pytest.mark.parametrize("reply", [{}, {"teams": {}}, {"teams": {"home": {}, "away": {}}}, box_score(home={1: {}}), box_score(home={1: {"stats": {}}})])
def test_a_box_score_of_another_shape_is_no_absence(reply):
    with pytest.raises((LookupError, TypeError)):
        replies.with_box_score(reply, game("I"), 1)


def play(inning, half, *credits, event="field_error"):
    runners = [{"credits": [{"player": {"id": player}, "credit": credit} for player, credit in credits]}, {}]
    return {"about": {"inning": inning, "halfInning": half}, "runners": runners, "result": {"eventType": event}}


def plays(*found):
    return replies.plays({"liveData": {"plays": {"allPlays": list(found)}}}, 1)


def test_errors_in_words():
    found = plays(play(4, "bottom", (1, "f_throwing_error")), play(11, "top", (1, "f_fielding_error")))
    assert found == ["a throwing error in the bottom of the 4th", "a fielding error in the top of the 11th"]


def test_an_error_counts_although_the_play_is_called_a_single():
    assert plays(play(8, "top", (1, "f_throwing_error"), event="single")) == ["a throwing error in the top of the 8th"]


def test_another_ones_errors_and_putouts_are_left_out():
    assert plays(play(1, "top", (2, "f_fielding_error"), (1, "f_putout"))) == []


def person(**team):
    return replies.player({"people": [{"fullName": "Fernando Tatis Jr.", **({"currentTeam": team} if team else {})}]})


def test_a_player_of_a_club():
    assert person(id=135, name="San Diego Padres", sport={"id": 1}) == replies.Player("Fernando Tatis Jr.", 135, "San Diego Padres")


def test_a_player_in_the_minors_belongs_to_the_club_that_sent_him():
    found = person(id=4904, name="El Paso Chihuahuas", sport={"id": 11}, parentOrgId=135, parentOrgName="San Diego Padres")
    assert (found.team_id, found.team) == (135, "San Diego Padres")


@pytest.mark.parametrize("team", [{}, {"id": 1, "name": "Somewhere", "sport": {"id": 11}}])
def test_a_player_without_a_club(team):
    assert person(**team).team_id is None


def roster(*entries):
    return replies.status({"roster": [{"person": {"id": person_id}, "status": {"code": "", "description": said}} for person_id, said in entries]}, 1)


@pytest.mark.parametrize(("entries", "said"), [([(2, "Active"), (1, "Injured 10-Day")], "Injured 10-Day"), ([(2, "Active")], ""), ([], "")])
def test_the_roster_says_how_he_is(entries, said):
    assert roster(*entries) == said


def logged(game_pk, errors, day="2026-04-12"):
    return {"game": {"gamePk": game_pk}, "date": day, "team": PADRES, "opponent": ARIZONA, "isHome": True, "stat": {"errors": errors}}


def test_the_log_sums_over_positions():
    found = replies.season({"stats": [{"splits": [logged(1, 1), logged(2, 0, "2026-04-13"), logged(1, 2)]}]})
    assert [(game.game_pk, game.day, game.errors) for game in found] == [(1, date(2026, 4, 12), 3), (2, date(2026, 4, 13), 0)]


def test_before_the_first_game_there_is_no_log():
    assert replies.season({"stats": []}) == []


def leaders(*ranks):
    return replies.rank({"leagueLeaders": [{"leaders": [{"rank": rank, "value": "9", "person": {"id": person_id}} for person_id, rank in ranks]}]}, 1)


@pytest.mark.parametrize(("ranks", "rank"), [([(2, 1), (1, 3), (3, 3)], 3), ([(2, 1)], None), ([], None)])
def test_the_rank_among_the_leaders(ranks, rank):
    assert leaders(*ranks) == rank


@pytest.mark.parametrize(("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st")])
def test_ordinals(number, word):
    assert replies.ordinal(number) == word
