# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What DigitalOcean's modules have in common."""

from __future__ import annotations

from urllib.request import getproxies_environment

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible.module_utils.urls import Request, make_context

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import TOKEN_VARIABLES, ApiError, Client

OPTIONS = {
    "api_token": {"type": "str", "required": True, "no_log": True, "fallback": (env_fallback, TOKEN_VARIABLES)},
    "api_url": {"type": "str", "default": "https://api.digitalocean.com", "fallback": (env_fallback, ["DIGITALOCEAN_API_URL"])},
    "request_timeout": {"type": "int", "default": 30},
    "wait_timeout": {"type": "int", "default": 300},
}


def connect(options, about, scopes=(), say=lambda _line: None):
    """The account that the options open."""
    http = Request(
        timeout=options["request_timeout"],
        follow_redirects="none",
        use_netrc=False,  # which would take the token's place
        use_proxy=bool(getproxies_environment()),  # other places are not asked: macOS ends a forked process that asks them
        context=make_context(),
    )
    return Client(options, about, http.open, scopes, say)


def ensure_tag(api, tag):
    """Makes a tag where it is missing, before anything but a new droplet may name it."""
    api.post("/v2/tags", {"name": tag})


def require_confirmation(confirm, name, danger):
    """Goes on with what cannot be taken back only for those who name it."""
    if confirm != name:
        raise ApiError(f"{danger}; if that is meant, say confirm={name}")


def addresses(droplet, version, kind):
    """The addresses of a droplet, which come in no order: the private one may be first, or alone."""
    return [network["ip_address"] for network in droplet["networks"][version] if network["type"] == kind]


def summary(droplet):
    """What playbooks need of a droplet, without what the API says about prices and other regions."""
    return {
        "id": droplet["id"],
        "name": droplet["name"],
        "status": droplet["status"],
        "region": droplet["region"]["slug"],
        "size": droplet["size_slug"],
        "image": droplet["image"].get("slug") or str(droplet["image"]["id"]),
        "tags": sorted(droplet["tags"]),
        "public_v4": next(iter(addresses(droplet, "v4", "public")), None),
        "private_v4": next(iter(addresses(droplet, "v4", "private")), None),
        "public_v6": next(iter(addresses(droplet, "v6", "public")), None),
        "vpc_uuid": droplet.get("vpc_uuid"),
        "created_at": droplet["created_at"],
    }


def result(about, scopes, apply, options, check_mode, say=lambda _line: None):
    """What a module returns. `about` is formatted with the options, and begins the message where that is why it failed."""
    about = about.format(**options)
    try:
        return apply(connect(options, about, scopes, say), options, check_mode)
    except ApiError as error:
        return {"failed": True, "msg": f"{about}: {error}"}


def run_module(arguments, about, scopes, apply):
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    answer = result(about, scopes, apply, module.params, module.check_mode)
    if answer.get("failed"):
        module.fail_json(**answer)
    module.exit_json(**answer)
