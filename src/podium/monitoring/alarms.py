"""When counts become an alarm: effect, chance and persistence together, over two windows running.

A window is an hour, a day or a week of one version. What two of them hold together is compared with
the training rows: the effect must matter, and chance must explain it at most once a year. Each of
the two must show it by itself, too, with half of the effect, so that one bad hour alarms nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from podium.bundle.baseline import Histogram, Period
from podium.bundle.spread import Spread
from podium.monitoring.counts import Counted, Counts, is_ordered, trained
from podium.monitoring.drift import (
    ROWS_MIN,
    WINDOWS_A_YEAR,
    Drift,
    Thresholds,
    drift_of,
    more_than_chance,
    thresholds_of,
)
from podium.monitoring.windows import Sums

AlarmKind = Literal[
    "drift", "missing", "unseen", "outside", "constant", "refused", "silence", "quality"
]
# What is the same of an alarm from window to window: its kind, and what it is about.
AlarmKey: TypeAlias = tuple[AlarmKind, str, str]

# What a share of the rows must have risen by.
SHARE_AMBER, SHARE_RED = 0.01, 0.05
REFUSED_AMBER, REFUSED_RED = 0.05, 0.2
# Of rows in one slot, where training had at most so many in any.
CONSTANT_FROM, CONSTANT_TRAINED_MAX = 0.995, 0.9
# Each of two windows must show what they show together: by half of the effect, and by this chance.
SHOWN_P = 0.01
# Drift; missing values; values that training didn't have. A constant needs no test.
_TESTS_OF_EACH = 3
_OF_OUTPUT = ("prediction", "score", "probability")
# Silence: so many windows before, each with so many rows at this time.
SILENCE_WINDOWS, SILENCE_ROWS = 4, 20


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """What a window shows.

    Attributes:
        what: the kind of what was counted, and `name` its name; both "" of a whole model. Of a
            decline `metric`, and which one.
        is_firing: whether two windows running show it; else the last one alone does.
        before: of drift, the threshold of the population stability index; of a decline the metric
            on the card; else the share of the training rows.
        now: the index, the metric or the share.
    """

    kind: AlarmKind
    level: Literal["amber", "red"]
    is_firing: bool
    what: str = ""
    name: str = ""
    before: float = 0.0
    now: float = 0.0

    @property
    def key(self) -> AlarmKey:
        """Its kind, and what it is about."""
        return self.kind, self.what, self.name


def n_tests_of(histograms: Mapping[Counted, Histogram]) -> int:
    """How many tests a model has in a year, of which one may be a false alarm."""
    return max(1, _TESTS_OF_EACH * len(histograms)) * WINDOWS_A_YEAR


def is_enough(sums: Sums) -> bool:
    """Whether there are rows enough to tell drift from chance."""
    return sums.n_counted >= ROWS_MIN


def refused_are_enough(sums: Sums) -> bool:
    """Whether there are rows enough to tell how many are refused."""
    return sums.n_rows + sums.n_refused >= ROWS_MIN


def alarms(
    histograms: Mapping[Counted, Histogram], earlier: Sums, latest: Sums, kind: Period
) -> list[Alarm]:
    """What the latest window shows, and whether the one before it shows it, too.

    Args:
        histograms: of the version's baseline.
        earlier: the window right before the latest, which may be empty.
        kind: of both windows, for thresholds that training raised.
    """
    found = list(_of_refused(earlier, latest))
    if not is_enough(latest):
        return found
    n_tests = n_tests_of(histograms)
    for what, histogram in histograms.items():
        now = _counts_of(what, histogram, latest)
        if now is None or now.sum() < ROWS_MIN:
            continue
        before = _counts_of(what, histogram, earlier) if is_enough(earlier) else None
        found += _of_counted(_Two(what, histogram, kind, n_tests, before, now))
    return _without_repeats(histograms, found)


def _without_repeats(histograms: Mapping[Counted, Histogram], found: list[Alarm]) -> list[Alarm]:
    """The alarms, with one of each kind about the output: its labels, probabilities and scores.

    They move together: the probabilities of two classes are one another's rest. The one that is
    told keeps its key from window to window, whichever of them moved farthest.
    """
    predictions = [what.name for what in histograms if what.kind == "prediction"]
    if len(predictions) != 1:  # of several outputs each is told of; they have no probabilities here
        return found
    others = [one for one in found if one.what not in _OF_OUTPUT]
    by_kind: dict[AlarmKind, list[Alarm]] = {}
    for one in found:
        if one.what in _OF_OUTPUT:
            by_kind.setdefault(one.kind, []).append(one)
    for some in by_kind.values():
        worst = max(some, key=lambda one: (one.is_firing, one.level == "red", one.now))
        others.append(msgspec.structs.replace(worst, what="prediction", name=predictions[0]))
    return others


def _counts_of(what: Counted, histogram: Histogram, sums: Sums) -> Counts | None:
    """The counts in the histogram's slots; None where another release counted in others."""
    counts = sums.counts.get(what)
    return counts if counts is not None and len(counts) == len(trained(histogram)) else None


@dataclass(frozen=True, slots=True)
class _Two:
    """Two windows of what is counted.

    Attributes:
        before: of the earlier window; None where it has too few rows.
    """

    what: Counted
    histogram: Histogram
    kind: Period
    n_tests: int
    before: Counts | None
    now: Counts

    @property
    def spread(self) -> Spread:
        return self.histogram.spread_of(self.kind)

    def thresholds(self, drift: Drift) -> Thresholds:
        return thresholds_of(self.histogram, self.kind, drift.n_rows)

    def shows(self, drift: Drift) -> bool:
        """Whether a window by itself shows what two show together."""
        return drift.psi >= self.thresholds(drift).amber / 2 and drift.p_value < SHOWN_P

    def alarm(
        self, kind: AlarmKind, level: str, is_firing: bool, before: float, now: float
    ) -> Alarm:
        return Alarm(
            kind=kind,
            level="red" if level == "red" else "amber",
            is_firing=is_firing,
            what=self.what.kind,
            name=self.what.name,
            before=before,
            now=now,
        )


def _of_counted(two: _Two) -> list[Alarm]:
    constant = _constant(two)
    if constant is not None:
        return [constant]  # all else would say the same
    some = (_drift(two), _missing(two), _new(two))
    return [one for one in some if one is not None]


def _drift(two: _Two) -> Alarm | None:
    latest = drift_of(two.histogram, two.now)
    if two.before is not None and two.shows(latest):
        both = drift_of(two.histogram, two.before + two.now)
        level = both.level_for(two.n_tests, *two.thresholds(both))
        if level != "none" and two.shows(drift_of(two.histogram, two.before)):
            return two.alarm("drift", level, True, two.thresholds(both).amber, both.psi)
    level = latest.level_for(two.n_tests, *two.thresholds(latest))
    amber = two.thresholds(latest).amber
    return None if level == "none" else two.alarm("drift", level, False, amber, latest.psi)


class _Share(NamedTuple):
    """Some of many rows."""

    some: int
    n: int

    @property
    def share(self) -> float:
        return self.some / self.n if self.n else 0.0


def _missing(two: _Two) -> Alarm | None:
    before = trained(two.histogram)
    usual = max(before[0] / max(before.sum(), 1), two.spread.missing)
    old = _Share(int(before[0]), int(before.sum()))
    return _risen(two, "missing", old, float(usual), slice(0, 1))


def _new(two: _Two) -> Alarm | None:
    """Values beyond all of training, or labels that training didn't have."""
    before = trained(two.histogram)
    if is_ordered(two.histogram):
        # The least and the greatest row of n are where they are by chance: the next n may have one
        # beyond each.
        return _risen(
            two,
            "outside",
            _Share(1, int(before.sum())),
            two.spread.new,
            [1, -1],
        )
    # Labels that occur once tell how many there are that didn't (Good and Turing).
    once = int((before[1:-2] == 1).sum()) + int(before[-2])
    usual = max(two.spread.new, once / max(int(before.sum()), 1))
    return _risen(two, "unseen", _Share(once, int(before.sum())), usual, slice(-1, None))


def _risen(
    two: _Two, kind: AlarmKind, old: _Share, usual: float, slots: slice | list[int]
) -> Alarm | None:
    """An alarm about a share of the rows that is larger than in training."""
    now = _Share(int(two.now[slots].sum()), int(two.now.sum()))
    if two.before is not None and _rise_shows(old, usual, now):
        earlier = _Share(int(two.before[slots].sum()), int(two.before.sum()))
        both = _Share(earlier.some + now.some, earlier.n + now.n)
        level = _rise(old, usual, both, two.n_tests)
        if level and _rise_shows(old, usual, earlier):
            return two.alarm(kind, level, True, usual, both.share)
    level = _rise(old, usual, now, two.n_tests)
    return two.alarm(kind, level, False, usual, now.share) if level else None


def _rise(old: _Share, usual: float, now: _Share, n_tests: int) -> str:
    rise = now.share - usual
    if rise < SHARE_AMBER or more_than_chance(*old, *now) * n_tests >= 1.0:
        return ""
    return "red" if rise >= SHARE_RED else "amber"


def _rise_shows(old: _Share, usual: float, now: _Share) -> bool:
    is_large = now.share - usual >= SHARE_AMBER / 2
    return is_large and more_than_chance(*old, *now) < SHOWN_P


def _constant(two: _Two) -> Alarm | None:
    """An alarm about a value that no longer varies."""
    before = trained(two.histogram)
    n_before = int(before.sum())
    most = int(before.max()) / n_before if n_before else 1.0
    share = _greatest_share(two.now)
    if most > CONSTANT_TRAINED_MAX or share < CONSTANT_FROM or two.spread.most >= CONSTANT_FROM:
        return None
    is_firing = (
        two.before is not None
        and _greatest_share(two.before) >= CONSTANT_FROM
        and two.before.argmax() == two.now.argmax()
    )
    return two.alarm("constant", "red", is_firing, most, share)


def _greatest_share(counts: Counts) -> float:
    n = int(counts.sum())
    return int(counts.max()) / n if n else 0.0


def _of_refused(earlier: Sums, latest: Sums) -> Iterator[Alarm]:
    """An alarm about callers whose rows are refused; by effect alone, as training refused none."""
    levels = [_refused(one) for one in (earlier, latest)]
    if levels[1] is not None:
        both = _Share(
            earlier.n_refused + latest.n_refused,
            sum(one.n_rows + one.n_refused for one in (earlier, latest)),
        )
        share = both.share if levels[0] is not None else levels[1]
        level: Literal["amber", "red"] = "red" if share >= REFUSED_RED else "amber"
        yield Alarm(
            kind="refused",
            level=level,
            is_firing=levels[0] is not None,
            before=REFUSED_AMBER,
            now=share,
        )


def _refused(window: Sums) -> float | None:
    """The share of rows that were refused, where it is too large."""
    n = window.n_rows + window.n_refused
    share = window.n_refused / n if refused_are_enough(window) else 0.0
    return share if share >= REFUSED_AMBER else None


def silence(now: tuple[int, int], at_this_time: tuple[tuple[int, int], ...]) -> Alarm | None:
    """An alarm about two hours without a row, where others at this time had many.

    Args:
        now: rows of two hours running, the latest last.
        at_this_time: rows of the same two hours, in each of the weeks or days before.
    """
    usual = [sum(one) for one in at_this_time]
    if len(usual) < SILENCE_WINDOWS or min(usual) < SILENCE_ROWS or now[1]:
        return None
    if now[0] and min(one[1] for one in at_this_time) < SILENCE_ROWS:
        return None  # one empty hour tells nothing where there are few rows in any
    return Alarm(
        kind="silence",
        level="red",
        is_firing=not now[0],
        before=sum(usual) / len(usual),
        now=0.0,
    )
