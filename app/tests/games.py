"""Games for the tests, as short as a line."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from games.judgement import TIME_ZONE, Game, News, Presence

DAY = date(2026, 5, 20)
DETAILS = {"S": "Scheduled", "P": "Pre-Game", "I": "In Progress", "F": "Final", "D": "Postponed", "C": "Cancelled", "U": "Suspended: Rain"}


def at(clock: str, day: date = DAY) -> datetime:
    """An instant of the day in Los Angeles, such as "19:05"."""
    return datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), tzinfo=TIME_ZONE)


def game(code: str, errors: int = 0, day: date = DAY, **changes: object) -> Game:
    """A game in a state, that begins at 18:40; the player is in it, once it has begun."""
    presence = Presence.UNKNOWN if code in "SPDC" else Presence.PLAYED
    made = Game(
        game_pk=changes.pop("game_pk", 747001),
        official_date=day,
        listed_for=changes.pop("listed_for", day),
        start=changes.pop("start", at("18:40", day)),
        coded_game_state=code,
        detailed_state=DETAILS.get(code, "Unknown"),
        team_id=135,
        team="San Diego Padres",
        opponent="Arizona Diamondbacks",
        presence=presence,
        errors=errors,
    )
    return replace(made, **changes)


def news(*games: Game, as_of: datetime, status: str = "Active") -> News:
    return News(as_of, games, status)


def days(number: int) -> timedelta:
    return timedelta(days=number)
