"""Run inside a release: refuses models that no migration makes, and names the migrations that its code knows."""

import json
import os

from shortstop_project import one_line, set_up

set_up()

from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from shortstop_overlay import gate

# Only the apps whose code came with the source: a library's missing migration is not its user's to make.
here = os.path.join(os.path.realpath(os.getcwd()), "")
own = [app.label for app in apps.get_app_configs() if os.path.join(app.path, "").startswith(here)]
if own:
    call_command("makemigrations", *own, check_changes=True, dry_run=True, interactive=False)

loader = MigrationLoader(None)
known = {".".join(key): [".".join(replaced) for replaced in migration.replaces] for key, migration in loader.disk_migrations.items()}
leaves = [".".join(key) for key in loader.graph.leaf_nodes()]
refused = [one_line(sentence) for sentence in gate.refusals()]
print("shortstop answers: " + json.dumps({"migrations": known, "leaves": leaves, "refused": refused}))
