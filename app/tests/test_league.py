"""The made-up league: what it says at its moments, and how it goes from one to the next."""

from datetime import datetime, timedelta, timezone

import pytest
import time_machine
import urllib3

from league.day import MOMENTS
from league.server import League


def ask(league, path, method="GET"):
    answer = urllib3.request(method, league.url + path)
    return answer.status, answer.json()


def schedule(league):
    today = league.day().today
    return ask(league, f"/api/v1/schedule?teamId=135&startDate={today}&endDate={today}")[1]["dates"]


def test_it_works(league):
    assert schedule(league) == []


def test_it_goes_where_it_is_told(league):
    assert ask(league, "/moment/final", "PUT") == (200, {"moment": "final"})
    (listing,) = schedule(league)
    assert listing["games"][0]["status"]["codedGameState"] == "F"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/moment/overtime"), ("PUT", "/trouble/down"), ("GET", "/api/v1/nothing"), ("GET", "/api/v1/schedule"), ("GET", "/")]
)
def test_what_it_does_not_know_is_not_found(league, method, path):
    assert ask(league, path, method)[0] == 404


def test_by_itself_it_goes_through_all_moments_and_begins_again():
    begin, seen = datetime(2026, 5, 20, 12, tzinfo=timezone.utc), []
    with time_machine.travel(begin, tick=False) as clock, League(every=timedelta(minutes=3)) as league:
        for minute in range(0, 27, 3):
            clock.move_to(begin + timedelta(minutes=minute))
            seen.append(league.day().moment)
    assert seen == [*MOMENTS.values(), None]
