"""How good a version is in use, as far as what really happened is known: its live quality."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np

from podium.bundle import Bundle, Card
from podium.bundle.card import Metric
from podium.monitoring.diagnosis import (
    CalibrationBin,
    Confusion,
    Residuals,
    calibration,
    confusion,
    residuals_of,
    wilson,
)
from podium.monitoring.pieces import outputs_of
from podium.outputs import Outputs, probabilities_in
from podium.packing.metrics import numbers_of, places_of
from podium.packing.quality import quality
from podium.packing.truth import Truth
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages
from podium.signature import Signature
from podium.signature.truth import truth_value, values_by_output
from podium.table import column_of

# The newest rows with a truth: they tell accuracies apart that differ by 1 %, in a second.
ROWS_MAX = 20_000
# Random groups of the rows; each is left out once, and the figures are computed of the rest.
GROUPS = 20
# Of Student's t with GROUPS - 1 degrees of freedom: 95 %.
_T = 2.093
_SHARES = frozenset({"accuracy", "balanced_accuracy", "f1_macro", "roc_auc"})
# Fixed: of the same records everybody gets the same interval.
_SEED = 20_210_401
_OUTPUTS = msgspec.json.Decoder(dict[str, Any])
_TRUTH = msgspec.json.Decoder()


class LiveMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of the card, measured on recorded predictions whose truth is known.

    Attributes:
        low: the true value is between `low` and `high`, at 95 % confidence; None where too few
            rows tell.
        card: what the card says; None where it doesn't.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    value: float
    low: float | None
    high: float | None
    card: float | None
    unit: str = ""
    output: str = ""


class LiveQuality(msgspec.Struct, frozen=True, kw_only=True):
    """The quality of a version's recorded predictions.

    Attributes:
        since_us: the earliest prediction that counts, in microseconds since 1970.
        n_rows: predictions in that time; None where nothing counts them.
        n_truths: those of them whose truth is known, and could be compared.
        n_unusable: those with a truth that the model could never predict.
        is_cut: whether there are more with a truth, before `since_us`.
        coverage: the share of the predictions whose truth is known.
        delay_s: how long the truth took, of half of the rows, and of nine in ten.
        measured_on: the rows of the card's metrics.
        notes: why some metrics are missing, in sentences.
        confusion: of a classifier, like its calibration: of the second of two classes, otherwise of
            the class that was predicted.
        residuals: of a regression with one output.
    """

    model: str
    version: str
    digest: str
    since_us: int
    until_us: int
    n_rows: int | None
    n_truths: int
    n_unusable: int
    is_cut: bool
    coverage: float | None
    delay_s: tuple[float, float] | None
    measured_on: str
    metrics: tuple[LiveMetric, ...] = ()
    notes: tuple[str, ...] = ()
    confusion: Confusion | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    residuals: Residuals | None = None


def live_quality(
    store: Store,
    bundle: Bundle,
    since_us: int,
    until_us: int,
    n_rows: Callable[[int, int], int] | None = None,
) -> LiveQuality:
    """The quality of the predictions that a version sent to callers.

    Args:
        since_us: in microseconds since 1970; `until_us` is the end, which isn't included.
        n_rows: how many rows the version answered between two moments.

    Raises:
        StoreError: the database fails.
        BundleError: the card or the signature can't be read.
    """
    known = _Known(bundle.signature)
    query = RecordQuery(
        model=bundle.name,
        version=bundle.version,
        since_us=since_us,
        until_us=until_us,
        has_feedback=True,
    )
    for page in iter_pages(store, query):
        for record in page:
            if known.is_full:
                break
            if record.role == "primary" and record.bundle_digest in (None, bundle.digest):
                known.add(record)
        if known.is_full:
            break
    since_us = known.oldest_us if known.is_full else since_us
    n_answered = None if n_rows is None else n_rows(since_us, until_us)
    found = _measured(bundle.signature, bundle.card, known) if known.truths else {}
    n_truths = len(known.truths)
    return LiveQuality(
        model=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        since_us=since_us,
        until_us=until_us,
        n_rows=n_answered,
        n_truths=n_truths,
        n_unusable=known.n_unusable,
        is_cut=known.is_full,
        coverage=min(1.0, n_truths / n_answered) if n_answered else None,
        delay_s=known.delay_s,
        measured_on=bundle.card.metrics_on,
        **found,
    )


@dataclass
class _Known:
    """Rows whose truth is known, the newest first."""

    signature: Signature
    truths: list[dict[str, Any]] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    delays_us: array[int] = field(default_factory=lambda: array("q"))
    oldest_us: int = 0
    n_unusable: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.truths) >= ROWS_MAX

    @property
    def delay_s(self) -> tuple[float, float] | None:
        if not self.delays_us:
            return None
        half, most = np.quantile(np.array(self.delays_us), (0.5, 0.9)) / 1e6
        return float(half), float(most)

    def uniform(self) -> list[dict[str, Any]]:
        """The outputs; without probabilities where some rows have none, or of other classes."""
        places = self.signature.places
        shares = [one.get("probabilities") for one in self.values]
        if not places or probabilities_in(places, shares) is not None:
            return self.values
        return [{"prediction": one["prediction"]} for one in self.values]

    def add(self, record: Record) -> None:
        """Add a record with its truth, where that is one that the model could have predicted."""
        assert record.feedback is not None
        try:
            values, told = _OUTPUTS.decode(record.outputs), _TRUTH.decode(record.feedback.truth)
        except msgspec.DecodeError:
            self.n_unusable += 1
            return
        happened = values_by_output(self.signature, told)
        truth = {
            one.name: truth_value(one, happened.get(one.name)) for one in self.signature.outputs
        }
        if all(one is None for one in truth.values()) or values.get("prediction") is None:
            self.n_unusable += 1
            return
        self.truths.append(truth)
        self.values.append(values)
        self.delays_us.append(max(0, record.feedback.time_us - record.time_us))
        self.oldest_us = record.time_us


def _measured(signature: Signature, card: Card, known: _Known) -> dict[str, Any]:
    outputs = outputs_of(signature, known.uniform())
    names = tuple(one.name for one in signature.outputs)
    truth = Truth(names, tuple(column_of([row[name] for row in known.truths]) for name in names))
    found = quality(signature, outputs, truth, "holdout")
    metrics = _with_intervals(signature, outputs, truth, found.metrics, card)
    measured: dict[str, Any] = {"metrics": metrics, "notes": found.notes}
    if len(signature.outputs) > 1:
        return measured
    (column,) = truth.columns
    if signature.output.task == "classification":
        classes = signature.output.classes
        true = places_of(column.tolist(), classes)
        predicted = places_of(outputs.predictions.tolist(), classes)
        measured["confusion"] = confusion(classes, true, predicted)
        measured["calibration"] = calibration(outputs.probabilities, true, predicted)
    elif signature.output.task == "regression":
        numbers = numbers_of(column)
        if numbers is not None:
            residuals = numbers - np.asarray(outputs.predictions, np.float64)
            measured["residuals"] = residuals_of(residuals[np.isfinite(residuals)])
    return measured


def _with_intervals(
    signature: Signature,
    outputs: Outputs,
    truth: Truth,
    metrics: tuple[Metric, ...],
    card: Card,
) -> tuple[LiveMetric, ...]:
    """The metrics with intervals: the jackknife, with groups of rows left out.

    Source: Shao and Wu (1989), Annals of Statistics 17(3), 1176-1197: with groups that are large
    enough it holds for medians, too.
    """
    n_rows = len(outputs)
    on_card = {(one.name, one.output): one.value for one in card.metrics}
    left_out: dict[tuple[str, str], list[float]] = {}
    if n_rows >= 2 * GROUPS:
        group = np.random.default_rng(_SEED).permutation(n_rows) % GROUPS
        for at in range(GROUPS):
            rows = group != at
            rest = Truth(truth.names, tuple(column[rows] for column in truth.columns))
            for one in quality(signature, outputs.rows(rows), rest, "holdout").metrics:
                left_out.setdefault((one.name, one.output), []).append(one.value)
    found = []
    for one in metrics:
        low, high = _interval(one, left_out.get((one.name, one.output), []), n_rows)
        found.append(
            LiveMetric(
                name=one.name,
                title=one.title,
                better=one.better,
                value=one.value,
                low=low,
                high=high,
                card=on_card.get((one.name, one.output)),
                unit=one.unit,
                output=one.output,
            )
        )
    return tuple(found)


def _interval(
    metric: Metric, left_out: list[float], n_rows: int
) -> tuple[float | None, float | None]:
    if metric.name == "accuracy":
        return wilson(metric.value, n_rows)
    if len(left_out) < GROUPS:
        return None, None
    with np.errstate(all="ignore"):  # errors that are almost as large as doubles can be
        error = math.sqrt((GROUPS - 1) * float(np.array(left_out).var()))
    if not math.isfinite(error):
        return None, None
    low, high = metric.value - _T * error, metric.value + _T * error
    if metric.name in _SHARES:
        # A few rows that are all right leave no spread, and yet don't tell that all are.
        at_least, at_most = wilson(metric.value, n_rows)
        return min(max(low, 0.0), at_least), max(min(high, 1.0), at_most)
    return (low if metric.name == "r2" else max(low, 0.0)), high
