"""Training rows in a bundle: which ones, and that they are read as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.bundle import Bundle
from podium.bundle.background import BYTES_MAX, Background, background_of
from podium.errors import BundleError, SetupError
from podium.signature import Field, Output, Signature
from podium.signature.infer import infer_fields
from podium.table import Table

N_ROWS = 300


@pytest.fixture(scope="module")
def mixed() -> tuple[Any, pd.DataFrame, Any]:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "size": random.normal(size=N_ROWS).round(3),
            "rooms": random.integers(1, 6, N_ROWS),
            "kind": random.choice(["flat", "house"], N_ROWS),
        }
    )
    rows.loc[::5, "size"] = None
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    model = make_pipeline(encoder, HistGradientBoostingRegressor(max_iter=3))
    return model.fit(rows, rows["rooms"] * 2.0), rows, rows["rooms"] * 2.0


def packed(mixed: tuple[Any, pd.DataFrame, Any], folder: Path, **options: Any) -> Bundle:
    model, rows, prices = mixed
    return podium.pack(model, rows, prices, name="homes", path=folder, **options)


def test_a_bundle_keeps_a_hundred_training_rows_with_their_gaps(mixed: Any, tmp_path: Path) -> None:
    table = packed(mixed, tmp_path).background

    assert table is not None
    assert table.n_rows == 100
    assert table.names == ("size", "rooms", "kind")
    kept = {tuple(map(str, row.values())) for row in table.rows()}
    known = {tuple(map(str, row.values())) for row in Table.of(mixed[1]).rows()}
    assert kept <= known
    assert np.isnan(table.columns["size"]).any()


@pytest.mark.slow
def test_the_same_rows_are_chosen_every_time(mixed: Any, tmp_path: Path) -> None:
    one, other = (packed(mixed, tmp_path).background for _ in range(2))

    assert one is not None
    assert other is not None
    assert list(one.rows()) == list(other.rows())


def test_no_row_travels_where_none_may(mixed: Any, tmp_path: Path) -> None:
    bundle = packed(mixed, tmp_path, background=0)

    assert bundle.background is None
    assert "background.json" not in bundle._archive.names


def test_fewer_training_rows_than_asked_for_all_stay(mixed: Any, tmp_path: Path) -> None:
    model, rows, prices = mixed
    bundle = packed((model, rows[:30], prices[:30]), tmp_path, background=128)

    assert bundle.background is not None
    assert bundle.background.n_rows == 30


@pytest.mark.parametrize("n_rows", [-1, 129])
def test_an_impossible_number_is_refused_before_anything_is_done(
    mixed: Any, tmp_path: Path, n_rows: int
) -> None:
    with pytest.raises(SetupError, match=f"{n_rows} background rows"):
        packed(mixed, tmp_path, background=n_rows)

    assert not list(tmp_path.iterdir())


def test_rows_that_the_model_refuses_are_left_out() -> None:
    signature = Signature(fields=(Field(name="x"),), outputs=(Output(),))
    table = Table({"x": np.array([1.0, np.nan, np.inf, 2.0])}, 4)

    background = background_of(signature, table, 4)

    assert background is not None
    assert sorted(background.columns["x"]) == [1.0, 2.0]


def test_long_texts_make_it_fewer_rows_not_a_large_bundle() -> None:
    signature = Signature(
        fields=(Field(name="text", type="text", max_length=100_000),), outputs=(Output(),)
    )
    texts = np.array(["x" * 50_000] * 100, object)

    background = background_of(signature, Table({"text": texts}, 100), 100)

    assert background is not None
    assert 0 < background.n_rows * 50_000 <= BYTES_MAX


@pytest.mark.parametrize(
    ("columns", "n_rows"),
    [
        ({"x": [1.0], "y": [2.0]}, 1),
        ({"y": [1.0]}, 1),
        ({}, 10**9),
        ({"x": []}, 0),
        ({"x": [1.0] * 129}, 129),
        ({"x": [1.0, 2.0]}, 1),
        ({"x": [1.0]}, 2),
        ({"x": ["one"]}, 1),
        ({"x": [None]}, 1),
        ({"x": [1e999]}, 1),
    ],
)
def test_rows_that_do_not_match_the_signature_are_refused(columns: Any, n_rows: int) -> None:
    signature = Signature(fields=(Field(name="x"),), outputs=(Output(),))

    with pytest.raises(BundleError, match="background rows"):
        Background(columns=columns, n_rows=n_rows).table(signature)


def test_times_in_a_zone_are_the_same_moments(tmp_path: Path) -> None:
    moments = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin")
    rows = pd.DataFrame({"at": moments, "x": np.arange(60.0)})

    table = Table.of(rows)
    signature = Signature(fields=infer_fields(table), outputs=(Output(),))
    background = background_of(signature, table, 60)

    assert background is not None
    assert set(background.table(signature).columns["at"]) == set(table.columns["at"])
