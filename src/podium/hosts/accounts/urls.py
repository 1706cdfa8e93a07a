"""Every address of the standalone server's pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from podium.hosts.accounts import views

urlpatterns = [
    path("accounts/", views.account, name="podium_account"),
    path("accounts/set-up/<str:code>/", views.set_up, name="podium_set_up"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("accounts", RedirectView.as_view(pattern_name="podium_account")),
    path("", include("podium.hosts.django.urls")),
]
