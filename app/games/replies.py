"""Reads replies of MLB's Stats API into data classes. A shape that it does not know raises LookupError, TypeError or ValueError.

Nothing here takes a missing key for an empty list: that would turn a broken reply into "no game today".
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from games.judgement import Game, Presence

# Listed once more on the day that it goes on, a suspended game has one of these.
RESUMED = ("resumeDate", "resumedFrom", "resumedFromDate")

CREDITS = {
    "f_fielding_error": "a fielding error",
    "f_throwing_error": "a throwing error",
    "f_error_dropped_ball": "a dropped ball",
    "f_interference": "an interference",
}


@dataclass(frozen=True)
class Player:
    """Who a person is to the league today. team_id is the club's in the major leagues, None without one."""

    name: str
    team_id: int | None
    team: str


@dataclass(frozen=True)
class LoggedGame:
    """A game of a season's log, its errors summed over the positions that were played."""

    game_pk: int
    day: date
    team_id: int
    team: str
    opponent: str
    at_home: bool
    errors: int


def schedule(reply: dict[str, Any], team_id: int) -> list[Game]:
    """The games of a team, each once. One that was postponed or suspended is listed for two days, and the later listing is the living one."""
    games = {}
    for listing in sorted(reply["dates"], key=lambda listing: listing["date"]):
        for entry in listing["games"]:
            game = _game(entry, team_id, date.fromisoformat(listing["date"]))
            games[game.game_pk] = game
    return list(games.values())


def _game(entry: dict[str, Any], team_id: int, listed_for: date) -> Game:
    away, home = entry["teams"]["away"]["team"], entry["teams"]["home"]["team"]
    if team_id not in (away["id"], home["id"]):
        raise ValueError(f"game {entry['gamePk']} is not one of team {team_id}")
    at_home = home["id"] == team_id
    team, opponent = (home, away) if at_home else (away, home)
    # Python 3.10 does not know the Z.
    start = datetime.fromisoformat(entry["gameDate"].replace("Z", "+00:00"))
    return Game(
        game_pk=_whole(entry["gamePk"]),
        official_date=date.fromisoformat(entry["officialDate"]),
        listed_for=listed_for,
        start=start,
        coded_game_state=_text(entry["status"]["codedGameState"]),
        detailed_state=_text(entry["status"]["detailedState"]),
        game_type=_text(entry["gameType"]),
        game_number=_whole(entry.get("gameNumber", 1), most=99),
        team_id=team_id,
        team=_text(team["name"]),
        opponent=_text(opponent["name"]),
        at_home=at_home,
        inning=_inning(entry.get("linescore", {})),
        resumed=any(entry.get(key) for key in RESUMED),
    )


def _inning(linescore: dict[str, Any]) -> str:
    """Such as "bottom of the 4th"; "" before the first pitch."""
    if not linescore.get("currentInning"):
        return ""
    half = _text(linescore["inningState"]).lower()
    return f"{half} of the {ordinal(_whole(linescore['currentInning']))}"


def with_box_score(reply: dict[str, Any], game: Game, person_id: int) -> Game:
    """The game with what its box score says of a person, on whichever side. No entry is no place on the game's roster; an empty one is the bench."""
    for side in ("away", "home"):
        person = reply["teams"][side]["players"].get(f"ID{person_id}")
        if person is not None:
            fielding = person["stats"]["fielding"]
            presence = Presence.PLAYED if fielding else Presence.BENCH
            return replace(game, presence=presence, errors=_whole(fielding.get("errors", 0), most=99))
    return replace(game, presence=Presence.ABSENT, errors=0)


def plays(reply: dict[str, Any], person_id: int) -> list[str]:
    """A person's errors in a game in words, such as "a throwing error in the bottom of the 4th".

    A play's event is no guide: an error can stand on one that is called a single.
    """
    found = []
    for play in reply["liveData"]["plays"]["allPlays"]:
        for runner in play["runners"]:
            for credit in runner.get("credits", []):
                if credit["player"]["id"] == person_id and credit["credit"] in CREDITS:
                    about = play["about"]
                    found.append(f"{CREDITS[credit['credit']]} in the {about['halfInning']} of the {ordinal(_whole(about['inning']))}")
    return found


def player(reply: dict[str, Any]) -> Player:
    """A person with the club; one who is in the minors belongs to the club that sent him there."""
    person = reply["people"][0]
    team = person.get("currentTeam")
    if not team:
        return Player(_text(person["fullName"]), None, "")
    if team.get("sport", {}).get("id", 1) == 1:
        return Player(_text(person["fullName"]), _whole(team["id"]), _text(team["name"]))
    parent = team.get("parentOrgId")
    return Player(_text(person["fullName"]), _whole(parent) if parent else None, _text(team.get("parentOrgName", "")))


def status(reply: dict[str, Any], person_id: int) -> str:
    """What a roster says of a person, such as "Active" or "Injured 10-Day"; "" if he is not on it."""
    return next((_text(entry["status"]["description"]) for entry in reply["roster"] if entry["person"]["id"] == person_id), "")


def season(reply: dict[str, Any]) -> list[LoggedGame]:
    """The log of a season, in which a game has a line per position. Before his first game a player has no log at all."""
    games: dict[int, LoggedGame] = {}
    for line in (line for log in reply["stats"] for line in log["splits"]):
        game = LoggedGame(
            game_pk=_whole(line["game"]["gamePk"]),
            day=date.fromisoformat(line["date"]),
            team_id=_whole(line["team"]["id"]),
            team=_text(line["team"]["name"]),
            opponent=_text(line["opponent"]["name"]),
            at_home=bool(line["isHome"]),
            errors=_whole(line["stat"]["errors"], most=99),
        )
        before = games.get(game.game_pk)
        games[game.game_pk] = replace(game, errors=game.errors + before.errors) if before else game
    return list(games.values())


def rank(reply: dict[str, Any], person_id: int) -> int | None:
    """A person's rank among a category's leaders; None if he is not among those listed."""
    leaders = (leader for category in reply["leagueLeaders"] for leader in category.get("leaders", []))
    return next((_whole(leader["rank"], most=9999) for leader in leaders if leader["person"]["id"] == person_id), None)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th… 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _whole(value: object, most: int = 2**31 - 1) -> int:
    """A number of things. False is none, and nor is "1"."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise TypeError(f"{value!r:.60} is no number of things")
    return value


def _text(value: object) -> str:
    """A name or the like, which fits its column."""
    if not isinstance(value, str) or len(value) > 100 or "\0" in value:
        raise TypeError(f"{value!r:.60} is no name")
    return value
