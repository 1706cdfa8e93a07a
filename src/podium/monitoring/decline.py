"""Whether predictions got worse: each output's main metric on truths that came in, by window.

A truth counts in the window in which it came, however late that is, so that each window has the same
mixture of early and late ones. As of drift, an alarm needs an effect that matters, more than chance,
and two windows running.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.bundle import Bundle
from podium.bundle.baseline import Period
from podium.bundle.card import Card, Metric
from podium.monitoring.alarms import SHOWN_P, Alarm, AlarmKey
from podium.monitoring.drift import more_than_chance
from podium.monitoring.pieces import HOUR_US
from podium.monitoring.windows import WINDOW_HOURS
from podium.packing.metrics import places_of
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages
from podium.signature import Output
from podium.signature.truth import truth_value, values_by_output

TRUTHS_MIN = 100
# The newest predictions with a truth that are read; how many days before the look they were made.
TRUTHS_MAX = 20_000
DAYS: Mapping[Period, int] = {"hour": 2, "day": 30, "week": 90}
# Points of a share by which it fell; of an error the share by which it grew.
FALLEN_AMBER, FALLEN_RED = 0.02, 0.1
GROWN_AMBER, GROWN_RED = 0.1, 0.5
# One false alarm a year and model, all windows together: hours have a third of it, days a fifth.
_TESTS: Mapping[Period, int] = {"hour": 3 * 8_760, "day": 2_000, "week": 2_000}
_SHARE, _ERROR, _SQUARES = "accuracy", "mean_absolute_error", "root_mean_squared_error"
_Pair: TypeAlias = tuple[Any, Any]
_OUTPUTS = msgspec.json.Decoder(dict[str, Any])
_TRUTH = msgspec.json.Decoder()


class Losses(NamedTuple):
    """Of some rows: 1 for each wrong label, or the absolute errors.

    Attributes:
        deviation: their standard deviation.
    """

    n: int
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Standard:
    """What the card promises of an output.

    Attributes:
        metric: the main one of the output.
        on_card: the losses of the rows that it was measured on.
    """

    metric: Metric
    output: Output
    on_card: Losses

    @property
    def is_share(self) -> bool:
        """Whether the losses are right or wrong."""
        return self.metric.name == _SHARE

    def effect(self, now: Losses) -> float:
        """How much worse it is than on the card."""
        rise = now.mean - self.on_card.mean
        if self.is_share:
            return rise
        return rise / self.on_card.mean if self.on_card.mean else math.inf * (rise > 0)

    def chance(self, now: Losses) -> float:
        """The probability that losses as on the card are so large by chance."""
        before = self.on_card
        if self.is_share:
            return more_than_chance(
                round(before.n * before.mean), before.n, round(now.n * now.mean), now.n
            )
        # Errors are skewed: of few, a small mean comes with a small deviation. The larger one of
        # both makes the test err on the side of no alarm.
        error = max(before.deviation, now.deviation) * math.sqrt(1 / before.n + 1 / now.n)
        if not error:
            return 0.0 if now.mean > before.mean else 1.0
        return _student_tail((now.mean - before.mean) / error, min(before.n, now.n) - 1)

    def value(self, now: Losses) -> float:
        """The metric of these rows."""
        return 1.0 - now.mean if self.is_share else now.mean


def standards_of(card: Card, outputs: tuple[Output, ...]) -> tuple[Standard, ...]:
    """What live predictions are compared with, for each output that the card promises something of.

    None where the card has no metric of unseen rows: of those that it was trained on, any model is
    better than of new ones.
    """
    if card.metrics_on not in ("holdout", "cross-validation"):
        return ()
    of_outputs = {one.name: one for one in outputs} | {"": outputs[0]}
    # The first metric of each output is its main one.
    main = {one.output: one for one in reversed(card.metrics) if one.output in of_outputs}
    found = (_standard(card, main[name], of_outputs[name]) for name in reversed(main))
    return tuple(one for one in found if one is not None)


def _standard(card: Card, metric: Metric, output: Output) -> Standard | None:
    n = card.n_metric_rows
    if metric.name == _SHARE and n > 1:
        wrong = 1.0 - metric.value
        return Standard(metric, output, Losses(n, wrong, math.sqrt(wrong * metric.value)))
    squares = [
        one.value for one in card.metrics if (one.name, one.output) == (_SQUARES, metric.output)
    ]
    if metric.name != _ERROR or n < 2 or not squares:
        return None
    deviation = math.sqrt(max(0.0, squares[0] ** 2 - metric.value**2))
    return Standard(metric, output, Losses(n, metric.value, deviation))


def key_of(standard: Standard) -> AlarmKey:
    """That of the alarms about it."""
    return "quality", "metric", standard.metric.label


def is_enough(losses: NDArray[np.float64]) -> bool:
    """Whether there are truths enough to tell a decline from chance."""
    return len(losses) >= TRUTHS_MIN


def declined(
    standard: Standard,
    earlier: NDArray[np.float64],
    latest: NDArray[np.float64],
    period: Period,
    n_outputs: int = 1,
) -> Alarm | None:
    """What the truths of the latest window show, and whether those of the one before do, too.

    Args:
        earlier: losses, shape (n_rows,), of the window right before the latest.
        n_outputs: how many outputs are looked at, each of which may alarm by chance.
    """
    if not is_enough(latest):
        return None
    n_tests, now = _TESTS[period] * n_outputs, _losses(latest)
    if is_enough(earlier) and _shows(standard, now):
        both = _losses(np.concatenate([earlier, latest]))
        level = _level(standard, both, n_tests)
        if level is not None and _shows(standard, _losses(earlier)):
            return _alarm(standard, level, both, is_firing=True)
    level = _level(standard, now, n_tests)
    return None if level is None else _alarm(standard, level, now, is_firing=False)


def windows_of(
    store: Store,
    bundle: Bundle,
    standards: Sequence[Standard],
    period: Period,
    until_hour: int,
    pause: Callable[[], object] = lambda: None,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The losses of two windows, for each standard: of truths that came in the earlier and latest.

    Args:
        until_hour: the hour after the latest.
        pause: called after each page of records.

    Raises:
        StoreError: the records can't be read.
    """
    until_us, span_us = until_hour * HOUR_US, WINDOW_HOURS[period] * HOUR_US
    query = RecordQuery(
        model=bundle.name,
        version=bundle.version,
        since_us=until_us - DAYS[period] * 24 * HOUR_US,
        until_us=until_us,
        has_feedback=True,
    )
    # By standard and window: what was predicted, and what happened.
    pairs: list[tuple[list[_Pair], list[_Pair]]] = [([], []) for _ in standards]
    for record in islice(_records(store, query, pause), TRUTHS_MAX):
        assert record.feedback is not None
        ago_us = until_us - record.feedback.time_us
        is_own = record.role == "primary" and record.bundle_digest in (None, bundle.digest)
        if is_own and 0 < ago_us <= 2 * span_us:
            found = _pairs(bundle, [one.output for one in standards], record)
            for windows, pair in zip(pairs, found, strict=True):
                if pair is not None:
                    windows[ago_us <= span_us].append(pair)
    return [
        (_losses_of(one, earlier), _losses_of(one, latest))
        for one, (earlier, latest) in zip(standards, pairs, strict=True)
    ]


def _records(store: Store, query: RecordQuery, pause: Callable[[], object]) -> Iterator[Record]:
    for page in iter_pages(store, query):
        yield from page
        pause()


def _pairs(bundle: Bundle, outputs: Sequence[Output], record: Record) -> list[_Pair | None]:
    """What was predicted and what happened, for each output where both are known."""
    assert record.feedback is not None
    try:
        values, told = _OUTPUTS.decode(record.outputs), _TRUTH.decode(record.feedback.truth)
    except msgspec.DecodeError:
        return [None] * len(outputs)
    predicted = values.get("prediction")
    if len(bundle.signature.outputs) == 1:
        predicted = {outputs[0].name: predicted}
    predictions = predicted if isinstance(predicted, dict) else {}
    truths = values_by_output(bundle.signature, told)
    found = [(predictions.get(one.name), truth_value(one, truths.get(one.name))) for one in outputs]
    return [None if None in pair else pair for pair in found]


def _losses_of(standard: Standard, pairs: Sequence[_Pair]) -> NDArray[np.float64]:
    predicted, true = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if standard.is_share:
        classes = standard.output.classes
        # A label that isn't one of the classes is wrong, whatever was predicted.
        happened = places_of(true, classes)
        wrong = (happened < 0) | (places_of(predicted, classes) != happened)
        return np.asarray(wrong, np.float64)
    with np.errstate(all="ignore"):
        errors = np.array(predicted, np.float64) - np.array(true, np.float64)
    return np.abs(errors[np.isfinite(errors)])


def _losses(rows: NDArray[np.float64]) -> Losses:
    with np.errstate(all="ignore"):  # errors that are almost as large as doubles can be
        return Losses(len(rows), float(rows.mean()), float(rows.std(ddof=1)))


def _level(standard: Standard, now: Losses, n_tests: int) -> Literal["amber", "red"] | None:
    effect = standard.effect(now)
    amber, red = (FALLEN_AMBER, FALLEN_RED) if standard.is_share else (GROWN_AMBER, GROWN_RED)
    # Rounding takes nothing from a fall by exactly so much.
    if not effect > amber - 1e-9 or standard.chance(now) * n_tests >= 1.0:
        return None
    return "red" if effect > red - 1e-9 else "amber"


def _shows(standard: Standard, now: Losses) -> bool:
    """Whether a window by itself shows what two show together."""
    amber = FALLEN_AMBER if standard.is_share else GROWN_AMBER
    return standard.effect(now) >= amber / 2 and standard.chance(now) < SHOWN_P


def _alarm(
    standard: Standard, level: Literal["amber", "red"], now: Losses, *, is_firing: bool
) -> Alarm:
    kind, what, name = key_of(standard)
    return Alarm(
        kind=kind,
        level=level,
        is_firing=is_firing,
        what=what,
        name=name,
        before=standard.metric.value,
        now=standard.value(now),
    )


def _student_tail(t: float, degrees: int) -> float:
    """The probability that Student's t with so many degrees of freedom, 99 or more, exceeds t.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.8.
    """
    if not math.isfinite(t):
        return 1.0
    z = t * (1 - 1 / (4 * degrees)) / math.sqrt(1 + t**2 / (2 * degrees))
    return math.erfc(z / math.sqrt(2)) / 2
