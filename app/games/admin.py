"""What the league said, to look at. Polls write it, so nobody else does."""

from django.contrib import admin
from django.http import HttpRequest

from games.models import Appearance, Person


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Person)
class PersonAdmin(ReadOnly):
    list_display = ["person_id", "team", "status", "season_errors", "as_of", "due_at", "failures", "problem"]


@admin.register(Appearance)
class AppearanceAdmin(ReadOnly):
    list_display = ["official_date", "team", "opponent", "detailed_state", "presence", "errors"]
    list_filter = ["presence"]
    date_hierarchy = "official_date"
    ordering = ["-official_date"]
