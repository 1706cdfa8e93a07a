"""How far the training rows' own hours, days and weeks lie apart."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.bundle.baseline import Histogram, histogram_of
from podium.bundle.spread import Spread
from podium.errors import SetupError
from podium.packing.periods import Parts, hours_of
from podium.signature import Field

N_ROWS = 24 * 14 * 60


def rows() -> pd.DataFrame:
    """Two weeks of rows each minute: one field goes by the hour, one by nothing."""
    random = np.random.default_rng(0)
    times = pd.date_range("2026-01-05", periods=N_ROWS, freq="min")
    noise = random.normal(size=N_ROWS)
    return pd.DataFrame({"time": times, "hour": times.hour.astype(float), "noise": noise})


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    frame = rows()
    X = frame[["hour", "noise"]]
    return podium.pack(
        LinearRegression().fit(X, frame["noise"]),
        X,
        frame["noise"],
        name="m",
        path=tmp_path_factory.mktemp("periods"),
        times=frame["time"],
    )


def test_what_goes_by_the_hour_is_far_apart_by_hours_and_not_by_days(packed):
    hour, noise = packed.baseline.fields["hour"], packed.baseline.fields["noise"]

    assert hour.spread_of("hour").psi > 1
    assert hour.spread_of("hour").most == 1.0
    assert hour.spread_of("day").psi == hour.spread_of("week").psi == 0.0
    assert noise.spread_of("hour").psi == noise.spread_of("day").psi == 0.0
    assert set(noise.spreads) == {"hour", "day", "week"}


def test_predictions_have_spreads_too(packed):
    assert set(packed.baseline.outputs["noise"].spreads) == {"hour", "day", "week"}


def test_values_that_only_one_part_has_are_new_there():
    frame = rows()
    plans = np.where(frame["time"] < "2026-01-06", "old", "new").astype(object)
    histogram = histogram_of(Field(name="plan", type="category"), plans)

    found = Parts(hours_of(frame["time"], N_ROWS)).spread(histogram, plans)

    assert found.spread_of("day").new == 1.0
    assert found.spread_of("week").new == pytest.approx(1 / 7, abs=0.01)


def test_longer_parts_without_a_spread_have_that_of_shorter_ones():
    spread = Spread(psi=0.3)

    assert Histogram(n_rows=1, spreads={"day": spread}).spread_of("week") == spread
    assert Histogram(n_rows=1, spreads={"day": spread}).spread_of("hour") == Spread()


@pytest.mark.parametrize(
    "times",
    [
        ["1970-01-02", "1970-01-02T01:30:00", "1970-01-02T03:00:00+01:00"],
        [dt.datetime(1970, 1, 2, hour, tzinfo=dt.UTC) for hour in range(3)],
        np.array(["1970-01-02T00", "1970-01-02T01", "1970-01-02T02"], "datetime64[h]"),
        pd.Series(
            pd.to_datetime(["1970-01-02", "1970-01-02T01:10", "1970-01-02T02:59"], format="mixed")
        ),
    ],
    ids=["texts", "datetimes", "numpy", "pandas"],
)
def test_times_are_read_as_they_come(times):
    assert hours_of(times, 3).tolist() == [24, 25, 26]


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (["yesterday"], "'yesterday' isn't a time"),
        ([3], "3 isn't a time"),
        ([None], "a row has no time"),
        (["2026-01-01"] * 2, "there are 2 times for 1 rows"),
    ],
)
def test_what_is_no_time_is_refused(times, why):
    with pytest.raises(SetupError, match=why):
        hours_of(times, 1)
