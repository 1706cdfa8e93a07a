"""The addresses of the shop; Podium's are below a prefix."""

from __future__ import annotations

import os

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path

from podium.hosts.django import podium_form, predict

LOAN = {"age": 41, "income": None, "member": True, "plan": "pro", "since": "2024-03-01"}

if os.environ.get("SHOP_EAGER") == "1":
    LoanForm = podium_form("loans")
    assert predict("loans", LOAN).prediction == "yes"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("enter/", LoginView.as_view(template_name="shop/enter.html"), name="enter"),
    path("tools/ml/", include("podium.hosts.django.urls")),
]
