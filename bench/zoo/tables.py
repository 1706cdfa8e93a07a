"""skrub's pipelines, in the manner of its gallery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import skrub
from bench.zoo.case import Case
from bench.zoo.features import rows
from lightgbm import LGBMRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from skrub import selectors as s
from xgboost import XGBRegressor

TITLE = "skrub, as its gallery has it"


def case(name: str, make: Callable[[], Any], data: str) -> Case:
    """A pipeline on a data set."""

    def fit() -> tuple[Any, Any]:
        X, y = rows(data)
        return make().fit(X, y), X

    return Case(f"{name}, {data}", fit)


def _shallow(**options: Any) -> Any:
    return skrub.TableVectorizer(high_cardinality="drop", **options)


CASES = [
    case("tabular_pipeline, classifier", lambda: skrub.tabular_pipeline("classifier"), "penguins"),
    case("tabular_pipeline, regressor", lambda: skrub.tabular_pipeline("regressor"), "cars"),
    case("tabular_pipeline, regressor", lambda: skrub.tabular_pipeline("regressor"), "planes"),
    case("tabular_pipeline, regressor", lambda: skrub.tabular_pipeline("regressor"), "weather"),
    case(
        "tabular_pipeline, logistic regression",
        lambda: skrub.tabular_pipeline(LogisticRegression()),
        "penguins",
    ),
    case("tabular_pipeline, ridge", lambda: skrub.tabular_pipeline(Ridge()), "cars"),
    case("tabular_pipeline, ridge", lambda: skrub.tabular_pipeline(Ridge()), "planes"),
    case("tabular_pipeline, ridge", lambda: skrub.tabular_pipeline(Ridge()), "weather"),
    case(
        "tabular_pipeline, forest",
        lambda: skrub.tabular_pipeline(RandomForestRegressor(20, random_state=0)),
        "cars",
    ),
    case(
        "TableVectorizer, logistic regression",
        lambda: make_pipeline(_shallow(), StandardScaler(), LogisticRegression()),
        "heavy",
    ),
    case(
        "TableVectorizer, nothing for high cardinality",
        lambda: make_pipeline(_shallow(), skrub.SquashingScaler(), Ridge()),
        "whole_cars",
    ),
    case(
        "TableVectorizer, target encoder",
        lambda: make_pipeline(_shallow(low_cardinality=TargetEncoder()), StandardScaler(), Ridge()),
        "whole_cars",
    ),
    case(
        "TableVectorizer, ordinal encoder",
        lambda: make_pipeline(
            _shallow(
                low_cardinality=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
            ),
            HistGradientBoostingClassifier(max_iter=20),
        ),
        "penguins",
    ),
    case(
        "TableVectorizer, specific transformers",
        lambda: make_pipeline(
            skrub.TableVectorizer(
                specific_transformers=[
                    (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["engines"])
                ],
                high_cardinality="drop",
            ),
            HistGradientBoostingClassifier(max_iter=10),
        ),
        "planes_of_boeing",
    ),
    case(
        "Cleaner, then its own columns",
        lambda: make_pipeline(
            skrub.Cleaner(),
            skrub.ApplyToCols(
                OneHotEncoder(sparse_output=False, handle_unknown="ignore"), cols=s.string()
            ),
            skrub.ApplyToCols(StandardScaler(), cols=s.numeric()),
            LogisticRegression(),
        ),
        "heavy",
    ),
    case(
        "selected columns",
        lambda: make_pipeline(
            skrub.SelectCols(s.numeric() | ["origin"]),
            _shallow(),
            HistGradientBoostingClassifier(max_iter=10),
        ),
        "warm",
    ),
    case(
        "dropped columns",
        lambda: make_pipeline(
            skrub.DropCols(["model"]),
            skrub.TableVectorizer(),
            skrub.SquashingScaler(),
            HistGradientBoostingClassifier(max_iter=10),
        ),
        "planes_of_boeing",
    ),
    case(
        "string encoder",
        lambda: make_pipeline(
            skrub.SelectCols(["model", "manufacturer"]),
            skrub.TableVectorizer(
                cardinality_threshold=10, high_cardinality=skrub.StringEncoder(8)
            ),
            Ridge(),
        ),
        "planes",
    ),
    case(
        "string encoder by hashing",
        lambda: make_pipeline(
            skrub.SelectCols(["model"]),
            skrub.ApplyToCols(skrub.StringEncoder(5, vectorizer="hashing"), cols=["model"]),
            Ridge(),
        ),
        "planes",
    ),
    case(
        "MinHashEncoder",
        lambda: make_pipeline(
            skrub.TableVectorizer(high_cardinality=skrub.MinHashEncoder(n_components=5)),
            HistGradientBoostingClassifier(max_iter=10),
        ),
        "planes_of_boeing",
    ),
    case(
        "GapEncoder",
        lambda: make_pipeline(
            skrub.SelectCols(["model"]),
            skrub.TableVectorizer(high_cardinality=skrub.GapEncoder(5, random_state=0)),
            Ridge(),
        ),
        "planes",
    ),
    case(
        "times, circular",
        lambda: make_pipeline(
            skrub.TableVectorizer(
                datetime=skrub.DatetimeEncoder(periodic_encoding="circular", add_weekday=True)
            ),
            skrub.SquashingScaler(),
            HistGradientBoostingClassifier(max_iter=10),
        ),
        "warm",
    ),
    case(
        "times to the day",
        lambda: make_pipeline(
            skrub.SelectCols(["time_hour"]),
            skrub.ApplyToCols(
                skrub.DatetimeEncoder(
                    resolution="day", add_total_seconds=False, add_day_of_year=True
                )
            ),
            HistGradientBoostingClassifier(max_iter=10),
        ),
        "warm",
    ),
    case("dates as texts", lambda: skrub.tabular_pipeline("regressor"), "dated"),
    case("dates as texts, ridge", lambda: skrub.tabular_pipeline(Ridge()), "dated"),
    case(
        "tabular_pipeline, LightGBM",
        lambda: skrub.tabular_pipeline(LGBMRegressor(n_estimators=20, verbose=-1)),
        "cars",
    ),
    case("tabular_pipeline, XGBoost", lambda: skrub.tabular_pipeline(XGBRegressor()), "cars"),
    case("tabular_pipeline, an array", lambda: skrub.tabular_pipeline(Ridge()), "diabetes"),
    case(
        "tabular_pipeline, searched",
        lambda: GridSearchCV(
            skrub.tabular_pipeline(LogisticRegression()),
            {"logisticregression__C": [0.1, 1.0]},
            cv=3,
        ),
        "penguins",
    ),
    case("tabular_pipeline, truths", lambda: skrub.tabular_pipeline("classifier"), "female"),
    case("tabular_pipeline, of polars", lambda: skrub.tabular_pipeline("regressor"), "polars"),
]
