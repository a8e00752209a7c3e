"""Play a made-up day on this machine, for a site that cannot or should not ask the real league."""

from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand

from league.day import MOMENTS
from league.server import League


class Command(BaseCommand):
    help = "Stands in for MLB's Stats API with a made-up game: let TATIS_API_URL be http://127.0.0.1:8765, and poll."
    # It needs no database, and no settings of the site.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8765)
        parser.add_argument("--moment", choices=MOMENTS, help="stand still there, instead of going on every three minutes; PUT /moment/NAME goes elsewhere")

    def handle(self, *_arguments: str, port: int, moment: str | None, **_options: object) -> None:
        league = League(port, moment or "off", None if moment else timedelta(minutes=3))
        self.stdout.write(f"A made-up league at {league.url}")
        league.serve_forever()
