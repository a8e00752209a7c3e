"""Reads what is known from the database, for whoever judges or tells it."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import FilteredRelation, Q, QuerySet

from games.judgement import TIME_ZONE, Game, News, Presence
from games.models import Appearance, Person

GAME = tuple(field.name for field in fields(Game))
PERSON = tuple(field.attname for field in Person._meta.concrete_fields)


@dataclass(frozen=True)
class Known:
    """The person that the site follows, and the latest news."""

    person: Person
    news: News


def known(now: datetime) -> Known:
    """All that a page tells, in one query. Without a poll so far it is next to nothing."""
    since = now.astimezone(TIME_ZONE).date() - timedelta(days=1)
    recent = FilteredRelation("appearances", condition=Q(appearances__listed_for__gte=since))
    rows = Person.objects.filter(pk=settings.TATIS_PERSON_ID).annotate(recent=recent).values(*PERSON, *(f"recent__{name}" for name in GAME))
    if not rows:
        return Known(Person(person_id=settings.TATIS_PERSON_ID), News())
    person = Person(**{name: rows[0][name] for name in PERSON})
    games = tuple(_game({name: row[f"recent__{name}"] for name in GAME}) for row in rows if row["recent__game_pk"] is not None)
    return Known(person, News(person.as_of, games, person.status))


def _game(values: dict) -> Game:
    return Game(**{**values, "presence": Presence(values["presence"]), "plays": tuple(values["plays"])})


def games_with_errors() -> QuerySet[Appearance]:
    """The newest first. What a postponed game's box score holds belongs to the day that it is played."""
    errors = Appearance.objects.filter(person=settings.TATIS_PERSON_ID, errors__gt=0)
    return errors.exclude(coded_game_state__in=["D", "C"]).order_by("-official_date", "-start", "-game_pk")
