"""Run inside a release: which migrations its database has, which it would get, and which of those break older code."""

import json
import sys

from shortstop_project import one_line, set_up

set_up()

from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder


def judge(migration):
    """Sentences of django-migration-linter, which is not among the site's packages."""
    try:
        from django_migration_linter import MigrationLinter
        from django_migration_linter.sql_analyser import analyse_sql_statements

        linter = MigrationLinter(no_cache=True, no_output=True)
        errors, _ignored, warnings = analyse_sql_statements(linter.sql_analyser_class, linter.get_sql(migration.app_label, migration.name), [])
        return sorted({one_line(issue.message) for issue in [*errors, *warnings]})
    except Exception as error:  # whatever a migration does to a linter, the migration itself will tell
        return [one_line(f"could not be judged ({type(error).__name__}: {error})")]


def connect():
    """Some drivers do not say which host they waited for."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        host, port = connection.settings_dict["HOST"], connection.settings_dict["PORT"] or "its usual port"
        if not host or str(host).startswith("/"):
            raise
        sys.exit(f"OperationalError, connecting to {host}:{port}: {error}")


def look(linter_packages):
    """What the database has and lacks."""
    sys.path.extend(linter_packages)
    connect()
    executor = MigrationExecutor(connection)
    unapplied = [migration for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    applied = [".".join(key) for key in MigrationRecorder(connection).applied_migrations()]
    issues = {f"{migration.app_label}.{migration.name}": judge(migration) for migration in unapplied} if linter_packages else {}
    return {
        "applied": sorted(applied),
        "unapplied": [f"{migration.app_label}.{migration.name}" for migration in unapplied],
        "not_atomic": [".".join(key) for key, migration in executor.loader.disk_migrations.items() if not migration.atomic],
        "issues": {name: found for name, found in issues.items() if found},
    }


# What stands in where settings name no database.
if connection.settings_dict["ENGINE"] == "django.db.backends.dummy":
    answer = {"applied": [], "unapplied": [], "not_atomic": [], "issues": {}}
else:
    answer = look(sys.argv[1:] if __name__ == "__main__" else [])
if __name__ == "__main__":
    print("shortstop answers: " + json.dumps(answer))
