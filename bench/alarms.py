"""False alarms in windows where nothing changed, and drifts that are found within two windows.

Twenty columns of a model: normal, lognormal, mostly zero, counts, and labels. A window's rows are drawn
from the same large population as the training rows; its counts are what the rule looks at. The drifts
are planted in one column. Beside it, what a Kolmogorov-Smirnov or chi-square test at 0.05 alarms in the
same windows.

    python -m bench.alarms [--windows 1000] [--trained 10000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from podium.bundle.baseline import Histogram, histogram_of
from podium.monitoring.alarms import alarms
from podium.monitoring.counts import Counted, Counts, count_field
from podium.monitoring.drift import drift_of
from podium.monitoring.windows import Sums
from podium.signature import Category, Field

SIZES = (200, 1_000, 5_000, 20_000)
POPULATION = 1_000_000
N_COLUMNS = 20
NUMBER = Field(name="x", missing="accept")
LABELS = np.array(["a", "b", "c", "d"], object)
PLAN = Field(
    name="x", type="category", categories=tuple(map(Category, LABELS.tolist())), missing="accept"
)
Column = NDArray[np.float64] | NDArray[np.object_]
Draw = Callable[[np.random.Generator, int], Column]


def labels(*shares: float) -> Draw:
    """Draws of four labels."""
    return lambda random, n: LABELS[random.choice(4, n, p=shares)]


STABLE: tuple[Draw, ...] = (
    lambda random, n: random.normal(size=n),
    lambda random, n: random.lognormal(0.0, 2.0, n),
    lambda random, n: np.where(random.random(n) < 0.6, 0.0, random.lognormal(0.0, 1.0, n)),
    lambda random, n: random.poisson(3.0, n).astype(np.float64),
    labels(0.5, 0.25, 0.2, 0.05),
)
# What is planted, and where nothing is.
DRIFTS: Mapping[str, tuple[Draw, Draw]] = {
    "+0.5 sd": (STABLE[0], lambda random, n: random.normal(0.5, 1.0, n)),
    "scale x1.5": (STABLE[0], lambda random, n: random.normal(0.0, 1.5, n)),
    "5 % missing": (
        STABLE[0],
        lambda random, n: np.where(random.random(n) < 0.05, np.nan, random.normal(size=n)),
    ),
    "share 20 % + 10 points": (STABLE[4], labels(0.4, 0.25, 0.3, 0.05)),
    "share 50 % + 10 points": (STABLE[4], labels(0.6, 0.15, 0.2, 0.05)),
}


@dataclass(frozen=True)
class Source:
    """A column of the training rows, and where its values fall in its bins.

    Attributes:
        shares: of the whole population, shape (n_slots,).
    """

    what: Counted
    histogram: Histogram
    shares: NDArray[np.float64]

    def counts(self, random: np.random.Generator, n: int) -> Counts:
        """The counts of n rows."""
        return random.multinomial(n, self.shares)


def source(
    random: np.random.Generator,
    at: int,
    before: Draw,
    now: Draw,
    n_trained: int,
    n_population: int = POPULATION,
) -> Source:
    """A column that was `before` in training and is `now`."""
    population = now(random, n_population)
    field = PLAN if population.dtype == object else NUMBER
    histogram = histogram_of(field, before(random, n_trained))
    counted = count_field(histogram, field, population)
    return Source(Counted("field", f"x{at}"), histogram, counted / n_population)


def stable(
    random: np.random.Generator, n_trained: int, n_population: int = POPULATION
) -> list[Source]:
    """The columns of a model, which don't change."""
    draws = STABLE * (N_COLUMNS // len(STABLE))
    return [
        source(random, at, draw, draw, n_trained, n_population) for at, draw in enumerate(draws)
    ]


def window(random: np.random.Generator, sources: list[Source], n: int) -> Sums:
    """A window of n rows."""
    return Sums(n, n, 0, {one.what: one.counts(random, n) for one in sources})


def false_alarms(
    random: np.random.Generator, sources: list[Source], n: int, n_windows: int
) -> tuple[int, int, int]:
    """Windows with an alarm, with a pending one, and with one of a test at 0.05."""
    histograms = {one.what: one.histogram for one in sources}
    n_firing = n_pending = n_naive = 0
    earlier = window(random, sources, n)
    for _ in range(n_windows):
        latest = window(random, sources, n)
        found = alarms(histograms, earlier, latest, "hour")
        n_firing += any(one.is_firing for one in found)
        n_pending += bool(found)
        tested = (drift_of(histograms[what], counts) for what, counts in latest.counts.items())
        n_naive += any(one.p_value < 0.05 for one in tested)
        earlier = latest
    return n_firing, n_pending, n_naive


def detected(
    random: np.random.Generator, sources: list[Source], usual: Source, moved: Source, n_tries: int
) -> tuple[int, int]:
    """How often a planted drift is found by its first 1,000 rows, and by the second.

    Args:
        usual: the column before it moved.
    """
    before, after = [*sources[1:], usual], [*sources[1:], moved]
    histograms = {one.what: one.histogram for one in after}
    by_first = by_second = 0
    for _ in range(n_tries):
        windows = [window(random, some, 1_000) for some in (before, after, after)]
        first, second = (
            alarms(histograms, windows[at], windows[at + 1], "hour") for at in range(2)
        )
        by_first += any(one.name == moved.what.name for one in first)
        by_second += any(one.name == moved.what.name and one.is_firing for one in second)
    return by_first, by_second


def planted(
    random: np.random.Generator, drift: str, n_trained: int, n_population: int = POPULATION
) -> tuple[Source, Source]:
    """A column of the same training rows, before it moved and after."""
    before, now = DRIFTS[drift]
    moved = source(random, N_COLUMNS, before, now, n_trained, n_population)
    field = PLAN if moved.histogram.labels else NUMBER
    counted = count_field(moved.histogram, field, before(random, n_population))
    return Source(moved.what, moved.histogram, counted / n_population), moved


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1_000)
    parser.add_argument("--trained", type=int, default=10_000)
    parser.add_argument("--tries", type=int, default=500)
    options = parser.parse_args()
    random, began_s = np.random.default_rng(15), time.process_time()
    print(f"{options.windows:,} stable windows of {N_COLUMNS} columns, {options.trained:,} trained")
    sources = stable(random, options.trained)
    for n in SIZES:
        firing, pending, naive = false_alarms(random, sources, n, options.windows)
        print(f"  n = {n:6,}: {firing} alarms, {pending} pending; a test at 0.05: {naive}")
    print(f"found of {options.tries:,} planted drifts, n = 1,000: pending at once, firing at two")
    for drift in DRIFTS:
        columns = planted(random, drift, options.trained)
        first, second = detected(random, sources, *columns, options.tries)
        print(f"  {drift}: {first / options.tries:.1%}, {second / options.tries:.1%}")
    print(f"{time.process_time() - began_s:.0f} s of a core")


if __name__ == "__main__":
    main()
