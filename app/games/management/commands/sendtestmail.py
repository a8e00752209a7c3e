"""Prove the way of the mails that tell of errors."""

from django.conf import settings
from django.core.mail import mail_admins
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Sends a mail to DJANGO_ADMINS on the way that errors take, and says whether the mail server took it."

    def handle(self, *_arguments: str, **_options: object) -> None:
        if not settings.ADMINS:
            raise CommandError("Nobody would be mailed: set DJANGO_ADMINS, DJANGO_SERVER_EMAIL and the DJANGO_EMAIL variables.")
        try:
            mail_admins("Test mail", "This is how Tatis tells of errors.")
        except OSError as error:
            raise CommandError(f"The mail server did not take the mail ({error}).") from error
        self.stdout.write("The mail server took the mail.")
