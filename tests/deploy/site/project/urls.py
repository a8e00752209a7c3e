"""The addresses of the site that the drills deploy."""

from django.urls import path

from project import views

urlpatterns = [
    path("", views.page),
    path("slow/", views.slow),
    path("row/", views.row),
    path("visits/", views.visits),
    path("healthz", views.healthz),
]
