"""Asks MLB's Stats API. Knows HTTP, and leaves the shapes to replies.py and the meaning to judgement.py.

Good replies have tens to hundreds of kB, and anything may come instead: all that is no good reply becomes a LeagueError.
"""

import json
import time
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import urllib3

from games import replies
from games.judgement import Game

REQUEST_SECONDS = 10.0
LARGEST_REPLY = 8 * 1024**2
"""Bytes, unpacked. The largest good one, a whole game's plays, has less than 3 million."""
CHUNK = 64 * 1024

Result = TypeVar("Result")


class LeagueError(Exception):
    """The league gave no usable answer; the text is a sentence. retry_after: seconds that it asked to be left alone, if it did."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class StatsApi:
    """The league's service at base_url, which has no path. seconds is how long all requests of one object may take together.

    Nothing is tried twice: whoever asks again does so with the next poll. Every method raises LeagueError.
    """

    def __init__(self, base_url: str, user_agent: str, seconds: float = 40.0) -> None:
        self.base_url = base_url.rstrip("/")
        self.copyright = ""
        self._end = time.monotonic() + seconds
        self._pool = urllib3.PoolManager(headers={"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"})

    def schedule(self, team_id: int, start: date, end: date) -> list[Game]:
        """The games of a team that are listed for these days, both included."""
        query = {"sportId": 1, "teamId": team_id, "startDate": start, "endDate": end, "hydrate": "linescore"}
        return self._ask(lambda reply: replies.schedule(reply, team_id), "/api/v1/schedule", **query)

    def with_box_score(self, game: Game, person_id: int) -> Game:
        return self._ask(lambda reply: replies.with_box_score(reply, game, person_id), f"/api/v1/game/{game.game_pk}/boxscore")

    def plays(self, game_pk: int, person_id: int) -> list[str]:
        fields = "liveData,plays,allPlays,about,inning,halfInning,runners,credits,player,id,credit"
        return self._ask(lambda reply: replies.plays(reply, person_id), f"/api/v1.1/game/{game_pk}/feed/live", fields=fields)

    def player(self, person_id: int) -> replies.Player:
        return self._ask(replies.player, f"/api/v1/people/{person_id}", hydrate="currentTeam")

    def status(self, team_id: int, person_id: int) -> str:
        return self._ask(lambda reply: replies.status(reply, person_id), f"/api/v1/teams/{team_id}/roster", rosterType="fullRoster")

    def season(self, person_id: int, season: int) -> list[replies.LoggedGame]:
        """The player's games of a regular season that are over."""
        query = {"stats": "gameLog", "group": "fielding", "season": season, "gameType": "R"}
        return self._ask(replies.season, f"/api/v1/people/{person_id}/stats", **query)

    def rank(self, person_id: int, season: int) -> int | None:
        """The player's rank among the hundred with the most errors in the major leagues; None if he is not one of them."""
        query = {"leaderCategories": "errors", "statGroup": "fielding", "season": season, "sportId": 1, "limit": 100}
        return self._ask(lambda reply: replies.rank(reply, person_id), "/api/v1/stats/leaders", **query)

    def _ask(self, read: Callable[[dict[str, Any]], Result], path: str, **query: object) -> Result:
        reply = self._get(path, query)
        try:
            self.copyright = str(reply.get("copyright", self.copyright))
            return read(reply)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise LeagueError(f"The league answered {path} in a shape that is not known ({type(error).__name__}: {error}).") from error

    def _get(self, path: str, query: dict[str, object]) -> Any:
        until = min(self._end, time.monotonic() + REQUEST_SECONDS)
        seconds = until - time.monotonic()
        if seconds <= 0:
            raise LeagueError(f"The league took so long that it was not asked for {path} any more.")
        try:
            response = self._pool.request("GET", self.base_url + path, fields=query, retries=False, preload_content=False, timeout=seconds)
            try:
                if response.status != 200:
                    raise LeagueError(f"The league answered {path} with status {response.status}.", _seconds(response.headers.get("Retry-After")))
                return json.loads(_body(response, path, until))
            finally:
                # What was not read is not worth reading.
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise LeagueError(f"The league gave no answer to {path} ({_in_words(error)}).") from error
        except (ValueError, RecursionError) as error:
            raise LeagueError(f"The league answered {path} with something that is no JSON.") from error


def _body(response: urllib3.BaseHTTPResponse, path: str, until: float) -> bytes:
    """The reply's body, unless it gets too large, or too late: a byte now and then meets no socket's time limit."""
    body = bytearray()
    while chunk := response.read1(CHUNK):
        body += chunk
        if len(body) > LARGEST_REPLY:
            raise LeagueError(f"The league answered {path} with more than {LARGEST_REPLY // 1024**2} MB.")
        if time.monotonic() > until:
            raise LeagueError(f"The league did not end its answer to {path} in time.")
    return bytes(body)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, is as good as none."""
    return float(retry_after) if retry_after and retry_after.isdecimal() else None


def _in_words(error: Exception) -> str:
    """Without the object's address that urllib3 puts in front."""
    return str(error).rpartition(">: ")[2] or type(error).__name__
