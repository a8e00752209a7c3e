"""Judges what the league said. Knows baseball, and neither a clock nor the network nor the database.

Terms and codes are those of MLB's Stats API: https://statsapi.mlb.com/api/v1/gameStatus lists the states.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

TIME_ZONE = ZoneInfo("America/Los_Angeles")
"""A day ends when no ballpark in the country has another first pitch."""

MINUTE = timedelta(minutes=1)
WARM_UP = timedelta(minutes=10)
"""So long before a first pitch the league is asked every minute."""

GRACE = timedelta(minutes=5)
"""So long after a poll was due its predecessor's news still counts."""

STILL_SCORING = timedelta(hours=3)
"""So long after a game the official scorer's second thoughts are awaited every ten minutes."""


class State(Enum):
    """What codedGameState, a letter, means. abstractGameState is no guide: it calls a warm-up Live and a postponed game Final."""

    TO_COME = "SP"
    PLAYING = "IMN"
    SUSPENDED = "UT"
    OVER = "OFR"
    POSTPONED = "D"
    CANCELLED = "C"
    UNCLEAR = ""

    @classmethod
    def of(cls, coded_game_state: str) -> "State":
        return next((state for state in cls if len(coded_game_state) == 1 and coded_game_state in state.value), cls.UNCLEAR)


class Presence(Enum):
    """Where the player is in a game, as its box score says."""

    UNKNOWN = "unknown"  # no box score yet
    ABSENT = "absent"  # not on the game's roster
    BENCH = "bench"
    PLAYED = "played"


class Answer(Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Reason(Enum):
    NEVER_ASKED = "never asked"
    STALE = "no news"
    UNCLEAR = "unclear"
    NO_GAME = "no game"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    NOT_BEGUN = "not begun"
    BETWEEN_GAMES = "between games"
    PLAYING = "playing"
    SUSPENDED = "suspended"
    OVER = "over"
    BENCH = "bench"
    INJURED = "injured"
    NOT_ON_ROSTER = "not on the roster"


@dataclass(frozen=True)
class Game:
    """A game as the schedule and its box score tell of it, seen from the player.

    official_date is the day that it counts for: for a night game the day before its start in UTC, and for one that was
    postponed or suspended and went on another day not the day that lists it, which is listed_for. plays says in words
    what the errors were, as far as that is known.
    """

    game_pk: int
    official_date: date
    listed_for: date
    start: datetime
    coded_game_state: str
    detailed_state: str = ""
    game_type: str = "R"
    game_number: int = 1
    team_id: int = 0
    team: str = ""
    opponent: str = ""
    at_home: bool = True
    inning: str = ""
    resumed: bool = False
    presence: Presence = Presence.UNKNOWN
    errors: int = 0
    plays: tuple[str, ...] = ()
    over_since: datetime | None = None

    @property
    def state(self) -> State:
        return State.of(self.coded_game_state)

    @property
    def is_played(self) -> bool:
        """Whether its errors count: postponed, it may have a box score, but that is another day's."""
        return self.state not in (State.POSTPONED, State.CANCELLED)


@dataclass(frozen=True)
class News:
    """What the league said last: as_of, when it was asked with success; status, what the roster says, such as "Injured 10-Day"."""

    as_of: datetime | None = None
    games: tuple[Game, ...] = ()
    status: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer for a day. errors and games are what it rests on; until is when it has to be asked for anew."""

    answer: Answer
    reason: Reason
    day: date
    errors: int
    games: tuple[Game, ...]
    until: datetime


def judge(news: News, now: datetime) -> Verdict:
    """Whether the player has an error today, of all that is known at this instant."""
    day = today(news.games, now)
    games = tuple(sorted((game for game in news.games if day in (game.official_date, game.listed_for)), key=_in_order))
    counted = [game for game in games if game.official_date == day and game.is_played]
    errors = sum(game.errors for game in counted)
    if news.as_of is None:
        answer, reason = Answer.UNKNOWN, Reason.NEVER_ASKED
    elif now > stale_at(news):
        answer, reason = Answer.UNKNOWN, Reason.STALE
    else:
        reason = _reason(day, games, counted, news.status)
        answer = Answer.YES if errors else Answer.UNKNOWN if reason is Reason.UNCLEAR else Answer.NO
    return Verdict(answer, reason, day, errors, games, _until(news, now))


def today(games: Iterable[Game], now: datetime) -> date:
    """The day that the question is about: a night game that runs past midnight is still today's.

    A suspended game that goes on another day is not, although it keeps its official date.
    """
    day = now.astimezone(TIME_ZONE).date()
    yesterday = day - timedelta(days=1)
    still_running = any(game.official_date == yesterday and game.state is State.PLAYING and not game.resumed for game in games)
    return yesterday if still_running else day


def due_at(news: News) -> datetime:
    """When the league is to be asked again: as often as the games demand, and when a new day begins.

    Expects news that came: as_of is not None.
    """
    # In UTC, where an hour is an hour, also in the night when the clocks change.
    asked = news.as_of.astimezone(UTC)
    waits = [timedelta(hours=1), _next_midnight(asked) - asked, *(_wait(game, asked) for game in news.games)]
    return asked + max(MINUTE, min(waits))


def stale_at(news: News) -> datetime:
    """From when on this news may no longer be told: a poll is overdue."""
    return due_at(news) + GRACE


def season_of(day: date) -> int:
    """The season whose figures are of interest: until the next one begins in March, that is the last one."""
    return day.year if day.month >= 3 else day.year - 1


def _in_order(game: Game) -> tuple[datetime, int]:
    return game.start, game.game_number


def _reason(day: date, games: tuple[Game, ...], counted: list[Game], status: str) -> Reason:
    if not counted:
        if any(game.state is State.CANCELLED for game in games):
            return Reason.CANCELLED
        return Reason.POSTPONED if any(game.state is State.POSTPONED for game in games if game.listed_for == day) else Reason.NO_GAME
    states = {game.state for game in counted}
    if State.UNCLEAR in states:
        return Reason.UNCLEAR
    presences = {game.presence for game in counted if game.state is not State.TO_COME}
    is_out = _is_out(presences, status)
    if is_out:
        return is_out
    if State.PLAYING in states:
        playing = {game.presence for game in counted if game.state is State.PLAYING}
        return Reason.BENCH if playing == {Presence.BENCH} else Reason.PLAYING
    if State.TO_COME in states:
        return Reason.NOT_BEGUN if states == {State.TO_COME} else Reason.BETWEEN_GAMES
    if State.SUSPENDED in states:
        return Reason.SUSPENDED
    return Reason.BENCH if Presence.PLAYED not in presences else Reason.OVER


def _is_out(presences: set[Presence], status: str) -> Reason | None:
    """Why the player can be in no game of the day. Before the first box score only the roster knows."""
    if presences - {Presence.ABSENT, Presence.UNKNOWN}:
        return None
    if "injured" in status.lower():
        return Reason.INJURED
    return Reason.NOT_ON_ROSTER if presences == {Presence.ABSENT} else None


def _wait(game: Game, now: datetime) -> timedelta:
    if game.state is State.PLAYING:
        return MINUTE
    if game.state is State.TO_COME:
        # The first pitch is awaited for half a day, then somebody forgot the game.
        return game.start - WARM_UP - now if now < game.start + timedelta(hours=12) else timedelta(hours=1)
    still_scoring = game.over_since is not None and now - game.over_since < STILL_SCORING
    return timedelta(minutes=10) if still_scoring or game.state is State.SUSPENDED else timedelta(hours=1)


def _next_midnight(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(TIME_ZONE).date() + timedelta(days=1), time(), tzinfo=TIME_ZONE)


def _until(news: News, now: datetime) -> datetime:
    """The next poll, or the next midnight; if a poll is overdue, soon, since it can come at any moment."""
    soon = now + timedelta(seconds=10)
    if news.as_of is None or now > stale_at(news):
        return soon
    due = due_at(news)
    return min(due if now < due else min(soon, stale_at(news)), _next_midnight(now))
