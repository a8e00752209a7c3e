"""The addresses of the site."""

from django.urls import path

from lab import views

urlpatterns = [path("", views.works), path("child/", views.child)]
