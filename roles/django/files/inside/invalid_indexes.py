"""Run inside a release: names the statements that drop the indexes which an interrupted migration left invalid."""

import json

from shortstop_project import set_up

set_up()

from django.db import connection

statements = []
if connection.vendor == "postgresql":
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('DROP INDEX CONCURRENTLY %I.%I', nspname, relname) FROM pg_index"
            " JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE NOT indisvalid"
        )
        statements = [row[0] for row in cursor.fetchall()]
print("shortstop answers: " + json.dumps({"statements": statements}))
