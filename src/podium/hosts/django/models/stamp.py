"""A number that changes whenever somebody's permissions may have changed."""

from __future__ import annotations

from django.db import models


class ChangeStamp(models.Model):
    """One row, cheap to read twice a second by every process that caches permissions."""

    value: models.BigIntegerField[int, int] = models.BigIntegerField(default=0)

    class Meta:
        """Internal."""

        app_label = "podium"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.value)
