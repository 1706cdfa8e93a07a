"""A number that changes whenever somebody's rights may have."""

from __future__ import annotations

from django.db import models


class ChangeStamp(models.Model):
    """One row: cheap to read twice a second, by every process that remembers rights."""

    value: models.BigIntegerField[int, int] = models.BigIntegerField(default=0)

    class Meta:
        """Nobody's business but ours."""

        app_label = "podium"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.value)
