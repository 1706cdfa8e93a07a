"""The card: what a model is, where it comes from and how good it is, for people."""

from __future__ import annotations

from typing import Literal

import msgspec

from podium.signature.fields import readable


class Metric(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric, measured on the data passed for packing.

    Attributes:
        name: as in libraries, `mean_absolute_error`.
        title: for people, `mean absolute error`.
        better: which way is better.
        unit: of the target, if the metric has it.
        output: the target it is about, if the model has several.
        spread: the standard deviation between the folds of a cross-validation.
    """

    name: str
    title: str
    value: float
    better: Literal["higher", "lower"]
    unit: str = ""
    output: str = ""
    spread: float | None = None

    @property
    def label(self) -> str:
        """The title, with the target if there are several."""
        return f"{self.title} of {self.output}" if self.output else self.title


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The model, its origin, its libraries, its metrics and its limits.

    Attributes:
        model: the estimator in a few words, `Pipeline: SimpleImputer, LinearRegression`.
        created: when it was packed, in ISO 8601, UTC.
        libraries: versions by distribution, of those that the model's classes and functions come
            from, its runtime's, and Podium.
        n_rows: how many rows the signature and the baseline were inferred from.
        metrics: the first one is the main one.
        n_metric_rows: how many rows the metrics were measured on.
        metrics_on: which rows these were: metrics on training rows say little about new ones.
        n_folds: of a cross-validation.
        limits: what users must know before they rely on a prediction.
        notes: findings and choices of packing, in sentences.
    """

    name: str
    version: str
    title: str = ""
    description: str = ""
    model: str = ""
    created: str = ""
    python: str = ""
    libraries: dict[str, str] = {}
    n_rows: int = 0
    metrics: tuple[Metric, ...] = ()
    n_metric_rows: int = 0
    metrics_on: Literal["holdout", "cross-validation", "training", "unknown"] = "unknown"
    n_folds: int = 0
    limits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The title, or the name in a readable form: `churn_model_v2` as `Churn model v2`."""
        return self.title or readable(self.name.replace("-", " "))

    @property
    def measured_on(self) -> str:
        """The rows that the metrics were measured on, in words: `86 held-out rows`."""
        n = self.n_metric_rows
        rows = "row" if n == 1 else "rows"
        return {
            "holdout": f"{n:,} held-out {rows}",
            "cross-validation": f"{n:,} {rows}, by {self.n_folds}-fold cross-validation",
            "training": f"the {n:,} {rows} it was trained on",
        }.get(self.metrics_on, f"{n:,} {rows} that it may have been trained on")

    @property
    def warning(self) -> str:
        """What to expect for new rows; empty if the metrics show it."""
        if not self.metrics or self.metrics_on in ("holdout", "cross-validation"):
            return ""
        worse = "less" if self.metrics[0].better == "higher" else "larger errors"
        return f"Expect {worse} on new ones."
