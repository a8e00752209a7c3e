"""What every request passes through, and who sent it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

STRICT = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ADMIN = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def content_security_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Django's own middleware for this header is younger than the oldest Django that the site runs on."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_admin = settings.ADMIN_PATH and request.path.startswith(f"/{settings.ADMIN_PATH}/")
        response.headers["Content-Security-Policy"] = ADMIN if is_admin else STRICT
        return response

    return middleware


def client_address(request: HttpRequest) -> str:
    """The visitor's address. Behind a unix socket, where there is none, it is what nginx says, and nobody else can say it there."""
    return request.META.get("REMOTE_ADDR") or request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
