"""The versions of models that were ever served, and the content type of permissions."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone


class ServedModel(models.Model):
    """One version of a model, from when it was first served.

    Permissions for models are Django's own, and all of them belong to this content type.
    """

    name: models.CharField[str, str] = models.CharField(max_length=64, editable=False)
    version: models.CharField[str, str] = models.CharField(max_length=100, editable=False)
    since: models.DateTimeField[dt.datetime, dt.datetime] = models.DateTimeField(
        default=timezone.now, editable=False
    )

    class Meta:
        """The newest version of each model first."""

        app_label = "podium"
        default_permissions = ()
        verbose_name = "model"
        ordering = ("name", "-since")
        constraints = (
            models.UniqueConstraint(fields=["name", "version"], name="podium_served_once"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
