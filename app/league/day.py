"""A made-up day of a made-up season, in the shapes of MLB's Stats API: for demos, and for tests that cannot ask the league.

Every club plays one game, against the Diamondbacks. It goes through MOMENTS, in which the followed player makes an error
that is taken back, and another one that stays.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

COPYRIGHT = "A made-up league. Nothing of this happened: see https://github.com/shortstop/django"
PACIFIC = ZoneInfo("America/Los_Angeles")
ARIZONA = {"id": 109, "name": "Arizona Diamondbacks"}
CLUBS = {135: "San Diego Padres", 121: "New York Mets"}
PLAYERS = {665487: ("Fernando Tatis Jr.", 135), 596019: ("Francisco Lindor", 121)}
CLUMSY = 665487
SEASON = [((4, 12), 1), ((6, 3), 2), ((9, 1), 1)]  # days and errors before this one
RANK = 7


@dataclass(frozen=True)
class Moment:
    """State and detail as in gameStatus; half and inning; errors, each as (half, inning, credit)."""

    code: str
    detail: str
    half: str = ""
    inning: int = 0
    errors: tuple[tuple[str, int, str], ...] = ()
    abstract: str = "Live"


MOMENTS = {
    "off": None,
    "scheduled": Moment("S", "Scheduled", abstract="Preview"),
    "warmup": Moment("P", "Warmup"),
    "first-pitch": Moment("I", "In Progress", "top", 1),
    "error": Moment("I", "In Progress", "bottom", 4, (("bottom", 4, "f_throwing_error"),)),
    "taken-back": Moment("I", "In Progress", "top", 5),
    "another-error": Moment("I", "In Progress", "bottom", 7, (("bottom", 7, "f_fielding_error"),)),
    "final": Moment("F", "Final", "bottom", 9, (("bottom", 7, "f_fielding_error"),), "Final"),
}


@dataclass(frozen=True)
class Day:
    """What the service answers at one moment. now is an aware instant, start the first pitch."""

    moment: Moment | None
    now: datetime
    start: datetime

    def answer(self, path: str, query: dict[str, str]) -> dict | None:
        """The reply to GET path?query; None where there is nothing."""
        match path.strip("/").split("/")[1:]:
            case ["v1", "schedule"]:
                found = self.schedule(int(query["teamId"]), date.fromisoformat(query["startDate"]), date.fromisoformat(query["endDate"]))
            case ["v1", "game", game_pk, "boxscore"]:
                found = self.box_score(int(game_pk))
            case ["v1.1", "game", game_pk, "feed", "live"]:
                found = self.feed(int(game_pk))
            case ["v1", "people", person_id]:
                found = self.person(int(person_id))
            case ["v1", "people", person_id, "stats"]:
                found = self.season(int(person_id), int(query["season"]))
            case ["v1", "teams", team_id, "roster"]:
                found = self.roster(int(team_id))
            case ["v1", "stats", "leaders"]:
                found = self.leaders()
            case _:
                return None
        return {"copyright": COPYRIGHT, **found}

    @property
    def today(self) -> date:
        return self.now.astimezone(PACIFIC).date()

    def schedule(self, team_id: int, start: date, end: date) -> dict:
        games = [self._game(team_id)] if self.moment and start <= self.today <= end else []
        return {"totalGames": len(games), "dates": [{"date": str(self.today), "games": games}] if games else []}

    def _game(self, team_id: int) -> dict:
        moment = self.moment
        status = {"abstractGameState": moment.abstract, "codedGameState": moment.code, "detailedState": moment.detail}
        inning = {"currentInning": moment.inning, "inningState": moment.half.capitalize()}
        return {
            "gamePk": 990_000 + team_id,
            "gameType": "R",
            "gameDate": f"{self.start.astimezone(ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}",
            "officialDate": str(self.today),
            "status": status,
            "teams": {"away": {"team": ARIZONA}, "home": {"team": club(team_id)}},
            "gameNumber": 1,
            "doubleHeader": "N",
            "linescore": inning if moment.inning else {},
        }

    def box_score(self, game_pk: int) -> dict:
        players = {f"ID{person_id}": self._line(person_id) for person_id, (_name, team_id) in PLAYERS.items() if team_id == game_pk - 990_000}
        return {"teams": {"away": {"team": ARIZONA, "players": {}}, "home": {"team": club(game_pk - 990_000), "players": players}}}

    def _line(self, person_id: int) -> dict:
        return {"person": {"id": person_id}, "stats": {"batting": {}, "pitching": {}, "fielding": {"errors": len(self._errors(person_id))}}}

    def _errors(self, person_id: int) -> tuple[tuple[str, int, str], ...]:
        return self.moment.errors if self.moment and person_id == CLUMSY else ()

    def feed(self, game_pk: int) -> dict:
        plays = [
            {
                "about": {"inning": inning, "halfInning": half},
                "runners": [{"credits": [{"player": {"id": CLUMSY}, "credit": credit}]}],
                "result": {"eventType": "single"},
            }
            for half, inning, credit in (self._errors(CLUMSY) if game_pk - 990_000 == PLAYERS[CLUMSY][1] else ())
        ]
        return {"gamePk": game_pk, "liveData": {"plays": {"allPlays": plays}}}

    def person(self, person_id: int) -> dict:
        name, team_id = PLAYERS[person_id]
        return {"people": [{"id": person_id, "fullName": name, "currentTeam": club(team_id)}]}

    def roster(self, team_id: int) -> dict:
        active = {"code": "A", "description": "Active"}
        return {"roster": [{"person": {"id": person_id}, "status": active} for person_id, (_name, team) in PLAYERS.items() if team == team_id]}

    def season(self, person_id: int, season: int) -> dict:
        before = [(date(season, *day), errors) for day, errors in SEASON if person_id == CLUMSY and date(season, *day) < self.today - timedelta(days=1)]
        splits = [
            {
                "date": str(day),
                "game": {"gamePk": 980_000 + number},
                "team": club(PLAYERS[person_id][1]),
                "opponent": ARIZONA,
                "isHome": False,
                "stat": {"errors": errors},
            }
            for number, (day, errors) in enumerate(before)
        ]
        return {"stats": [{"splits": splits}] if splits else []}

    def leaders(self) -> dict:
        return {"leagueLeaders": [{"leaderCategory": "errors", "leaders": [{"rank": RANK, "value": "4", "person": {"id": CLUMSY}}]}]}


def club(team_id: int) -> dict:
    return {"id": team_id, "name": CLUBS.get(team_id, f"Club {team_id}"), "sport": {"id": 1}}
