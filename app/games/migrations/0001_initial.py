from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Appearance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person_id", models.PositiveIntegerField()),
                ("game_pk", models.PositiveIntegerField()),
                ("official_date", models.DateField()),
                ("coded_game_state", models.CharField(max_length=1)),
                ("errors", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("person_id", "game_pk"), name="games_appearance_once_per_game")],
            },
        ),
    ]
