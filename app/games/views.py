"""What visitors see. Nothing here asks the league: a page tells what the last poll brought, with one query at most."""

import logging
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from itertools import groupby
from math import floor

from django.conf import settings
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import cache_control, cache_page
from django.views.decorators.http import require_safe

from games import wording
from games.judgement import Answer, Game, Verdict, judge
from games.models import Person
from games.news import games_with_errors, known

logger = logging.getLogger(__name__)

DAYS_A_PAGE = 30
GAMES_A_DAY = 3  # at most: a doubleheader, and what was suspended that day


def kept_until_the_next_poll(view: Callable[..., tuple[HttpResponse, datetime]]) -> Callable[[HttpRequest], HttpResponse]:
    """Let browsers and the cache keep an answer for as long as it is true. The view gives the instant that this ends."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        response, until = view(request, now)
        patch_cache_control(response, public=True, max_age=max(0, floor((until - now).total_seconds())))
        return response

    # None: for as long as the answer itself says.
    return require_safe(cache_page(None)(answer))


@kept_until_the_next_poll
def page(request: HttpRequest, now: datetime) -> tuple[HttpResponse, datetime]:
    """Answer the one question."""
    facts = known(now)
    verdict = judge(facts.news, now)
    context = {
        "player": settings.TATIS_PLAYER,
        "answer": wording.ANSWERS[verdict.answer],
        "is_known": verdict.answer is not Answer.UNKNOWN,
        "sentence": wording.sentence(verdict, settings.TATIS_PLAYER, facts.person.team),
        "games": [{"matchup": wording.matchup(game), "progress": wording.progress(game, verdict), "errors": wording.errors_of(game)} for game in verdict.games],
        "as_of": facts.news.as_of,
        "as_of_in_words": facts.news.as_of and wording.day_and_clock(facts.news.as_of),
        "person": facts.person,
        "season_errors": facts.person.season_errors is not None and wording.count(facts.person.season_errors),
    }
    return render(request, "games/page.html", context), verdict.until


@kept_until_the_next_poll
def today(request: HttpRequest, now: datetime) -> tuple[HttpResponse, datetime]:
    """The same for programs. `errors` is null where the answer is "unknown", and times are in UTC."""
    facts = known(now)
    verdict = judge(facts.news, now)
    content = {
        "player": {"personId": settings.TATIS_PERSON_ID, "name": settings.TATIS_PLAYER},
        "day": verdict.day,
        "answer": verdict.answer.value,
        "reason": verdict.reason.value,
        "sentence": wording.sentence(verdict, settings.TATIS_PLAYER, facts.person.team),
        "errors": None if verdict.answer is Answer.UNKNOWN else verdict.errors,
        "games": [_game(game, verdict) for game in verdict.games],
        "season": {"year": facts.person.season, "errors": facts.person.season_errors, "rank": facts.person.rank},
        "asOf": facts.news.as_of,
        "copyright": facts.person.copyright,
    }
    return JsonResponse(content), verdict.until


def _game(game: Game, verdict: Verdict) -> dict[str, object]:
    return {
        "gamePk": game.game_pk,
        "officialDate": game.official_date,
        "counts": game.is_played and game.official_date == verdict.day,
        "gameDate": game.start,
        "codedGameState": game.coded_game_state,
        "detailedState": game.detailed_state,
        "team": game.team,
        "opponent": game.opponent,
        "isHome": game.at_home,
        "inning": game.inning,
        "presence": game.presence.value,
        "errors": game.errors,
        "plays": game.plays,
    }


@require_safe
@cache_page(60)
def history(request: HttpRequest) -> HttpResponse:
    """Each day with an error, the newest first. `?before=2026-05-20` goes on with the days before that one."""
    games = games_with_errors()
    if before := request.GET.get("before"):
        try:
            games = games.filter(official_date__lt=date.fromisoformat(before))
        except ValueError as error:
            raise Http404("no such day") from error
    rows = games[: GAMES_A_DAY * DAYS_A_PAGE + 1]
    days = [_day(day, list(played)) for day, played in groupby(rows, key=lambda row: row.official_date)]
    context = {"player": settings.TATIS_PLAYER, "days": days[:DAYS_A_PAGE], "before": before, "has_more": len(days) > DAYS_A_PAGE}
    return render(request, "games/history.html", context)


def _day(day: date, played: list) -> dict[str, object]:
    games = [{"matchup": wording.matchup(row), "errors": wording.errors_of(row)} for row in played]
    return {"date": day, "errors": wording.count(sum(row.errors for row in played)), "games": games}


@require_safe
@cache_control(no_store=True)
def healthz(request: HttpRequest) -> JsonResponse:
    """Say which release answers, whether its database is reached and when a poll last brought news: 200 if it is reached, 503 if not."""
    try:
        last_poll = Person.objects.filter(pk=settings.TATIS_PERSON_ID).values_list("as_of", flat=True).first()
    except Error as error:
        logger.error("The database is unreachable: %s", error)
        return JsonResponse({"database": "unreachable", "release": settings.SHORTSTOP_RELEASE}, status=503)
    return JsonResponse({"database": "reachable", "release": settings.SHORTSTOP_RELEASE, "last_poll": last_poll})
