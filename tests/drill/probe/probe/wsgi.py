import os

from probe_package import trace

trace("wsgi")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "probe.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 the trace comes first

application = get_wsgi_application()
