"""The addresses of the shop; Podium's are below a prefix."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("enter/", LoginView.as_view(template_name="shop/enter.html"), name="enter"),
    path("tools/ml/", include("podium.hosts.django.urls")),
]
