"""The addresses of Tatis."""

from django.urls import path

from games import views

urlpatterns = [
    path("", views.page, name="page"),
    path("healthz", views.healthz, name="healthz"),
]
