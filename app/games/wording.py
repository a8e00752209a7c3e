"""Says in words what judgement.py judged."""

from datetime import datetime

from games.judgement import TIME_ZONE, Answer, Game, Reason, State, Verdict
from games.models import Appearance

ANSWERS = {Answer.YES: "Yes", Answer.NO: "No", Answer.UNKNOWN: "We don't know"}

SENTENCES = {
    Reason.NEVER_ASKED: "The league has not been asked yet.",
    Reason.STALE: "There has been no news from the league since then.",
    Reason.UNCLEAR: "The league says something of the game that we do not understand.",
    Reason.NO_GAME: "{team} have no game today.",
    Reason.POSTPONED: "Today's game is postponed.",
    Reason.CANCELLED: "Today's game is cancelled.",
    Reason.NOT_BEGUN: "Today's {game} not begun.",
    Reason.BETWEEN_GAMES: "One game is over, another is to come.",
    Reason.PLAYING: "The game is on.",
    Reason.SUSPENDED: "Today's game is suspended, and goes on another day.",
    Reason.OVER: "Today's {game} over.",
    Reason.BENCH: "{player} is on the bench.",
    Reason.INJURED: "{player} is on the injured list.",
    Reason.NOT_ON_ROSTER: "{player} is not on the roster for today's game.",
}

# What the schedule calls a game of which its first pitch is all that there is to say.
AHEAD = ("Scheduled", "Pre-Game", "Warmup")


def sentence(verdict: Verdict, player: str, team: str) -> str:
    """The reason, and before it the errors, if there are any. team may be "", while nobody knows it."""
    is_one = sum(game.is_played for game in verdict.games) < 2
    game = {Reason.NOT_BEGUN: ("game has", "games have")}.get(verdict.reason, ("game is", "games are"))[0 if is_one else 1]
    reason = SENTENCES[verdict.reason].format(player=player, team=f"The {team}" if team else "They", game=game)
    return f"{count(verdict.errors)}. {reason}" if verdict.answer is Answer.YES else reason


def count(errors: int) -> str:
    return f"{errors} error" if errors == 1 else f"{errors} errors"


def matchup(game: Game | Appearance) -> str:
    """Such as "San Diego Padres at Arizona Diamondbacks"."""
    return f"{game.team} {'vs.' if game.at_home else 'at'} {game.opponent}"


def errors_of(game: Game | Appearance) -> str:
    """The errors in a game in words, as far as they are known; "" if there are none."""
    return ", ".join(game.plays) or (count(game.errors) if game.errors else "")


def progress(game: Game, verdict: Verdict) -> str:
    """How far a game is, such as "bottom of the 4th" or "begins at 6:40 p.m. PT", and for which day it counts unless it is this one."""
    if game.state is State.TO_COME and game.detailed_state in AHEAD:
        how_far = f"begins at {clock(game.start)}"
    else:
        how_far = (game.state is State.PLAYING and game.inning) or game.detailed_state.lower()
    return how_far if game.official_date == verdict.day else f"{how_far}; counts for {game.official_date:%B} {game.official_date.day}"


def clock(instant: datetime) -> str:
    """Such as "6:40 p.m. PT"."""
    local = instant.astimezone(TIME_ZONE)
    return f"{local.hour % 12 or 12}:{local:%M} {'a.m.' if local.hour < 12 else 'p.m.'} PT"


def day_and_clock(instant: datetime) -> str:
    """Such as "May 20, 6:40 p.m. PT"."""
    local = instant.astimezone(TIME_ZONE)
    return f"{local:%B} {local.day}, {clock(instant)}"
