"""Real data for the zoo, as people have it: arrays and frames, numbers and words, gaps, dates."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn import datasets


def file_of(package: str, name: str) -> Path:
    """A file of an installed package."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / name


def _iris() -> tuple[Any, Any]:
    X, y = datasets.load_iris(return_X_y=True)
    return X, datasets.load_iris().target_names[y].astype(object)


def _breast_cancer() -> tuple[Any, Any]:
    X, y = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    return X, y.astype(bool)


def _penguins() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("palmerpenguins", "data/penguins.csv"))
    return rows.drop(columns="species"), rows["species"]


def _cars() -> tuple[Any, Any]:
    rows = pd.read_json(file_of("vega_datasets", "_data/cars.json"))
    rows = rows.dropna(subset=["Miles_per_Gallon"])
    X = rows[["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Origin"]]
    return X, rows["Miles_per_Gallon"]


def _temperatures() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("vega_datasets", "_data/seattle-temps.csv"), parse_dates=["date"])
    rows = rows.iloc[::17].reset_index(drop=True)
    local = rows["date"].dt.tz_localize("UTC").dt.tz_convert("America/Los_Angeles")
    X = pd.DataFrame({"time": rows["date"], "day": rows["date"].dt.normalize(), "local": local})
    return X, rows["temp"]


def _riots() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("vega_datasets", "_data/la-riots.csv")).dropna(subset=["longitude"])
    X = rows[["first_name", "last_name", "death_date", "address", "neighborhood"]]
    return X.reset_index(drop=True), rows["longitude"].reset_index(drop=True)


def _stocks() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("vega_datasets", "_data/stocks.csv"))
    return rows[["symbol", "date"]], rows["price"]


def _airports() -> tuple[Any, Any]:
    rows = pd.read_csv(file_of("vega_datasets", "_data/airports.csv")).iloc[::10]
    rows = rows.reset_index(drop=True)
    return rows[["iata", "name", "city"]], rows["latitude"]


DATA: dict[str, Callable[[], tuple[Any, Any]]] = {
    "iris": _iris,  # numpy, three classes that are texts
    "wine": lambda: datasets.load_wine(return_X_y=True, as_frame=True),  # pandas, 0, 1, 2
    "breast_cancer": _breast_cancer,  # booleans, 30 columns
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),  # numpy, a number
    "linnerud": lambda: datasets.load_linnerud(return_X_y=True, as_frame=True),  # three numbers
    "penguins": _penguins,  # mixed, missing cells, three classes
    "cars": _cars,  # mixed, missing cells, a number
    "temperatures": _temperatures,  # times, a number
    "riots": _riots,  # names, addresses and days as texts, missing cells, a number
    "stocks": _stocks,  # days as texts, a number
    "airports": _airports,  # names and codes, a number
}


@cache
def _read(name: str) -> tuple[Any, Any]:
    return DATA[name]()


def rows_of(name: str) -> tuple[Any, Any]:
    """Rows and truths of a data set, of the caller's own."""
    X, y = _read(name)
    return X.copy(), y.copy()
