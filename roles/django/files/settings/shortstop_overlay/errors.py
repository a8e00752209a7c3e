"""Why a project's settings cannot be used."""

from django.core.exceptions import ImproperlyConfigured


class SettingsRefused(ImproperlyConfigured):
    """The project's settings cannot be used on this server. The text is a sentence to the site's operator."""
