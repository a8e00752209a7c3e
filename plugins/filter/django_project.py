# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: django_project
short_description: Find the parts of a Django project in its source
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - >-
    Reads C(manage.py), C(wsgi.py) and C(asgi.py). The settings are those that C(wsgi.py) or C(asgi.py) names, or else C(manage.py); where that is a
    developer's module, such as C(local), and C(production) or C(prod) lies beside it, that one. Nothing of the source is executed.
  - C(manage.py) is looked for at the top of the source, and down to three directories below if it is not there.
options:
  _input:
    description: The directory of the source on the controller. Empty if it is nowhere to read.
    type: str
    required: true
  directory:
    description: The directory of C(manage.py), relative to the source. Looked for if empty.
    type: str
    default: ""
  settings:
    description: The settings module. Looked for if empty.
    type: str
    default: ""
  wsgi:
    description: The WSGI module. Looked for if empty.
    type: str
    default: ""
  requirements:
    description: The requirements file, relative to the source. It may lie beside C(manage.py) instead.
    type: str
    default: requirements.txt
  static_url:
    description: The path of the static files. Read from the settings if empty, or C(/static/).
    type: str
    default: ""
  media_url:
    description: The path of the uploads. Read from the settings if empty, or C(/media/).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the settings module
  ansible.builtin.debug:
    msg: "{{ ('/home/me/blog' | shortstop.django.django_project).settings }}"
"""

RETURN = r"""
_value:
  description:
    - The keys C(directory), C(settings), C(wsgi), C(requirements), C(configuration), C(static_url) and C(media_url), each a text, and C(told).
    - C(configuration) is the class of django-configurations that C(wsgi.py), C(asgi.py) or C(manage.py) names, or empty.
    - C(settings) is empty if nothing names them, C(directory) for the top of the source.
    - C(told) is a list of sentences on what was chosen where there was a choice.
  type: dict
"""

from dataclasses import asdict

from ansible_collections.shortstop.django.plugins.plugin_utils.django_project import layout


def django_project(source, directory="", settings="", wsgi="", requirements="requirements.txt", static_url="", media_url=""):
    given = {"directory": directory, "settings": settings, "wsgi": wsgi, "requirements": requirements, "static_url": static_url, "media_url": media_url}
    return asdict(layout(source, **given))


class FilterModule:
    def filters(self):
        return {"django_project": django_project}
