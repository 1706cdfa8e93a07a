"""Predictions as rows of the project's database."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from django.db import models

from podium.records.record import Feedback, Record

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def microseconds(moment: dt.datetime) -> int:
    """Microseconds since 1970; a moment without a zone is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // _MICROSECOND


class PredictionQuerySet(models.QuerySet["Prediction"]):
    """Predictions, newest first."""

    def of(self, model: str) -> PredictionQuerySet:
        """Those of one model."""
        return self.filter(model=model)

    def asked_by(self, user: Any) -> PredictionQuerySet:
        """Those that one user asked for, by themselves or with a token."""
        name = user.get_username()
        return self.filter(models.Q(actor=name) | models.Q(actor__startswith=f"{name}/"))

    def since(self, moment: dt.datetime) -> PredictionQuerySet:
        """Those of this moment and later."""
        return self.filter(time_us__gte=microseconds(moment))

    def until(self, moment: dt.datetime) -> PredictionQuerySet:
        """Those before this moment."""
        return self.filter(time_us__lt=microseconds(moment))

    def with_feedback(self) -> PredictionQuerySet:
        """Those of which it is known what really happened."""
        return self.filter(feedback_time_us__isnull=False)


class Prediction(models.Model):
    """One row that was asked, and its answer.

    Rows are written through the outbox: they are here a moment after the answer. What `podium`
    calls permissions stands for models of its own, so that Django makes none for this table.
    """

    id: models.CharField[str, str] = models.CharField(
        primary_key=True, max_length=32, editable=False
    )
    time_us: models.BigIntegerField[int, int] = models.BigIntegerField(
        help_text="microseconds since 1970, UTC"
    )
    # MariaDB and MySQL index no text without a length.
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
    actor: models.TextField[str | None, str | None] = models.TextField(null=True, blank=True)
    feedback_truth: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    feedback_time_us: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(
        null=True, blank=True
    )
    feedback_actor: models.TextField[str | None, str | None] = models.TextField(
        null=True, blank=True
    )
    feedback_note: models.TextField[str, str] = models.TextField(default="", blank=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        """Newest first; the pages of records go by these indexes."""

        app_label = "podium"
        default_permissions = ()
        ordering = ("-time_us", "-id")
        indexes = (
            models.Index(fields=["-time_us", "-id"], name="podium_prediction_time"),
            models.Index(fields=["model", "-time_us", "-id"], name="podium_prediction_model"),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.outcome} ({self.id})"

    @property
    def time(self) -> dt.datetime:
        """When it was asked."""
        return _EPOCH + dt.timedelta(microseconds=self.time_us)

    @property
    def prediction(self) -> Any:
        """The answer."""
        return self.outputs.get("prediction")

    @property
    def probabilities(self) -> dict[str, float] | None:
        """The probability of each label, where the model tells."""
        found: dict[str, float] | None = self.outputs.get("probabilities")
        return found

    @property
    def record(self) -> Record:
        """The same as every store has it."""
        feedback = None
        if self.feedback_time_us is not None:
            feedback = Feedback(
                truth=msgspec.json.encode(self.feedback_truth),
                time_us=self.feedback_time_us,
                actor=self.feedback_actor,
                note=self.feedback_note,
            )
        return Record(
            id=self.id,
            time_us=self.time_us,
            model=self.model,
            version=self.version,
            inputs=msgspec.json.encode(self.inputs),
            outputs=msgspec.json.encode(self.outputs),
            outcome=self.outcome,
            outcome_number=self.outcome_number,
            latency_us=self.latency_us,
            source=self.source,
            actor=self.actor,
            feedback=feedback,
        )
