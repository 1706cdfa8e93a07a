"""The app as Django sees it: light until somebody asks for a model."""

from __future__ import annotations

from django.apps import AppConfig


class PodiumConfig(AppConfig):
    """Models of the project's setting `PODIUM`."""

    name = "podium.hosts.django"
    label = "podium"
    verbose_name = "Podium"
    default_auto_field = "django.db.models.BigAutoField"
