"""Predictions as rows of the project's database."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from django.db import models

from podium.records.columns import COLUMNS, NAMES
from podium.records.record import Record
from podium.records.storable import KEY_LENGTH
from podium.records.stores.rows import record_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_JSON = tuple(place for place, column in enumerate(COLUMNS) if column.type is bytes)
_MICROSECOND = dt.timedelta(microseconds=1)


def microseconds(moment: dt.datetime) -> int:
    """Microseconds since 1970; a time without a zone is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // _MICROSECOND


def owner_of(user: Any) -> str:
    """The owner of a user's records: no other user ever has it, and it survives renaming."""
    return f"user:{user.pk}"


class PredictionQuerySet(models.QuerySet["Prediction"]):
    """Predictions, newest first."""

    def of(self, model: str) -> PredictionQuerySet:
        """Those of one model."""
        return self.filter(model=model)

    def requested_by(self, user: Any) -> PredictionQuerySet:
        """Those that one user requested, directly or with a token."""
        return self.filter(owner=owner_of(user))

    def since(self, moment: dt.datetime) -> PredictionQuerySet:
        """Those at this time or later."""
        return self.filter(time_us__gte=microseconds(moment))

    def until(self, moment: dt.datetime) -> PredictionQuerySet:
        """Those before this time."""
        return self.filter(time_us__lt=microseconds(moment))

    def with_feedback(self) -> PredictionQuerySet:
        """Those with feedback."""
        return self.filter(feedback_time_us__isnull=False)


class Prediction(models.Model):
    """One row and its prediction.

    Rows are written through the outbox: they are here a moment after the response. Podium's
    permissions have models of their own, so Django creates none for this table.
    """

    id: models.CharField[str, str] = models.CharField(
        primary_key=True, max_length=32, editable=False
    )
    time_us: models.BigIntegerField[int, int] = models.BigIntegerField(
        help_text="microseconds since 1970, UTC"
    )
    # MariaDB and MySQL can't index a text without a length.
    model: models.CharField[str, str] = models.CharField(max_length=255)
    version: models.TextField[str, str] = models.TextField()
    inputs: models.JSONField[Any, Any] = models.JSONField()
    outputs: models.JSONField[Any, Any] = models.JSONField()
    outcome: models.TextField[str, str] = models.TextField(help_text="the prediction as a text")
    outcome_number: models.FloatField[float | None, float | None] = models.FloatField(
        null=True, blank=True
    )
    latency_us: models.BigIntegerField[int, int] = models.BigIntegerField(default=0)
    source: models.TextField[str, str] = models.TextField(default="api")
    actor: models.TextField[str | None, str | None] = models.TextField(
        null=True, blank=True, help_text="the actor's name"
    )
    owner: models.TextField[str | None, str | None] = models.TextField(
        null=True, blank=True, help_text="the owner's id, with its kind"
    )
    feedback_truth: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    feedback_time_us: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(
        null=True, blank=True
    )
    feedback_actor: models.TextField[str | None, str | None] = models.TextField(
        null=True, blank=True
    )
    feedback_note: models.TextField[str, str] = models.TextField(default="", blank=True)
    feedback_earlier: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    # Defaults in the database let an older version, which shares the table for a while, insert.
    request_id: models.TextField[str | None, str | None] = models.TextField(
        null=True, blank=True, help_text="shared by the rows of one request"
    )
    row_index: models.BigIntegerField[int, int] = models.BigIntegerField(
        default=0, db_default=0, help_text="position in its request, from 0"
    )
    role: models.CharField[str, str] = models.CharField(
        max_length=16, default="primary", db_default="primary"
    )
    bundle_digest: models.TextField[str | None, str | None] = models.TextField(
        null=True, blank=True, help_text="SHA-256 of the bundle that made the prediction"
    )
    attributes: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    business_key: models.CharField[str | None, str | None] = models.CharField(
        max_length=KEY_LENGTH, null=True, blank=True, help_text="the caller's own key"
    )

    objects = PredictionQuerySet.as_manager()

    class Meta:
        """Newest first; the pages of records use these indexes."""

        app_label = "podium"
        default_permissions = ()
        ordering = ("-time_us", "-id")
        indexes = (
            models.Index(fields=["-time_us", "-id"], name="podium_prediction_time"),
            models.Index(fields=["model", "-time_us", "-id"], name="podium_prediction_model"),
            models.Index(fields=["business_key", "-time_us"], name="podium_prediction_key"),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.outcome} ({self.id})"

    @property
    def time(self) -> dt.datetime:
        """When the request arrived."""
        return _EPOCH + dt.timedelta(microseconds=self.time_us)

    @property
    def prediction(self) -> Any:
        """The answer."""
        return self.outputs.get("prediction")

    @property
    def probabilities(self) -> dict[str, Any] | None:
        """The probability of each label, if the model returns some; of several outputs by output."""
        found: dict[str, Any] | None = self.outputs.get("probabilities")
        return found

    @property
    def record(self) -> Record:
        """The same as in every other store."""
        cells = [getattr(self, name) for name in NAMES]
        for place in _JSON:
            # The truth may be null; the time says whether there is any.
            if cells[place] is not None or NAMES[place] == "feedback_truth":
                cells[place] = msgspec.json.encode(cells[place]).decode()
        return record_of(cells)
