"""Values counted in the baseline's bins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import podium
from podium.bundle.baseline import Histogram, baseline_of, histogram_of
from podium.monitoring.counts import (
    SCORE,
    Counted,
    count_field,
    count_outputs,
    count_table,
    histograms_of,
    slots_of,
    trained,
)
from podium.outputs import Outputs
from podium.signature import Category, Field, Output, Signature
from podium.table import Table

NUMBER = Field(name="x", missing="accept")
RANDOM = np.random.default_rng(0)
COLUMNS = {
    "normal": RANDOM.normal(size=5_000),
    "lognormal": RANDOM.lognormal(0.0, 2.0, 5_000),
    "mostly zero": np.where(RANDOM.random(5_000) < 0.6, 0.0, RANDOM.lognormal(0.0, 2.0, 5_000)),
    "counts": RANDOM.poisson(3.0, 5_000).astype(float),
    "three values": RANDOM.choice([1.0, 2.0, 7.0], 5_000),
    "constant": np.full(5_000, 4.0),
    "largest doubles": np.array([-1.7e308, *RANDOM.normal(size=98), 1.7976931348623157e308]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_training_rows_are_counted_as_they_were_at_packing(name):
    column = np.append(COLUMNS[name], np.nan)
    histogram = histogram_of(NUMBER, column)

    counts = count_field(histogram, NUMBER, column)

    assert counts.tolist() == trained(histogram).tolist()
    assert len(slots_of(histogram)) == len(counts)
    assert min(histogram.cut_counts) > 0


@pytest.mark.parametrize("name", ["normal", "lognormal"])
def test_bins_hold_equal_shares(name):
    counts = histogram_of(NUMBER, COLUMNS[name]).cut_counts

    assert len(counts) == 20
    assert max(counts) - min(counts) <= 2


def test_a_value_that_many_rows_share_has_a_bin_of_its_own():
    histogram = histogram_of(NUMBER, COLUMNS["mostly zero"])

    at = histogram.cuts.index(0.0)
    assert histogram.cut_counts[at] == (COLUMNS["mostly zero"] == 0.0).sum()


def test_what_lies_outside_of_training_is_counted_apart():
    histogram = histogram_of(NUMBER, np.array([1.0, 2.0, 3.0]))

    counts = count_field(histogram, NUMBER, np.array([0.9, 1.0, 3.0, 3.1, np.nan, np.inf]))

    by_slot = dict(zip(slots_of(histogram), counts.tolist(), strict=True))
    assert (by_slot["missing"], by_slot["below 1"], by_slot["above 3"]) == (2, 1, 1)
    assert counts.sum() == 6


def test_labels_are_counted_by_name_rare_ones_and_new_ones_together():
    names = [f"c{i:02}" for i in range(60)]
    categories = tuple(Category(name) for name in names)
    field = Field(name="plan", type="category", categories=categories, missing="accept")
    column = np.array([*(c for i, c in enumerate(names) for _ in range(61 - i)), None], object)
    histogram = histogram_of(field, column)

    counts = count_field(histogram, field, np.array(["c00", "c59", "new", None, "c00"], object))

    by_slot = dict(zip(slots_of(histogram), counts.tolist(), strict=True))
    assert by_slot["c00"] == 2
    assert by_slot["another, rare"] == by_slot["not in the training data"] == 1
    assert by_slot["missing"] == 1


def test_counts_of_parts_add_up_to_those_of_all():
    column = COLUMNS["lognormal"]
    histogram = histogram_of(NUMBER, column[:1_000])

    parts = [count_field(histogram, NUMBER, part) for part in np.array_split(column, 8)]

    assert sum(parts).tolist() == count_field(histogram, NUMBER, column).tolist()


def test_a_bundle_of_the_first_format_is_counted_in_its_bins_of_equal_width():
    (path,) = Path("tests/formats").glob("boosted-1.podium")
    baseline = podium.load(path).baseline

    for what, histogram in histograms_of(baseline).items():
        assert trained(histogram).sum() == histogram.n_rows, what
        assert len(slots_of(histogram)) == len(trained(histogram))


def test_predictions_scores_and_probabilities_are_counted():
    output = Output(
        name="churn", task="classification", classes=("no", "yes"), has_probabilities=True
    )
    signature = Signature(fields=(NUMBER,), outputs=(output,))
    shares = RANDOM.random(200)
    labels = np.where(shares > 0.7, "yes", "no").astype(object)
    outputs = Outputs(labels, np.column_stack([1 - shares, shares]), scores=shares * 2)
    table = Table.of({"x": COLUMNS["normal"][:200]}, names=["x"])
    baseline = baseline_of(signature, table, outputs)

    found = count_table(baseline, signature, table) | count_outputs(baseline, signature, outputs)

    histograms = histograms_of(baseline)
    assert set(found) == set(histograms)
    assert SCORE in found
    assert Counted("probability", "yes") in found
    for what, counts in found.items():
        assert counts.tolist() == trained(histograms[what]).tolist()


def test_a_column_that_was_missing_throughout_is_no_histogram_to_compare_with():
    histogram = histogram_of(NUMBER, np.full(10, np.nan))

    assert histogram == Histogram(n_rows=10, n_missing=10)
    assert count_field(histogram, NUMBER, np.array([np.nan, 1.0])).tolist() == [1, 0, 1]
