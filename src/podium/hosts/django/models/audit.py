"""The audit log: what was done, by whom, and when; rows are added and never changed."""

from __future__ import annotations

import datetime as dt
from typing import Any, NoReturn

from django.db import models
from django.utils import timezone

from podium.errors import NotAllowed

ACTOR_MAX, ADDRESS_MAX, EVENT_MAX, TARGET_MAX = 150, 45, 60, 200


def _refuse() -> NoReturn:
    raise NotAllowed("entries of the audit log can't be changed", hint="add another entry")


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Entries, to be read."""

    def update(self, **kwargs: Any) -> int:  # noqa: ARG002 - Django's signature
        """Refused.

        Raises:
            NotAllowed: always.
        """
        _refuse()

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused.

        Raises:
            NotAllowed: always.
        """
        _refuse()

    async def aupdate(self, **kwargs: Any) -> int:  # noqa: ARG002 - as Django has it
        """Refused, as above."""
        _refuse()

    async def adelete(self) -> tuple[int, dict[str, int]]:
        """Refused, as above."""
        _refuse()


class AuditEntry(models.Model):
    """One event."""

    time: models.DateTimeField[dt.datetime, dt.datetime] = models.DateTimeField(
        default=timezone.now, db_index=True, editable=False
    )
    event: models.CharField[str, str] = models.CharField(
        max_length=EVENT_MAX, db_index=True, editable=False
    )
    actor: models.CharField[str, str] = models.CharField(
        max_length=ACTOR_MAX, blank=True, db_index=True, editable=False
    )
    actor_id: models.CharField[str, str] = models.CharField(
        max_length=ACTOR_MAX, blank=True, default="", editable=False
    )
    token: models.CharField[str, str] = models.CharField(max_length=80, blank=True, editable=False)
    target: models.CharField[str, str] = models.CharField(
        max_length=TARGET_MAX, blank=True, editable=False
    )
    details: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict, blank=True, editable=False
    )
    address: models.CharField[str, str] = models.CharField(
        max_length=ADDRESS_MAX, blank=True, editable=False
    )

    objects = AuditQuerySet.as_manager()

    class Meta:
        """Newest first."""

        app_label = "podium"
        verbose_name = "audit log entry"
        verbose_name_plural = "audit log entries"
        default_permissions = ("view",)
        ordering = ("-time", "-id")

    def __str__(self) -> str:
        return f"{self.actor or 'nobody'}: {self.event} {self.target}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the entry, once.

        Raises:
            NotAllowed: it already exists.
        """
        if not self._state.adding:
            _refuse()
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:  # noqa: ARG002
        """Refused.

        Raises:
            NotAllowed: always.
        """
        _refuse()
