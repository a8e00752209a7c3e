"""Run inside a release: loads the application as gunicorn does, and says what its settings are in the end.

gate.py MODULE
"""

import json
import os
import re
import sys

from shortstop_project import one_line, tell_secrets

module = sys.argv[1]
sys.path[0] = os.getcwd()  # the site's modules, and none beside this file

from shortstop_overlay import gate, load
from shortstop_overlay.errors import SettingsRefused

OTHER_SETTINGS = re.compile(r"""config_from_object\(\s*["'](?!django\.conf:settings)([\w.:]+)["']""")
SKIPPED = ("node_modules", "site-packages")


def past_us():
    """Sentences on modules of Celery's that read another module than Django's settings."""
    for directory, names, files in os.walk("."):
        names[:] = sorted(name for name in names if name not in SKIPPED and not name.startswith("."))
        for file in (os.path.normpath(os.path.join(directory, name)) for name in sorted(files) if name.startswith("celery") and name.endswith(".py")):
            with open(file, encoding="utf-8", errors="replace") as opened:
                found = OTHER_SETTINGS.search(opened.read())
            if found:
                yield f'{file}: config_from_object("{found[1]}") reads settings past those of the release; write "django.conf:settings"'


def refusals():
    from gunicorn.app.wsgiapp import WSGIApplication

    sys.argv = ["gunicorn", "--check-config", module]
    try:
        WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]").load()
        # An application may leave it to its first request to set Django up.
        import django
        from django.apps import apps

        if not apps.ready:
            django.setup()
        return gate.refusals()
    except SettingsRefused as error:
        return [str(error)]
    finally:
        tell_secrets()


refused = refusals()
told = [*(load.loaded().told if load.loaded() else []), *past_us()]
print("shortstop answers: " + json.dumps({"refused": [one_line(line) for line in refused], "told": [one_line(line) for line in told]}))
