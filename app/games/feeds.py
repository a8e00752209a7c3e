"""The errors as an Atom feed. One that is taken back leaves it."""

from datetime import datetime

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from games import wording
from games.models import Appearance
from games.news import games_with_errors

ENTRIES = 30


class Errors(Feed):
    feed_type = Atom1Feed
    author_name = "Tatis"

    def title(self) -> str:
        return f"Errors by {settings.TATIS_PLAYER}"

    def link(self) -> str:
        return reverse("page")

    def items(self) -> list[Appearance]:
        return list(games_with_errors()[:ENTRIES])

    def item_title(self, item: Appearance) -> str:
        return f"{wording.count(item.errors)}, {wording.matchup(item)}"

    def item_description(self, item: Appearance) -> str:
        return f"{item.official_date:%B} {item.official_date.day}, {item.official_date.year}: {wording.errors_of(item)}"

    def item_link(self, item: Appearance) -> str:
        return f"{reverse('history')}#{item.official_date}"

    def item_guid(self, item: Appearance) -> str:
        return f"tag:statsapi.mlb.com,{item.official_date}:{item.person_id}/{item.game_pk}"

    def item_updateddate(self, item: Appearance) -> datetime:
        return item.errors_changed_at
