"""Run inside a release: names the migrations that its code knows, and the changes of its models that no migration makes.

own_migrations.py [--migrated]

Without the option some migrations may not be applied yet, so that only what surely changes the schema is told as that.
"""

import json
import os
import sys

from shortstop_project import one_line, set_up

is_migrated = sys.argv[1:] == ["--migrated"]
set_up()

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, migrations, models, router
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState
from shortstop_overlay import gate

# What says nothing to a database. Django computes a default itself, but for db_default.
OF_PYTHON = {"blank", "choices", "default", "editable", "error_messages", "help_text", "limit_choices_to", "on_delete", "related_name"}
OF_PYTHON |= {"related_query_name", "validators", "verbose_name", "upload_to", "storage", "width_field", "height_field", "auto_now", "auto_now_add"}
OF_PYTHON |= {"encoder", "decoder", "path", "match", "recursive", "allow_files", "allow_folders", "allow_unicode"}
OF_PYTHON |= {"unique_for_date", "unique_for_month", "unique_for_year"}
DUMMY = "django.db.backends.dummy"


def own_apps():
    """The apps that came with the source: a library's missing migration is not its user's to make."""
    here = os.path.join(os.path.realpath(os.getcwd()), "")
    return [app for app in apps.get_app_configs() if os.path.join(os.path.realpath(app.path), "").startswith(here)]


def is_same_column(before, now):
    """Whether a database needs nothing to go from one field to the other. A key that became a larger number is left as it is."""
    _name, old_kind, old_arguments, old_options = before.deconstruct()
    _name, kind, arguments, options = now.deconstruct()
    old_options, options = ({key: value for key, value in each.items() if key not in OF_PYTHON} for each in (old_options, options))
    is_widened = isinstance(before, models.AutoField) and isinstance(now, models.BigAutoField)
    return (old_kind == kind or is_widened) and old_arguments == arguments and old_options == options


def changes_schema(migration, operation, state):
    """Whether an operation has SQL for any database, since a router may keep a model in another one. Returns the state after it, too."""
    after = state.clone()
    operation.state_forwards(migration.app_label, after)
    if isinstance(operation, migrations.AlterField):
        before = state.models[migration.app_label, operation.model_name_lower].fields[operation.name]
        if is_same_column(before, operation.field):
            return False, after
    return any(has_sql(migration, operation, state, after, alias) for alias in connections), after


def has_sql(migration, operation, state, after, alias):
    """What cannot be told of the first database counts as a change, once all is migrated."""
    try:
        with connections[alias].schema_editor(collect_sql=True, atomic=False) as editor:
            operation.database_forwards(migration.app_label, editor, state, after)
        statements = [line for statement in editor.collected_sql for line in statement.splitlines()]
    except Exception:
        return is_migrated and alias == DEFAULT_DB_ALIAS
    return any(line.strip() and not line.lstrip().startswith("--") for line in statements)


def reaches(connection):
    """Whether there is a connection. Without one, step migrate says why."""
    try:
        connection.ensure_connection()
    except Exception:
        return False
    return True


def absent(loader):
    """The tables of apps without migrations that do not exist. Those of models that are not managed are made by others."""
    lacking = [app for app in own_apps() if app.label not in loader.migrated_apps]
    tables = {
        model._meta.db_table: app.label
        for app in lacking
        for model in app.get_models()
        if router.allow_migrate_model(DEFAULT_DB_ALIAS, model) and model._meta.can_migrate(DEFAULT_DB_ALIAS)
    }
    connection = connections[DEFAULT_DB_ALIAS]
    if not tables or not reaches(connection):
        return []
    there = connection.introspection.table_names()
    return [f"{table} ({label})" for table, label in sorted(tables.items()) if table not in there]


def missing(loader):
    """The operations that makemigrations would write, in two lists: those that change the schema, and the others."""
    own = {app.label for app in own_apps()} & loader.migrated_apps
    changing, harmless = [], []
    if not own or connections[DEFAULT_DB_ALIAS].settings_dict["ENGINE"] == DUMMY:
        return changing, harmless
    questioner = MigrationQuestioner(specified_apps=own, dry_run=True)  # takes an answer for each question, and asks nobody
    found = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps), questioner).changes(graph=loader.graph, trim_to_apps=own)
    if not found:
        return changing, harmless
    state, is_reached = loader.project_state(), reaches(connections[DEFAULT_DB_ALIAS])
    for label, made in sorted(found.items()):
        if label in own:
            for migration in made:
                for operation in migration.operations:
                    is_change, state = changes_schema(migration, operation, state) if is_reached else (is_migrated, state)
                    (changing if is_change else harmless).append(f"{label}: {operation.describe()}")
    return changing, harmless


loader = MigrationLoader(None, ignore_no_migrations=True)
refused = list(gate.refusals())
for label, names in sorted(loader.detect_conflicts().items()):
    refused.append(f'app "{label}" has {len(names)} last migrations, {", ".join(sorted(names))}; join them with manage.py makemigrations --merge')
changing, harmless = missing(loader) if not refused else ([], [])
answer = {
    "migrations": {".".join(key): [".".join(replaced) for replaced in migration.replaces] for key, migration in loader.disk_migrations.items()},
    "leaves": [".".join(key) for key in loader.graph.leaf_nodes()],
    "refused": [one_line(sentence) for sentence in refused],
    "changing": [one_line(text) for text in changing],
    "harmless": [one_line(text) for text in harmless],
    "absent": [one_line(text) for text in absent(loader)] if not refused else [],
}
if __name__ == "__main__":
    print("shortstop answers: " + json.dumps(answer))
