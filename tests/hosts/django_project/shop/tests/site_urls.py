"""A project with a home page, and with Django's own page for logging out."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("", lambda request: HttpResponse(f"home of {request.user}"), name="home"),
    path("leave/", LogoutView.as_view(next_page="/"), name="logout"),
    path("tools/ml/", include("podium.hosts.django.urls")),
]
