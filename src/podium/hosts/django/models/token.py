"""API tokens in the database: only their digests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class ApiToken(models.Model):
    """A token, with which a program may act in a user's name.

    Only its digest is stored: whoever reads the database can't use it.
    """

    user: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="podium_tokens"
    )
    name: models.CharField[str, str] = models.CharField(
        max_length=80, help_text="its purpose, shown in the audit log"
    )
    hint: models.CharField[str, str] = models.CharField(
        max_length=12, editable=False, help_text="its first characters"
    )
    digest: models.CharField[str, str] = models.CharField(
        max_length=64, unique=True, editable=False, help_text="SHA-256, in hex"
    )
    model_names: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, blank=True, help_text="names; * is every model that its owner may use"
    )
    actions: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, blank=True, help_text="* is every action that its owner may perform"
    )
    created_at: models.DateTimeField[dt.datetime, dt.datetime] = models.DateTimeField(
        default=timezone.now, editable=False
    )
    expires_at: models.DateTimeField[dt.datetime, dt.datetime] = models.DateTimeField()
    last_used_at: models.DateTimeField[dt.datetime | None, dt.datetime | None] = (
        models.DateTimeField(null=True, blank=True, editable=False)
    )
    revoked_at: models.DateTimeField[dt.datetime | None, dt.datetime | None] = models.DateTimeField(
        null=True, blank=True, editable=False
    )

    class Meta:
        """Newest first. A token is revoked and not deleted: the log still names it."""

        app_label = "podium"
        verbose_name = "API token"
        default_permissions = ("add", "change", "view")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}...)"

    @property
    def is_valid(self) -> bool:
        """Whether the token itself is valid, whatever its owner may do."""
        return self.revoked_at is None and self.expires_at > timezone.now()
