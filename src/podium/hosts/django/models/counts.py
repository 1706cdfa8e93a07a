"""Counts of monitoring as rows of the project's database, in which those of several servers meet."""

from __future__ import annotations

from django.db import models

MODEL_LENGTH = 255


class MonitoringCount(models.Model):
    """What was counted of one version in one role and hour, or day."""

    id: models.CharField[str, str] = models.CharField(
        primary_key=True, max_length=32, editable=False
    )
    model: models.CharField[str, str] = models.CharField(max_length=MODEL_LENGTH)
    digest: models.CharField[str, str] = models.CharField(max_length=80)
    role: models.CharField[str, str] = models.CharField(max_length=16)
    hour: models.BigIntegerField[int, int] = models.BigIntegerField(
        help_text="the first one, in hours since 1970, UTC"
    )
    n_hours: models.BigIntegerField[int, int] = models.BigIntegerField()
    n_rows: models.BigIntegerField[int, int] = models.BigIntegerField()
    n_counted: models.BigIntegerField[int, int] = models.BigIntegerField()
    n_refused: models.BigIntegerField[int, int] = models.BigIntegerField()
    layout: models.BinaryField[bytes, bytes] = models.BinaryField()
    counts: models.BinaryField[bytes, bytes] = models.BinaryField()

    class Meta:
        """Read by model and time."""

        app_label = "podium"
        default_permissions = ()
        indexes = (
            models.Index(fields=["model", "hour"], name="podium_counts_model"),
            models.Index(fields=["n_hours", "hour"], name="podium_counts_hour"),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.hour}"


class MonitoringSource(models.Model):
    """The last entry of a server that was added to the counts."""

    source: models.CharField[str, str] = models.CharField(primary_key=True, max_length=32)
    number: models.BigIntegerField[int, int] = models.BigIntegerField()

    class Meta:
        """Internal."""

        app_label = "podium"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.source} {self.number}"
