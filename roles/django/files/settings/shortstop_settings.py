"""The settings of a release: the project's own, with the values that only this server knows.

Django imports this module by DJANGO_SETTINGS_MODULE. No name here may be upper case but those of settings.
"""

from shortstop_overlay import load as _load

_load.settings_into(globals())
