"""Pages that tell which release, content and configuration answered."""

import time

import content
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from project.models import Row

LONGEST = 10.0  # seconds


def _release(status: int = 200) -> HttpResponse:
    return HttpResponse(f"release {settings.SHORTSTOP_RELEASE}\n", content_type="text/plain", status=status)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Needs no database."""
    return render(request, "page.html", {"release": settings.SHORTSTOP_RELEASE, "word": content.WORD, "colour": settings.COLOUR})


@require_safe
def slow(request: HttpRequest) -> HttpResponse:
    """Answers after as many seconds as it is asked for."""
    time.sleep(min(float(request.GET.get("seconds", "3")), LONGEST))
    return _release()


@csrf_exempt
@require_http_methods(["GET", "POST"])
def row(request: HttpRequest) -> HttpResponse:
    """POST stores a row and answers its id; GET answers how many there are."""
    number = Row.objects.create().pk if request.method == "POST" else Row.objects.count()
    return HttpResponse(f"{number}\n", content_type="text/plain")


@require_safe
def visits(request: HttpRequest) -> HttpResponse:
    """How often this visitor has been here, as far as their signed cookie is believed."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(f"{request.session['visits']}\n", content_type="text/plain")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the database answers, and which release asked."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return _release(status=503)
    return _release()
