"""What drifts in the flights from New York, month by month, of a model that was trained on January.

First each month as a whole, as `podium drift` compares a file. Then each day and week as alerts look at
them, two running: with the training data's own spread from day to day, and without.

    python -m bench.flights
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

import podium
from podium.bundle import Bundle
from podium.bundle.baseline import Histogram, Period
from podium.monitoring.alarms import alarms
from podium.monitoring.counts import Counted, Counts, count_outputs, count_table, histograms_of
from podium.monitoring.drift import WINDOWS_A_YEAR, drift_of
from podium.monitoring.windows import Sums
from podium.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "flights"))
EXAMPLE: Any = import_module("flights")
FIELDS, TARGET = EXAMPLE.FIELDS, EXAMPLE.TARGET


def counted(bundle: Bundle, rows: pd.DataFrame) -> dict[Counted, Counts]:
    """The counts of some flights, and of the predictions for them."""
    table = Table.of(rows[FIELDS])
    found = count_table(bundle.baseline, bundle.signature, table)
    return found | count_outputs(bundle.baseline, bundle.signature, bundle.runtime.predict(table))


def packed(folder: Path) -> Bundle:
    """The model of January."""
    january = EXAMPLE.flights_of(1)
    rows, target = january[FIELDS], january[TARGET]
    times = [np.datetime64(f"2013-01-{day:02}") for day in january["day"]]
    hours = january["hour"].to_numpy().astype("timedelta64[h]")
    return podium.pack(
        EXAMPLE.fitted(rows, target),
        rows,
        target,
        name="flights",
        path=folder,
        times=np.array(times, "datetime64[h]") + hours,
    )


def months(bundle: Bundle) -> None:
    """Print what `podium drift` tells of each month."""
    histograms = histograms_of(bundle.baseline)
    print("month    rows  PSI of what drifted")
    for month in range(2, 13):
        rows = EXAMPLE.flights_of(month)
        drifts = {
            what: drift_of(histograms[what], counts)
            for what, counts in counted(bundle, rows).items()
        }
        told = [
            f"{what.name} {one.psi:.2f} {level}"
            for what, one in sorted(drifts.items(), key=lambda both: -both[1].psi)
            if (level := one.level_for(len(drifts) * WINDOWS_A_YEAR)) != "none"
        ]
        print(f"{month:5} {len(rows):7,}  {', '.join(told) or 'nothing'}")


def windows(bundle: Bundle, period: Period, months: Sequence[int]) -> Iterator[tuple[int, Sums]]:
    """The counts of each day or week of some months, with its month."""
    flights = pd.concat([EXAMPLE.flights_of(month) for month in months])
    days = (
        pd.to_datetime({"year": 2013, "month": flights["month"], "day": flights["day"]})
        .to_numpy()
        .astype("datetime64[D]")
        .astype(np.int64)
    )
    for _, rows in flights.groupby(days if period == "day" else (days + 3) // 7):
        n = len(rows)
        yield int(rows["month"].iloc[0]), Sums(n, n, 0, counted(bundle, rows))


def fired(
    histograms: dict[Counted, Histogram], found: list[tuple[int, Sums]], period: Period
) -> dict[int, tuple[int, Counter[str]]]:
    """How many windows of each month there are, and how many of them each field fires in."""
    counts: dict[int, tuple[int, Counter[str]]] = {}
    for (_, earlier), (month, latest) in pairwise(found):
        n_windows, names = counts.get(month, (0, Counter()))
        some = alarms(histograms, earlier, latest, period)
        names.update({f"{one.name} ({one.kind})" for one in some if one.is_firing})
        counts[month] = n_windows + 1, names
    return counts


def main() -> None:
    """Print all of it."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = packed(Path(folder))
        months(bundle)
        with_spreads = histograms_of(bundle.baseline)
        without = {
            what: msgspec.structs.replace(one, spreads={}) for what, one in with_spreads.items()
        }
        for period in ("day", "week"):
            found = list(windows(bundle, period, range(1, 13)))
            for title, some in (("without times", without), ("with times", with_spreads)):
                print(f"alerts by {period}, packed {title}")
                for month, (n_windows, names) in fired(some, found, period).items():
                    told = ", ".join(f"{name} {n}" for name, n in names.most_common())
                    print(f"{month:5} of {n_windows:2} {period}s: {told or 'nothing'}")
        for what, one in with_spreads.items():
            print(
                what.name, {period: round(spread.psi, 3) for period, spread in one.spreads.items()}
            )


if __name__ == "__main__":
    main()
