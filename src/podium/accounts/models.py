"""The app's only table: links that create the first administrator."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.db import models


class SetUpLink(models.Model):
    """A link that was printed: it works once, and not for long. Only its digest is stored."""

    digest: models.CharField[str, str] = models.CharField(max_length=64, primary_key=True)
    expires_at: models.DateTimeField[dt.datetime, dt.datetime] = models.DateTimeField()

    class Meta:
        """Links have no permissions: they can only be followed."""

        default_permissions: ClassVar[tuple[str, ...]] = ()

    def __str__(self) -> str:
        return f"until {self.expires_at:%H:%M}"
