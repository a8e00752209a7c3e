"""Asks the league, keeps what it says, and says when to ask again. Everything here happens in a poll, never in a page view."""

import logging
from dataclasses import asdict
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.core.cache import cache
from django.core.mail import mail_admins
from django.db import transaction
from django.db.models import Sum

from games.judgement import TIME_ZONE, Game, Presence, State, due_at, season_of
from games.models import Appearance, Person
from games.news import known
from games.replies import LoggedGame
from games.statsapi import LeagueError, StatsApi

logger = logging.getLogger(__name__)

LOOK_UP_EVERY = timedelta(hours=1)
TELL_AFTER = timedelta(hours=1)
SLACK = timedelta(seconds=15)
"""A timer that fires every minute does so by the second; a poll that is due in some seconds is due."""


def is_due(person: Person | None, now: datetime) -> bool:
    return person is None or person.due_at is None or now >= person.due_at - SLACK


def poll(api: StatsApi, now: datetime) -> Person:
    """Ask the league, and keep what it says. Raises LeagueError; what came before it is kept, too."""
    person, _made = Person.objects.get_or_create(pk=settings.TATIS_PERSON_ID)
    try:
        changed = _ask_for_games(api, person, now)
        if changed or person.looked_up_at is None or now >= person.looked_up_at + LOOK_UP_EVERY:
            team_id = _team_id(person)
            _look_up(api, person, now)
            if _team_id(person) != team_id:
                _ask_for_games(api, person, now)
    except LeagueError as error:
        _note_failure(person, error, now)
        raise
    else:
        _note_success(person, now)
    finally:
        # Pages that are kept tell older news.
        cache.clear()
    return person


def _team_id(person: Person) -> int:
    return person.team_id or settings.TATIS_TEAM_ID


def _ask_for_games(api: StatsApi, person: Person, now: datetime) -> bool:
    """Yesterday's games, whose scoring may change, today's and tomorrow's. Tells whether the number of errors changed."""
    day = now.astimezone(TIME_ZONE).date()
    first, last = day - timedelta(days=1), day + timedelta(days=1)
    before = {row.game_pk: row for row in person.appearances.filter(listed_for__range=(first, last))}
    listed = _listed(api, person, before, first, last)
    games = [api.with_box_score(game, person.pk) if game.state in (State.PLAYING, State.SUSPENDED, State.OVER) else game for game in listed]
    changed = any(game.errors != (before[game.game_pk].errors if game.game_pk in before else 0) for game in games)
    with transaction.atomic():
        for game in games:
            _keep(person, game, before.get(game.game_pk), now)
        # Another club's, after a trade, or one that is listed for a day further off.
        gone = set(before) - {game.game_pk for game in games}
        person.appearances.filter(game_pk__in=gone).exclude(presence=Presence.PLAYED.value).delete()
        person.as_of = now
        person.copyright = api.copyright[:500]
        person.save()
    for game in games:
        _describe(api, person, game, now)
    return changed


def _listed(api: StatsApi, person: Person, before: dict[int, Appearance], first: date, last: date) -> list[Game]:
    """The games of the person's club, and those that he played in for another one on the day of a trade."""
    team_id = _team_id(person)
    games = {game.game_pk: game for game in api.schedule(team_id, first, last)}
    played = {pk: row.team_id for pk, row in before.items() if row.presence == Presence.PLAYED.value and pk not in games}
    for other in sorted(set(played.values()) - {team_id}):
        games |= {game.game_pk: game for game in api.schedule(other, first, last) if game.game_pk in played}
    return list(games.values())


def _keep(person: Person, game: Game, before: Appearance | None, now: datetime) -> None:
    is_same = before is not None and before.errors == game.errors
    values = asdict(game) | {
        "presence": game.presence.value,
        "plays": before.plays if is_same else [],
        "errors_changed_at": before.errors_changed_at if is_same else now,
        "over_since": ((before and before.over_since) or now) if game.state is State.OVER else None,
    }
    Appearance.objects.update_or_create(person=person, game_pk=values.pop("game_pk"), defaults=values)


def _describe(api: StatsApi, person: Person, game: Game, now: datetime) -> None:
    """Say in words what the errors of a game were, unless that is known."""
    row = person.appearances.get(game_pk=game.game_pk)
    if row.errors and len(row.plays) != row.errors:
        plays = api.plays(game.game_pk, person.pk)
        if plays != row.plays:
            row.plays, row.errors_changed_at = plays, now
            row.save()


def _look_up(api: StatsApi, person: Person, now: datetime) -> None:
    """The club, the roster and the season, none of which the answer waits for."""
    player = api.player(person.pk)
    person.team_id, person.team = player.team_id, player.team
    person.status = api.status(_team_id(person), person.pk)
    person.season = season_of(now.astimezone(TIME_ZONE).date())
    first_kept = now.astimezone(TIME_ZONE).date() - timedelta(days=1)
    _keep_log(person, [game for game in api.season(person.pk, person.season) if game.day < first_kept], now)
    person.season_errors = person.appearances.filter(game_type="R", official_date__year=person.season).aggregate(total=Sum("errors"))["total"] or 0
    person.rank = api.rank(person.pk, person.season)
    person.looked_up_at = now
    person.save()


def _keep_log(person: Person, log: list[LoggedGame], now: datetime) -> None:
    """Days that were not watched, and days whose scoring changed after they were."""
    before = {row.game_pk: row for row in person.appearances.filter(game_pk__in=[game.game_pk for game in log])}
    made = [_from_log(person, game, now) for game in log if game.game_pk not in before]
    changed = []
    for game in log:
        row = before.get(game.game_pk)
        if row and row.errors != game.errors:
            row.errors, row.plays, row.errors_changed_at, row.coded_game_state = game.errors, [], now, "F"
            changed.append(row)
    with transaction.atomic():
        Appearance.objects.bulk_create(made)
        for row in changed:
            row.save()


def _from_log(person: Person, game: LoggedGame, now: datetime) -> Appearance:
    # The log has no first pitch; noon is the right day everywhere in the country.
    noon = datetime.combine(game.day, time(12), tzinfo=TIME_ZONE)
    return Appearance(
        person=person,
        game_pk=game.game_pk,
        official_date=game.day,
        listed_for=game.day,
        start=noon,
        coded_game_state="F",
        game_type="R",
        team_id=game.team_id,
        team=game.team,
        opponent=game.opponent,
        at_home=game.at_home,
        presence=Presence.PLAYED.value,
        errors=game.errors,
        errors_changed_at=now,
    )


def _note_success(person: Person, now: datetime) -> None:
    if person.told_at and _mail("Tatis has news again", f"The league answers again, as of {now:%Y-%m-%d %H:%M} UTC."):
        person.told_at = None
    person.failures, person.failing_since, person.problem = 0, None, ""
    person.due_at = due_at(known(now).news)
    person.save()


def _note_failure(person: Person, error: LeagueError, now: datetime) -> None:
    person.failures += 1
    person.failing_since = person.failing_since or now
    person.problem = str(error)[:500]
    left_alone = timedelta(seconds=min(error.retry_after or 0, 3600))
    # The games may have come all the same. Otherwise it is asked again after 1, 2, 4, 5, 5… minutes.
    usual = due_at(known(now).news) - now if person.as_of == now else timedelta(minutes=min(5, 2 ** min(person.failures - 1, 3)))
    person.due_at = now + max(usual, left_alone)
    if now - person.failing_since >= TELL_AFTER and not person.told_at:
        since = f"Since {person.failing_since:%Y-%m-%d %H:%M} UTC the league gives no usable answer."
        text = f"{since} The last attempt ended so:\n\n{error}\n\nThe next good answer is told, too."
        person.told_at = now if _mail("Tatis has had no news for over an hour", text) else None
    person.save()


def _mail(subject: str, text: str) -> bool:
    """Whether the admins' mail went out. If not, the next poll tries again."""
    try:
        mail_admins(subject, text)
    except OSError as error:
        logger.warning("The mail %r could not be sent: %s", subject, error)
        return False
    return True
