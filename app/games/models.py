"""What Tatis knows: the person that it follows, and each of that person's games, in the terms of MLB's Stats API."""

from django.db import models

from games.judgement import Presence


class Person(models.Model):
    """The player that this site follows, and what came of asking the league for news.

    as_of is when the league was last asked with success for the games, due_at when it is to be asked again,
    looked_up_at when for the rest (club, roster, season). While polls fail, failing_since is the first failure's time,
    and told_at when the admins were mailed of it.
    """

    person_id = models.PositiveIntegerField(primary_key=True)
    team_id = models.PositiveIntegerField(null=True, blank=True)
    team = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=100, blank=True)
    season = models.PositiveSmallIntegerField(null=True, blank=True)
    season_errors = models.PositiveSmallIntegerField(null=True, blank=True)
    rank = models.PositiveSmallIntegerField(null=True, blank=True)
    copyright = models.CharField(max_length=500, blank=True)
    as_of = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    looked_up_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "persons"

    def __str__(self) -> str:
        return f"person {self.person_id}"


class Appearance(models.Model):
    """One person's view of one game; judgement.Game says what its fields mean. errors_changed_at: when errors or plays became what they are."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="appearances")
    game_pk = models.PositiveIntegerField()
    official_date = models.DateField()
    listed_for = models.DateField()
    start = models.DateTimeField()
    coded_game_state = models.CharField(max_length=100)
    detailed_state = models.CharField(max_length=100, blank=True)
    game_type = models.CharField(max_length=100)
    game_number = models.PositiveSmallIntegerField(default=1)
    team_id = models.PositiveIntegerField()
    team = models.CharField(max_length=100)
    opponent = models.CharField(max_length=100)
    at_home = models.BooleanField()
    inning = models.CharField(max_length=100, blank=True)
    resumed = models.BooleanField(default=False)
    presence = models.CharField(max_length=10, choices=[(presence.value, presence.value) for presence in Presence], default=Presence.UNKNOWN.value)
    errors = models.PositiveSmallIntegerField(default=0)
    plays = models.JSONField(default=list, blank=True)
    over_since = models.DateTimeField(null=True, blank=True)
    errors_changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "game_pk"], name="games_appearance_once_per_game")]
        indexes = [models.Index(fields=["person", "-official_date"], condition=models.Q(errors__gt=0), name="games_appearance_with_errors")]

    def __str__(self) -> str:
        return f"{self.person_id} in game {self.game_pk} of {self.official_date}"
