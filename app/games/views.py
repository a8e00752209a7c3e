"""The page, and the address that tells whether it can be served."""

import logging

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from games.models import Appearance

logger = logging.getLogger(__name__)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Answer the one question. Nothing asks the league yet, so the answer is always that we do not know."""
    return render(request, "games/page.html", {"games": Appearance.objects.values("game_pk").distinct().count()})


@require_safe
@cache_control(no_store=True)
def healthz(request: HttpRequest) -> JsonResponse:
    """Say which release answers and whether it reaches its database: 200 when it does, 503 when not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        logger.error("The database is unreachable: %s", error)
        return JsonResponse({"database": "unreachable", "release": settings.SHORTSTOP_RELEASE}, status=503)
    return JsonResponse({"database": "reachable", "release": settings.SHORTSTOP_RELEASE})
