"""What a daemon runs: a line five times a second, until it is told to end."""

import os
import time

from django.core.management.base import BaseCommand

from project.state import append


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: object, **options: object) -> None:
        while True:
            append("work.jsonl", at=time.time(), pid=os.getpid())
            time.sleep(0.2)
