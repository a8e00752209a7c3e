"""The judgement, as a table of days, and as rules that hold for any day."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as some

from games.judgement import GRACE, TIME_ZONE, Answer, Game, News, Presence, Reason, State, due_at, judge, season_of, stale_at, today
from tests.games import DAY, at, days, game, news

YESTERDAY, TOMORROW = DAY - days(1), DAY + days(1)
YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
BENCH, ABSENT = {"presence": Presence.BENCH}, {"presence": Presence.ABSENT}
RESUMED = game("I", 1, YESTERDAY, listed_for=DAY, resumed=True, game_pk=3)
FIRST, SECOND = {"game_pk": 1, "game_number": 1, "start": at("13:10")}, {"game_pk": 2, "game_number": 2, "start": at("18:40")}


class Case(NamedTuple):
    """What the league says, when, and what is to be answered. The news is a minute old unless said otherwise."""

    what: str
    games: list[Game]
    now: datetime
    answer: Answer
    reason: Reason
    errors: int = 0
    status: str = "Active"
    age: timedelta = timedelta(minutes=1)
    day: date = DAY


CASES = [
    Case("an off day", [], at("12:00"), NO, Reason.NO_GAME),
    Case("an off day after a game with an error", [game("F", 2, YESTERDAY)], at("12:00"), NO, Reason.NO_GAME),
    Case("an off day before a game", [game("S", day=TOMORROW)], at("12:00"), NO, Reason.NO_GAME),
    Case("before the first pitch", [game("S")], at("15:00"), NO, Reason.NOT_BEGUN),
    Case("a warm-up that the league calls Live", [game("P", detailed_state="Warmup")], at("18:30"), NO, Reason.NOT_BEGUN),
    Case("a first pitch that the rain delays", [game("P", detailed_state="Delayed Start: Rain")], at("19:10"), NO, Reason.NOT_BEGUN),
    Case("no error so far", [game("I")], at("20:00"), NO, Reason.PLAYING),
    Case("an error in a game that is on", [game("I", 1)], at("20:00"), YES, Reason.PLAYING, 1),
    Case("an error taken back", [game("I", 0, detailed_state="In Progress")], at("20:30"), NO, Reason.PLAYING),
    Case("two errors while the umpires look at a replay", [game("N", 2)], at("20:00"), YES, Reason.PLAYING, 2),
    Case("a rain delay in the 5th", [game("I", 0, detailed_state="Delayed: Rain")], at("20:00"), NO, Reason.PLAYING),
    Case("over without an error", [game("F")], at("22:00"), NO, Reason.OVER),
    Case("over with an error", [game("F", 1)], at("22:00"), YES, Reason.OVER, 1),
    Case("over, and the scorer may still think twice", [game("O", 1)], at("21:45"), YES, Reason.OVER, 1),
    Case("ended early by the rain", [game("F", 1, detailed_state="Completed Early: Rain")], at("21:00"), YES, Reason.OVER, 1),
    Case("a forfeit", [game("R", 0)], at("21:00"), NO, Reason.OVER),
    Case("on the bench", [game("I", **BENCH)], at("20:00"), NO, Reason.BENCH),
    Case("on the bench all day", [game("F", **BENCH)], at("22:00"), NO, Reason.BENCH),
    Case("off the bench in the 8th, with an error", [game("I", 1)], at("21:00"), YES, Reason.PLAYING, 1),
    Case("not on the roster", [game("I", **ABSENT)], at("20:00"), NO, Reason.NOT_ON_ROSTER, status=""),
    Case("suspended by the league", [game("F", **ABSENT)], at("22:00"), NO, Reason.NOT_ON_ROSTER, status="Suspended 10 Days"),
    Case("on the injured list", [game("I", **ABSENT)], at("20:00"), NO, Reason.INJURED, status="Injured 10-Day"),
    Case("on the injured list, before the first pitch", [game("S")], at("15:00"), NO, Reason.INJURED, status="Injured 60-Day"),
    Case("on the injured list, on an off day", [], at("15:00"), NO, Reason.NO_GAME, status="Injured 10-Day"),
    Case("activated today, and the roster does not know", [game("I", 1)], at("20:00"), YES, Reason.PLAYING, 1, status="Injured 10-Day"),
    Case("a doubleheader: an error in game one, none in game two", [game("F", 1, **FIRST), game("F", 0, **SECOND)], at("22:00"), YES, Reason.OVER, 1),
    Case("a doubleheader: one in each", [game("F", 1, **FIRST), game("I", 1, **SECOND)], at("20:00"), YES, Reason.PLAYING, 2),
    Case("a doubleheader: none yet, game two to come", [game("F", 0, **FIRST), game("S", **SECOND)], at("17:00"), NO, Reason.BETWEEN_GAMES),
    Case("a doubleheader: game one rained out", [game("D", 0, **FIRST), game("F", 0, **SECOND)], at("22:00"), NO, Reason.OVER),
    Case("a doubleheader: played one, sits in two", [game("F", 0, **FIRST), game("I", **SECOND, **BENCH)], at("20:00"), NO, Reason.BENCH),
    Case("a double switch in both games", [game("F", 1, **FIRST), game("F", 2, **SECOND)], at("22:00"), YES, Reason.OVER, 3),
    Case("a postponed game", [game("D")], at("20:00"), NO, Reason.POSTPONED),
    Case("postponed to tomorrow, listed for today", [game("D", day=TOMORROW, listed_for=DAY)], at("20:00"), NO, Reason.POSTPONED),
    Case("postponed, with the box score of the make-up", [game("D", 2, TOMORROW, listed_for=DAY)], at("20:00"), NO, Reason.POSTPONED),
    Case("the make-up of yesterday's game", [game("F", 1, listed_for=DAY)], at("22:00"), YES, Reason.OVER, 1),
    Case("cancelled", [game("C")], at("20:00"), NO, Reason.CANCELLED),
    Case("suspended by the rain, with an error", [game("U", 1)], at("21:00"), YES, Reason.SUSPENDED, 1),
    Case("suspended by the rain, without one", [game("T")], at("21:00"), NO, Reason.SUSPENDED),
    Case("the suspended game goes on the day after: its error is yesterday's", [RESUMED], at("14:00"), NO, Reason.NO_GAME),
    Case("and today's own game comes after it", [RESUMED, game("I", 0)], at("20:00"), NO, Reason.PLAYING),
    Case("a night game past midnight in UTC", [game("I", 1)], datetime(2026, 5, 21, 3, 0, tzinfo=timezone.utc), YES, Reason.PLAYING, 1),
    Case("a night game past midnight in Los Angeles", [game("I", 1)], at("00:30", TOMORROW), YES, Reason.PLAYING, 1),
    Case("the same when it is over", [game("F", 1)], at("00:50", TOMORROW), NO, Reason.NO_GAME, day=TOMORROW),
    Case("traded today, after an error for the old club", [game("F", 1, game_pk=1), game("S", game_pk=2)], at("17:00"), YES, Reason.BETWEEN_GAMES, 1),
    Case("a state that the league never used", [game("Q")], at("20:00"), UNKNOWN, Reason.UNCLEAR),
    Case("a state that the league never used, with an error", [game("Q", 1)], at("20:00"), YES, Reason.UNCLEAR, 1),
    Case("no state at all", [game("S", coded_game_state="")], at("20:00"), UNKNOWN, Reason.UNCLEAR),
    Case("no news for six minutes of a game", [game("I", 1)], at("20:00"), UNKNOWN, Reason.STALE, 1, age=timedelta(minutes=6, seconds=1)),
    Case("no news for just not six minutes of a game", [game("I", 1)], at("20:00"), YES, Reason.PLAYING, 1, age=timedelta(minutes=6)),
    Case("no news since before the first pitch", [game("S")], at("18:36"), UNKNOWN, Reason.STALE, age=timedelta(minutes=50)),
    Case("no news for an hour of an off day", [], at("12:00"), NO, Reason.NO_GAME, age=timedelta(minutes=65)),
    Case("no news for longer", [], at("12:00"), UNKNOWN, Reason.STALE, age=timedelta(minutes=66)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_a_day(case):
    verdict = judge(news(*case.games, as_of=case.now - case.age, status=case.status), case.now)
    assert (verdict.answer, verdict.reason, verdict.errors, verdict.day) == (case.answer, case.reason, case.errors, case.day)


def test_without_any_news_nobody_knows():
    verdict = judge(News(), at("12:00"))
    assert (verdict.answer, verdict.reason, verdict.games) == (UNKNOWN, Reason.NEVER_ASKED, ())


def test_the_games_of_the_day_are_told_in_their_order():
    second, first, other = game("S", **SECOND), game("F", **FIRST), game("F", day=YESTERDAY, game_pk=3)
    assert judge(news(second, other, first, as_of=at("17:00")), at("17:00")).games == (first, second)


def test_a_resumed_game_is_told_although_it_counts_for_another_day():
    assert judge(news(RESUMED, as_of=at("14:00")), at("14:00")).games == (RESUMED,)


@pytest.mark.parametrize(
    ("what", "games", "asked", "minutes"),
    [
        ("no game", [], at("12:00"), 60),
        ("a game in the evening", [game("S")], at("12:00"), 60),
        ("ten minutes before the first pitch", [game("S")], at("18:00"), 30),
        ("the first pitch is near", [game("S")], at("18:35"), 1),
        ("the first pitch is late", [game("P")], at("20:00"), 1),
        ("nobody ended a game that was forgotten", [game("S")], at("07:00", TOMORROW), 60),
        ("a game is on", [game("I")], at("20:00"), 1),
        ("a suspended game", [game("U")], at("20:00"), 10),
        ("just over", [game("F", over_since=at("21:00"))], at("21:00"), 10),
        ("long over", [game("F", over_since=at("18:00"))], at("21:00"), 60),
        ("over, and another one is on", [game("F", over_since=at("16:00"), game_pk=1), game("I", game_pk=2)], at("20:00"), 1),
        ("postponed", [game("D")], at("20:00"), 60),
        ("a new day in a quarter of an hour", [], at("23:45"), 15),
        ("a new day in a second", [], at("23:59") + timedelta(seconds=59), 1),
    ],
)
def test_how_long_until_the_next_poll(what, games, asked, minutes):
    assert due_at(news(*games, as_of=asked)) - asked == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("asked", "minutes"),
    [
        (datetime(2026, 3, 8, 7, 30, tzinfo=timezone.utc), 30),  # before the midnight before the clocks go forward
        (datetime(2026, 3, 8, 9, 30, tzinfo=timezone.utc), 60),  # half past one, and then it is three
        (datetime(2026, 11, 2, 7, 30, tzinfo=timezone.utc), 30),  # at the end of a day with 25 hours
    ],
)
def test_an_hour_is_an_hour_when_the_clocks_change(asked, minutes):
    assert due_at(news(as_of=asked)) - asked == due_at(news(as_of=asked.astimezone(TIME_ZONE))) - asked == timedelta(minutes=minutes)


def test_an_answer_ends_with_the_next_poll():
    assert judge(news(game("I"), as_of=at("20:00")), at("20:00")).until == at("20:01")


def test_while_a_poll_is_overdue_an_answer_ends_soon():
    assert judge(news(game("I"), as_of=at("20:00")), at("20:02")).until == at("20:02") + timedelta(seconds=10)


def test_an_answer_ends_before_it_is_stale():
    now = at("20:06") - timedelta(seconds=1)
    assert judge(news(game("I"), as_of=at("20:00")), now).until == at("20:06")


@pytest.mark.parametrize(("day", "season"), [(date(2026, 3, 1), 2026), (date(2026, 11, 24), 2026), (date(2027, 2, 28), 2026)])
def test_the_season_of_a_day(day, season):
    assert season_of(day) == season


@pytest.mark.parametrize("code", ["", "W", "X", "SP", "?"])
def test_what_is_no_known_state_is_unclear(code):
    assert State.of(code) is State.UNCLEAR


instants = some.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=some.just(timezone.utc))
ages = some.timedeltas(timedelta(0), timedelta(hours=3))
statuses = some.sampled_from(["", "Active", "Injured 10-Day", "Suspended"])


@some.composite
def situations(draw):
    """An instant, and news of up to three games around it."""
    now = draw(instants)
    day = now.astimezone(TIME_ZONE).date()
    games = []
    for game_pk in range(draw(some.integers(0, 3))):
        official, listed = (day + days(draw(some.integers(-1, 1))) for _ in range(2))
        games.append(
            game(
                draw(some.sampled_from("SPIMNUTOFRDCWX")),
                draw(some.integers(0, 3)),
                official,
                listed_for=listed,
                game_pk=game_pk,
                start=now + draw(some.timedeltas(timedelta(hours=-20), timedelta(hours=20))),
                resumed=draw(some.booleans()),
                presence=draw(some.sampled_from(Presence)),
                over_since=draw(some.none() | some.just(now)),
            )
        )
    return now, News(now - draw(ages), tuple(games), draw(statuses))


def counted(said, now):
    day = today(said.games, now)
    return sum(game.errors for game in said.games if game.official_date == day and game.coded_game_state not in "DC")


@given(situations())
def test_the_answer_is_yes_exactly_when_fresh_news_counts_an_error(situation):
    now, said = situation
    assert (judge(said, now).answer is YES) == (counted(said, now) > 0 and now <= stale_at(said))


@given(situations())
def test_stale_news_is_never_told_as_yes_or_no(situation):
    now, said = situation
    late = max(now, stale_at(said)) + timedelta(microseconds=1)
    assert judge(said, late).answer is UNKNOWN


@given(situations())
def test_news_is_stale_within_an_hour_and_the_grace(situation):
    _now, said = situation
    assert timedelta(minutes=1) <= due_at(said) - said.as_of <= timedelta(hours=1)
    assert stale_at(said) - due_at(said) == GRACE


@given(situations(), ages)
def test_an_answer_holds_as_long_as_it_says(situation, later):
    """Whoever keeps it until then, and no longer, tells what a fresh look would."""
    now, said = situation
    verdict = judge(said, now)
    assert verdict.until > now or verdict.until == stale_at(said)
    if now + later < verdict.until:
        again = judge(said, now + later)
        assert replace(again, until=verdict.until) == verdict


@given(situations())
def test_the_order_of_the_games_does_not_matter(situation):
    now, said = situation
    turned = News(said.as_of, said.games[::-1], said.status)
    first, second = judge(said, now), judge(turned, now)
    assert (first.answer, first.reason, first.errors, first.day) == (second.answer, second.reason, second.errors, second.day)


@given(situations(), some.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=some.just(timezone.utc)))
def test_games_of_other_days_do_not_count(situation, other):
    now, said = situation
    far = other.astimezone(TIME_ZONE).date() + days(400)
    more = News(said.as_of, (*said.games, game("F", 3, far, game_pk=9)), said.status)
    assert judge(more, now).errors == judge(said, now).errors
