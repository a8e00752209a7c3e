"""What a timer runs: a second's work, and a line about it."""

import os
import time

from django.core.management.base import BaseCommand

from project.state import append


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: object, **options: object) -> None:
        started = time.time()
        time.sleep(1)
        append("ticks.jsonl", started=started, ended=time.time(), pid=os.getpid())
