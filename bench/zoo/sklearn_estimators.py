"""Every estimator of scikit-learn that predicts, or from whose columns a simple model predicts.

With the parameters that scikit-learn's own tests give it, on real data that it accepts. Estimators
that say nothing about rows which training didn't see have no place here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from bench.zoo.case import Case
from bench.zoo.data import rows_of
from sklearn import datasets
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import INIT_PARAMS

# Of truths, of images, of distances between all rows: no step of a model that takes rows of a table.
WITHOUT_ROWS = (
    "KNeighborsTransformer",
    "KernelCenterer",
    "LabelBinarizer",
    "LabelEncoder",
    "MultiLabelBinarizer",
    "PLSSVD",
    "PatchExtractor",
    "RadiusNeighborsTransformer",
)
TITLE = "scikit-learn's own estimators, with the parameters of its tests"
# Two classes and 30 columns, three and 4; a number.
OF_CLASSES = ("iris", "breast_cancer")
OF_NUMBERS = ("diabetes", "alcohol")
SEVERAL = ("linnerud",)
TEXTS = ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")
RADII = ("RadiusNeighborsClassifier", "RadiusNeighborsRegressor")


def _texts() -> tuple[Any, Any]:
    """Lines of the descriptions of some data sets, and which one each is about."""
    names = ("iris", "wine", "breast_cancer", "diabetes")
    pages = {name: getattr(datasets, f"load_{name}")().DESCR.splitlines() for name in names}
    lines = [(line, name) for name in names for line in pages[name] if line.count(" ") > 3]
    texts, about = zip(*lines, strict=True)
    return list(texts), list(about)


def _alcohol() -> tuple[Any, Any]:
    """A wine's share of alcohol from what else is known of it."""
    X, _ = rows_of("wine")
    return X.drop(columns="alcohol"), X["alcohol"]


def _penguins() -> tuple[Any, Any]:
    """Labels without gaps."""
    X, y = rows_of("penguins")
    return X[["island", "sex"]].fillna("unknown"), y


def _whole() -> tuple[Any, Any]:
    """Flowers in whole centimetres."""
    X, y = rows_of("iris")
    return np.rint(X).astype(int), y


def _gaps() -> tuple[Any, Any]:
    """Penguins' numbers, some of them missing."""
    X, y = rows_of("penguins")
    return X.select_dtypes("number"), y


def _measured() -> tuple[Any, Any]:
    X, y = rows_of("penguins")
    return X.dropna().to_dict("records"), y[X.notna().all(axis=1)].tolist()


def _shuffled() -> tuple[Any, Any]:
    """Flowers in no order, as 0, 1 and 2: the first few are of every kind."""
    X, y = datasets.load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


def _linnerud_labels() -> tuple[Any, Any]:
    """Two labels of each: whether someone is above the median."""
    X, y = rows_of("linnerud")
    return X, (y > y.median()).iloc[:, :2].astype(int)


SPECIAL: dict[str, Callable[[], tuple[Any, Any]]] = {
    "alcohol": _alcohol,
    "dicts": _measured,
    "gaps": _gaps,
    "labels": _penguins,
    "shuffled": _shuffled,
    "texts": _texts,
    "two labels": _linnerud_labels,
    "whole": _whole,
}
# Where the usual data doesn't fit.
DATA_OF = {
    "CategoricalNB": ("whole",),
    "ClassifierChain": ("two labels",),
    "DictVectorizer": ("dicts",),
    "FeatureHasher": ("dicts",),
    "FixedThresholdClassifier": ("breast_cancer",),
    "HalvingGridSearchCV": ("shuffled",),
    "HalvingRandomSearchCV": ("shuffled",),
    "IsotonicRegression": ("one column",),
    "KNNImputer": ("gaps",),
    "LabelPropagation": ("iris", "shuffled"),
    "LabelSpreading": ("iris", "shuffled"),
    "MissingIndicator": ("gaps",),
    "MultiOutputClassifier": ("two labels",),
    "OneHotEncoder": ("labels",),
    "OrdinalEncoder": ("labels",),
    "QuadraticDiscriminantAnalysis": ("iris", "wine"),
    "SelectFromModel": ("diabetes",),
    "SimpleImputer": ("gaps",),
    "TargetEncoder": ("labels",),
    "TfidfTransformer": ("texts",),
    "TunedThresholdClassifierCV": ("breast_cancer",),
}


def _rows(name: str) -> tuple[Any, Any]:
    if name == "one column":
        X, y = rows_of("diabetes")
        return X[:, 2:3], y
    return SPECIAL[name]() if name in SPECIAL else rows_of(name)


def _instances() -> Iterator[Any]:
    """As scikit-learn's own tests construct them."""
    for name, kind in all_estimators():
        if name in WITHOUT_ROWS:
            continue
        sets = INIT_PARAMS.get(kind, {})
        if kind is FrozenEstimator:
            sets = {"estimator": LogisticRegression()}
        for params in sets if isinstance(sets, list) else [sets]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield kind(**params)


def _predicts(estimator: Any) -> bool:
    """Whether it has the method, be it only once it is fitted."""
    return hasattr(estimator, "predict") or type(estimator).__name__.startswith("Stacking")


def _model(estimator: Any, name: str, data: str) -> Any:
    """The estimator, or a pipeline of it and a simple model; not fitted yet."""
    one = _set_up(clone(estimator) if name != "FrozenEstimator" else estimator, name)
    if name == "SparseCoder":
        one.set_params(dictionary=np.random.default_rng(0).normal(size=(5, _width(data))))
    if name == "TfidfTransformer":
        one = make_pipeline(CountVectorizer(), one)
    if _predicts(one):
        return one
    last = Ridge() if data in OF_NUMBERS else LogisticRegression(max_iter=500)
    positive = name in ("AdditiveChi2Sampler", "SkewedChi2Sampler", "BernoulliRBM")
    needs = positive or getattr(one.__sklearn_tags__().input_tags, "positive_only", False)
    steps = [MinMaxScaler(clip=True)] if needs and data != "texts" else []
    return make_pipeline(*steps, one, last)


def _width(data: str) -> int:
    return int(np.shape(_rows(data)[0])[1])


def _set_up(one: Any, name: str) -> Any:
    """What the data needs that the tests' toys don't; and the same numbers at each run."""
    if "random_state" in one.get_params():
        one.set_params(random_state=0)
    if name in RADII:
        one.set_params(radius=500.0)
    if name == "HashingVectorizer":
        one.set_params(n_features=256)
    if name == "LocalOutlierFactor":
        one.set_params(novelty=True)
    return one


def _data_of(estimator: Any, name: str) -> tuple[str, ...]:
    if name in DATA_OF:
        return DATA_OF[name]
    if _is_precomputed(estimator):
        return ("iris",) if is_classifier(estimator) else ("diabetes",)
    if name in TEXTS:
        return ("texts",)
    if is_regressor(estimator):
        has_several = name.startswith("Multi") or name in ("CCA", "PLSCanonical", "RegressorChain")
        return SEVERAL if has_several else OF_NUMBERS
    if is_classifier(estimator):
        return OF_CLASSES
    return ("iris", "alcohol") if _predicts(estimator) else ("iris", "diabetes")


def _is_precomputed(estimator: Any) -> bool:
    return "precomputed" in (getattr(estimator, "metric", ""), getattr(estimator, "kernel", ""))


def _fitted(estimator: Any, name: str, data: str) -> tuple[Any, Any]:
    X, y = _rows(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _model(estimator, name, data)
        if _is_precomputed(estimator):
            X, y = np.abs(np.asarray(X, float))[::3], y[::3]
            X = X @ X.T
        if name == "FrozenEstimator":
            model.estimator.fit(X, y)
        return model.fit(X, y), X


def _cases() -> Iterator[Case]:
    seen: dict[str, int] = {}
    for estimator in _instances():
        name = type(estimator).__name__
        if not _predicts(_set_up(estimator, name)) and not hasattr(estimator, "transform"):
            continue
        for data in _data_of(estimator, name):
            title = f"{name} on {data}"
            seen[title] = seen.get(title, 0) + 1
            number = f" {seen[title]}" if seen[title] > 1 else ""
            yield Case(f"{title}{number}", partial(_fitted, estimator, name, data))


CASES = list(_cases())
