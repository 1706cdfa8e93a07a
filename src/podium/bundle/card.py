"""The card: what a model is, where it comes from and how good it is, for people."""

from __future__ import annotations

from typing import Literal

import msgspec


class Metric(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure of merit, measured on the data given at packing.

    Attributes:
        name: as the field's libraries call it, `mean_absolute_error`.
        title: as people write it, `mean absolute error`.
        better: which way is better.
        unit: of the target, where the figure has it.
    """

    name: str
    title: str
    value: float
    better: Literal["higher", "lower"]
    unit: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What, when, by which library versions, on how many rows, how good, with which limits.

    Attributes:
        model: the estimator in a few words, `Pipeline: SimpleImputer, LinearRegression`.
        created: when it was packed, ISO 8601 in UTC.
        libraries: versions by name, of what the model needs and what packed it.
        n_rows: how many rows the signature and the baseline were taken from.
        metrics: the first one is the one the model is known by.
        n_metric_rows: how many rows the metrics were measured on.
        metrics_on: whether those rows are known to be held out from training.
        limits: what a user must know before they trust an answer.
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
    metrics_on: Literal["holdout", "unknown", "training"] = "unknown"
    limits: tuple[str, ...] = ()
