"""Times in the zone of the training data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeRegressor

import podium
from podium.bundle.bundle import Bundle
from podium.image.distributions import needed_distributions
from podium.image.recipe import Recipe, extras_of


def hours(frame: pd.DataFrame) -> np.ndarray:
    return frame["at"].dt.hour.to_numpy()[:, None]


def packed(tmp_path: Path, zone: str | None) -> Bundle:
    """A model that tells the hour, as training's local clocks showed it."""
    at = pd.date_range("2024-01-01", periods=24 * 60, freq="h", tz=zone)
    X = pd.DataFrame({"at": at})
    model = make_pipeline(FunctionTransformer(hours), DecisionTreeRegressor()).fit(X, at.hour)
    return podium.pack(model, X, name="hours", path=tmp_path, trust="own")


def asked(bundle: Bundle, value: object) -> float:
    return float(bundle.predict({"at": value}).predictions[0])


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        ("2024-06-03T07:30", 7),
        ("2024-06-03T07:30:00+02:00", 7),
        ("2024-06-03T05:30:00Z", 7),
        ("2024-01-15T07:30", 7),
        (pd.Timestamp("2024-06-03T07:30", tz="Europe/Zurich"), 7),
        (pd.Timestamp("2024-06-03T01:30", tz="America/New_York"), 7),
    ],
)
def test_what_has_no_offset_is_local_time_of_the_training_data(
    value: object, hour: int, tmp_path: Path
) -> None:
    assert asked(packed(tmp_path, "Europe/Zurich"), value) == hour


def test_an_offset_is_shown_if_the_training_data_have_no_zone(tmp_path: Path) -> None:
    answer = packed(tmp_path, None).predict({"at": "2024-06-03T07:30:00+02:00"})

    assert [warning.code for warning in answer.warnings if warning.code == "shifted"]


@pytest.mark.parametrize("zone", ["Europe/Zurich", None])
def test_an_image_of_a_model_with_a_zone_brings_the_time_zones(
    zone: str | None, tmp_path: Path
) -> None:
    extras = extras_of([packed(tmp_path, zone)], Recipe())

    assert ("zones" in extras) == bool(zone)
    brought = {one.metadata["Name"] for one in needed_distributions(set(extras) & {"zones"})}
    assert ("tzdata" in brought) == bool(zone)
