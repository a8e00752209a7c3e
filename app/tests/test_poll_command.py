"""The command that the timer runs, and a real server that it asks."""

from contextlib import nullcontext

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from games.judgement import Answer, Reason, judge
from games.models import Person
from games.news import games_with_errors, known
from tests.test_statsapi import TROUBLES

pytestmark = pytest.mark.django_db


def answer(now):
    verdict = judge(known(now).news, now)
    return verdict.answer, verdict.reason, verdict.errors


@pytest.mark.parametrize("moment", ["off", "scheduled", "warmup", "first-pitch", "error", "taken-back", "another-error", "final"])
def test_the_command_keeps_what_the_league_says(league, settings, moment):
    answers = {"error": (Answer.YES, 1), "another-error": (Answer.YES, 1), "final": (Answer.YES, 1)}
    settings.TATIS_API_URL, league.moment = league.url, moment
    call_command("poll")
    assert answer(timezone.now())[::2] == answers.get(moment, (Answer.NO, 0))


def test_a_whole_day(league, settings):
    """Each moment after the other, on one database: what changes is what the league says."""
    settings.TATIS_API_URL, told = league.url, []
    for league.moment in ["off", "scheduled", "warmup", "first-pitch", "error", "taken-back", "another-error", "final"]:
        call_command("poll", "--now")
        told.append(answer(timezone.now())[:2])
    yes, no = Answer.YES, Answer.NO
    assert told == [
        (no, Reason.NO_GAME),
        (no, Reason.NOT_BEGUN),
        (no, Reason.NOT_BEGUN),
        (no, Reason.PLAYING),
        (yes, Reason.PLAYING),
        (no, Reason.PLAYING),
        (yes, Reason.PLAYING),
        (yes, Reason.OVER),
    ]
    assert [row.errors for row in games_with_errors() if row.official_date == league.day().today] == [1]


def test_two_players_are_kept_apart(league, settings):
    settings.TATIS_API_URL, league.moment = league.url, "error"
    call_command("poll")
    settings.TATIS_PERSON_ID, settings.TATIS_TEAM_ID = 596019, 121
    call_command("poll")
    assert answer(timezone.now())[0] is Answer.NO
    assert Person.objects.get(pk=596019).team == "New York Mets"


def test_nothing_is_asked_before_it_is_due(league, settings, capsys):
    settings.TATIS_API_URL = league.url
    call_command("poll")
    before = list(league.asked)
    call_command("poll")
    assert league.asked == before
    assert "The next poll is due at" in capsys.readouterr().out.splitlines()[-1]


def test_now_asks_whether_it_is_due_or_not(league, settings):
    settings.TATIS_API_URL = league.url
    call_command("poll")
    before = len(league.asked)
    call_command("poll", "--now")
    assert len(league.asked) > before


@pytest.mark.parametrize(("trouble", "sentence"), TROUBLES.items())
def test_the_command_ends_with_a_sentence_and_the_last_good_answer_stays(league, settings, trouble, sentence):
    settings.TATIS_API_URL, league.moment = league.url, "error"
    call_command("poll")
    league.trouble = trouble
    with pytest.raises(CommandError) as error:
        call_command("poll", "--now")
    assert str(error.value).startswith(sentence)
    assert answer(timezone.now())[0] is Answer.YES


@pytest.mark.parametrize("path", ["boxscore", "feed/live", "/roster", "/stats?", "leaders", "/people/665487?"])
@pytest.mark.parametrize("trouble", ["status_500", "another_shape"])
def test_a_trouble_at_one_address_is_a_trouble(league, settings, path, trouble):
    settings.TATIS_API_URL, league.moment = league.url, "error"
    league.trouble, league.only = trouble, path
    with pytest.raises(CommandError, match=r"The league answered /api/.* (with status 500|in a shape that is not known)"):
        call_command("poll")
    assert (answer(timezone.now())[0] is Answer.YES) == (path != "boxscore")


@pytest.mark.parametrize("trouble", ["", "status_500"])
def test_a_poll_ends_the_pages_that_are_kept(league, settings, client, trouble):
    settings.TATIS_API_URL, league.moment = league.url, "first-pitch"
    call_command("poll")
    assert b'<p class="answer">No</p>' in client.get("/").content
    # Also one that brings the games alone.
    league.moment, league.trouble, league.only = "error", trouble, "leaders"
    with pytest.raises(CommandError) if trouble else nullcontext():
        call_command("poll", "--now")
    assert b'<p class="answer">Yes</p>' in client.get("/").content
