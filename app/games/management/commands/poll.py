"""Ask the league for news, if it is time to. A timer runs this every minute."""

import logging
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone

from games.models import Person
from games.polling import is_due, poll
from games.statsapi import LeagueError, StatsApi

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Asks MLB's Stats API for news of the player, if it is time to: every minute while a game is played, else up to hourly."
    # The deploy made them, and this runs every minute.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--now", action="store_true", help="ask whether it is time to or not")

    def handle(self, *_arguments: str, now: bool, **_options: object) -> None:
        instant = timezone.now()
        try:
            if not now and not is_due(person := Person.objects.filter(pk=settings.TATIS_PERSON_ID).first(), instant):
                self.stdout.write(f"The next poll is due at {person.due_at:%H:%M:%S} UTC.")
                return
            person = poll(StatsApi(settings.TATIS_API_URL, settings.TATIS_USER_AGENT), instant)
        except LeagueError as error:
            raise CommandError(str(error)) from error
        except Error as error:
            # Where there is no database, nothing else can tell the admins.
            logger.exception("The poll has no database")
            raise CommandError(f"The database gave no answer ({str(error).strip()}).") from error
        self.stdout.write(f"News as of {person.as_of:%H:%M:%S} UTC; the next poll is due at {person.due_at:%H:%M:%S} UTC.")
