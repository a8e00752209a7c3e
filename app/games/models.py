"""What Tatis knows about games."""

from django.db import models


class Appearance(models.Model):
    """One player in one game, in the terms of MLB's Stats API.

    person_id, game_pk, official_date and coded_game_state are its personId, gamePk, officialDate and codedGameState.
    official_date is the day that the game counts for, which for a night game is the day before its start in UTC.
    errors is null while it is not known.
    """

    person_id = models.PositiveIntegerField()
    game_pk = models.PositiveIntegerField()
    official_date = models.DateField()
    coded_game_state = models.CharField(max_length=1)
    errors = models.PositiveSmallIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person_id", "game_pk"], name="games_appearance_once_per_game")]

    def __str__(self) -> str:
        return f"{self.person_id} in game {self.game_pk} of {self.official_date}"
