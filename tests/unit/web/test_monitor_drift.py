"""Distributions on the monitoring page: what they are called, and which slots are shown."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from podium.bundle.baseline import Histogram
from podium.monitoring.counts import Counted, Kind, slots_of
from podium.monitoring.report import Measured, Report, measured
from podium.monitoring.windows import Sums
from podium.signature import Category, Field, Output, Signature
from podium.web.monitor_drift import CHARTS_MAX, LABELS_MAX, drifts_of

SIGNATURE = Signature(
    fields=(
        Field(name="weight", type="float", unit="kg"),
        Field(name="city", type="category", categories=(Category("Bern"),)),
        Field(name="since", type="date"),
        Field(name="note", type="text"),
    ),
    outputs=(Output(name="late", task="classification", classes=("no", "yes")),),
)
WEIGHTS = Histogram(n_rows=400, cuts=(1.0, 2.0, 3.0, 10.0), cut_counts=(100, 100, 200), counts=(1,))
BINNED = msgspec.structs.replace(
    WEIGHTS, edges=WEIGHTS.cuts, counts=WEIGHTS.cut_counts, mean=4.4, deviation=2.8
)
CITIES = Histogram(n_rows=300, labels=("Bern", "Basel"), counts=(200, 100))


def compared(histogram: Histogram, name: str, counts: list[int], kind: Kind = "field") -> Measured:
    sums = Sums(n_rows=sum(counts), counts={Counted(kind, name): np.array(counts)})
    assert len(counts) == len(slots_of(histogram))
    return measured(Counted(kind, name), histogram, sums, n_tests=1)


def report_of(*some: Measured, n_rows: int = 1_000, n_counted: int | None = None) -> Report:
    return Report(
        model="parcels",
        version="1",
        digest="0" * 64,
        role="primary",
        window="day",
        since_us=0,
        until_us=86_400_000_000,
        n_rows=n_rows,
        n_counted=n_rows if n_counted is None else n_counted,
        n_refused=0,
        has_baseline=bool(some),
        latency_bounds_us=(),
        measured=some,
        windows=(),
        versions=(),
    )


def test_what_drifted_far_comes_first_with_what_changed():
    steady = compared(CITIES, "city", [0, 200, 100, 0, 0])
    moved = compared(BINNED, "weight", [0, 0, 10, 10, 20, 960])

    drifts = drifts_of(report_of(steady, moved), SIGNATURE)

    first, second = drifts.charts
    assert drifts.summary == "Among 1000 rows, 1 of 2 distributions drifted far."
    assert (first.title, first.level, second.level) == ("Weight", "red", "none")
    assert first.changes.startswith("above 10: 0.0\u00a0% in training, 96.0\u00a0% now; ")
    assert "960\u00a0outside of the training range" in first.figures
    assert "moved by at least" in first.figures
    assert "mean" not in first.figures
    assert first.ends == ("1", "10")
    assert [slot.name for slot in first.slots] == ["1..2", "2..3", "3..10", "above 10"]


def test_what_bins_tell_of_the_values_is_said():
    inside = compared(BINNED, "weight", [0, 0, 200, 100, 700, 0])
    constant = compared(BINNED, "weight", [0, 0, 0, 0, 400, 0])

    charts = drifts_of(report_of(inside, constant), SIGNATURE).charts

    by_level = {"every row" in one.figures: one.figures for one in charts}
    assert ", mean " in by_level[False]
    assert "at least" not in by_level[False]
    assert by_level[True].endswith("the same value in every row")


def test_labels_are_lines_and_the_rare_ones_of_many_are_left_out():
    labels = tuple(f"city {number}" for number in range(40))
    histogram = Histogram(n_rows=400, labels=labels, counts=(10,) * 40)
    counts = [0, *([10] * 39), 500, 0, 3]

    (chart,) = drifts_of(report_of(compared(histogram, "city", counts)), SIGNATURE).charts

    assert chart.overlay is None
    assert len(chart.slots) == LABELS_MAX
    assert chart.slots[-1].name == "city 39"
    assert chart.slots[-1].widths[1] == 100.0
    assert "3\u00a0not in the training data" in chart.figures


@pytest.mark.parametrize(
    ("kind", "name", "title"),
    [
        ("field", "note", "Length of Note"),
        ("field", "gone", "gone"),
        ("prediction", "late", "Predictions"),
        ("probability", "yes", "Probability of yes"),
        ("score", "", "Score"),
    ],
)
def test_each_has_a_title(kind, name, title):
    found = compared(WEIGHTS, name, [0, 0, 100, 100, 200, 0], kind)

    (chart,) = drifts_of(report_of(found), SIGNATURE).charts

    assert chart.title == title


def test_times_are_days():
    day_s = 86_400.0
    start = 19_723 * day_s  # 2024-01-01
    cuts = (start, start + 31 * day_s, start + 60 * day_s)
    histogram = Histogram(n_rows=400, cuts=cuts, cut_counts=(200, 200), counts=(1,))

    found = compared(histogram, "since", [0, 4, 100, 300, 0])
    (chart,) = drifts_of(report_of(found), SIGNATURE).charts

    names = [slot.name for slot in chart.slots]
    assert names == ["below 2024-01-01", "2024-01-01..2024-02-01", "2024-02-01..2024-03-01"]
    assert chart.ends == ("2024-01-01", "2024-03-01")
    assert "days on average" in chart.figures


def test_few_rows_and_samples_are_said():
    found = compared(CITIES, "city", [0, 200, 100, 0, 0])

    few = drifts_of(report_of(found, n_rows=150), SIGNATURE).summary
    sample = drifts_of(report_of(found, n_rows=90_000, n_counted=30_000), SIGNATURE).summary
    none = drifts_of(report_of(), SIGNATURE).summary

    assert few == "150 rows were counted in this time: it takes 200 to tell drift from chance."
    assert sample == "30,000 rows (a sample of 90,000) look like the training data."
    assert "without training rows" in none


def test_of_many_fields_those_that_drifted_least_are_lines_of_a_table():
    found = compared(CITIES, "city", [0, 200, 100, 0, 0])
    some = [msgspec.structs.replace(found, name=f"f{n}", psi=n / 1_000) for n in range(400)]

    drifts = drifts_of(report_of(*some), SIGNATURE)

    assert len(drifts.charts) == CHARTS_MAX
    assert drifts.charts[0].title == "f399"
    assert len(drifts.others) == 400 - CHARTS_MAX
    assert drifts.others[-1] == ("f0", "as in training", "0.000")
