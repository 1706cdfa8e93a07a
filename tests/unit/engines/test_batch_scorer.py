"""A scorer that engines send to their processes: what it checks at once, and what it carries."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.engines.batch_scorer import BatchScorer
from podium.errors import BundleError, InputError, SetupError

NAMES = ["id", "station", "distance", "stops"]


def test_a_column_that_the_model_needs_is_missed_before_any_row(bundle: Bundle):
    with pytest.raises(InputError, match="the frame lacks a column that the model needs: stops"):
        BatchScorer(bundle, ["station", "distance", "Stops."], "the frame")


def test_a_column_that_would_be_added_twice_is_refused(bundle: Bundle):
    with pytest.raises(SetupError, match="'prediction'"):
        BatchScorer(bundle, [*NAMES, "prediction"], "the frame")

    scorer = BatchScorer(bundle, [*NAMES, "prediction"], "the frame", prefix="new_", errors=None)
    assert scorer.schema.names == [
        "new_prediction",
        "new_probability_late",
        "new_probability_on time",
    ]


def test_a_scorer_is_small_and_opens_its_bundle_once_in_a_process(bundle: Bundle, rows: Path):
    sent = pickle.dumps(BatchScorer(bundle, NAMES, "the frame"))
    table = parquet.read_table(rows)

    first, second = pickle.loads(sent), pickle.loads(sent)

    assert len(sent) < 2_000
    assert first.predict(table).equals(second.predict(table))
    assert first._bundle is second._bundle


def test_a_bundle_that_was_replaced_meanwhile_is_refused(bundle: Bundle, tmp_path: Path):
    path = tmp_path / "trips.podium"
    shutil.copy(bundle.path, path)
    scorer = BatchScorer(podium.load(path), NAMES, "the frame")
    numbers = np.arange(40.0).reshape(20, 2)
    podium.pack(LinearRegression().fit(numbers, numbers[:, 0]), numbers, name="other", path=path)

    there = pickle.loads(pickle.dumps(scorer))

    with pytest.raises(BundleError, match="isn't the bundle that was sent here"):
        there.predict(pa.table({name: [] for name in NAMES}))
