"""Sightings at the root, Podium's pages below /ml, and the admin."""

from django.contrib import admin
from django.urls import include, path
from sightings import views

urlpatterns = [
    path("", views.sightings, name="sightings"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
    path("ml/", include("podium.hosts.django.urls")),
]
