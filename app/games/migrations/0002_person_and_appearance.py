import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("games", "0001_initial")]

    operations = [
        # Nothing was ever written to the first one, which no poll filled.
        migrations.DeleteModel(name="Appearance"),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("person_id", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("team_id", models.PositiveIntegerField(blank=True, null=True)),
                ("team", models.CharField(blank=True, max_length=100)),
                ("status", models.CharField(blank=True, max_length=100)),
                ("season", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("season_errors", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("rank", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("copyright", models.CharField(blank=True, max_length=500)),
                ("as_of", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("looked_up_at", models.DateTimeField(blank=True, null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                ("problem", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name_plural": "persons",
            },
        ),
        migrations.CreateModel(
            name="Appearance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("game_pk", models.PositiveIntegerField()),
                ("official_date", models.DateField()),
                ("listed_for", models.DateField()),
                ("start", models.DateTimeField()),
                ("coded_game_state", models.CharField(max_length=100)),
                ("detailed_state", models.CharField(blank=True, max_length=100)),
                ("game_type", models.CharField(max_length=100)),
                ("game_number", models.PositiveSmallIntegerField(default=1)),
                ("team_id", models.PositiveIntegerField()),
                ("team", models.CharField(max_length=100)),
                ("opponent", models.CharField(max_length=100)),
                ("at_home", models.BooleanField()),
                ("inning", models.CharField(blank=True, max_length=100)),
                ("resumed", models.BooleanField(default=False)),
                (
                    "presence",
                    models.CharField(
                        choices=[("unknown", "unknown"), ("absent", "absent"), ("bench", "bench"), ("played", "played")], default="unknown", max_length=10
                    ),
                ),
                ("errors", models.PositiveSmallIntegerField(default=0)),
                ("plays", models.JSONField(blank=True, default=list)),
                ("over_since", models.DateTimeField(blank=True, null=True)),
                ("errors_changed_at", models.DateTimeField()),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="appearances", to="games.person")),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("errors__gt", 0)), fields=["person", "-official_date"], name="games_appearance_with_errors")],
                "constraints": [models.UniqueConstraint(fields=("person", "game_pk"), name="games_appearance_once_per_game")],
            },
        ),
    ]
