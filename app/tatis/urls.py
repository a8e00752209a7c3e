"""The addresses of Tatis."""

from django.conf import settings
from django.contrib import admin
from django.urls import path
from django.views.decorators.http import require_safe

from games import views
from games.feeds import Errors

urlpatterns = [
    path("", views.page, name="page"),
    path("api/today.json", views.today, name="today"),
    path("history/", views.history, name="history"),
    path("errors.atom", require_safe(Errors()), name="errors"),
    path("healthz", views.healthz, name="healthz"),
]
if settings.ADMIN_PATH:
    urlpatterns.append(path(f"{settings.ADMIN_PATH}/", admin.site.urls))
