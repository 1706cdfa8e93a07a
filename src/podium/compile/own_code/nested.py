"""Fitted estimators that one's own code calls: with recorded data they are exported, not run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import wraps
from typing import Any

import numpy as np

from podium.compile.exporters.inverses import inverted
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.own_code.frames import Frame
from podium.compile.own_code.labels import Labels, named
from podium.compile.own_code.recorded import Recorded, Untraceable
from podium.compile.own_code.series import series_of
from podium.compile.own_code.tables import chosen
from podium.compile.own_code.values import Numbers
from podium.compile.own_code.watch import is_own_class, unwatched
from podium.compile.registers import Codes
from podium.program.operations import Link, Lookup

METHODS = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function"),
    *("transform", "inverse_transform"),
)
# Their transformers return frames for frames, whatever scikit-learn is set to.
_FRAMES_FOR_FRAMES = ("category_encoders", "feature_engine", "skrub")


@contextmanager
def exported_estimators() -> Iterator[None]:
    """Meanwhile, methods of libraries' estimators export them where they get recorded data.

    Calls with anything else are passed on. They are changed in their classes, so that it doesn't
    matter where one's own code keeps an estimator, nor whether it calls `super()`.
    """
    changes = [
        (cls, name, vars(cls)[name]) for cls in _classes() for name in METHODS if name in vars(cls)
    ]
    try:
        for cls, name, original in changes:
            setattr(cls, name, _Method(original, name))
        yield
    finally:
        for cls, name, original in changes:
            setattr(cls, name, original)


def _classes() -> set[type]:
    """Classes of estimators that libraries define, with their bases."""
    bases = (("sklearn.base", "BaseEstimator"), ("catboost", "CatBoost"))
    queue = [getattr(sys.modules[m], name) for m, name in bases if m in sys.modules]
    found: set[type] = set()
    while queue:
        cls = queue.pop()
        found.update(base for base in cls.__mro__ if base is not object)
        queue += cls.__subclasses__()
    return {cls for cls in found if not is_own_class(cls)}


class _Method:
    """In place of a method of a library's class."""

    def __init__(self, original: Any, name: str) -> None:
        self._original, self._name = original, name

    def __get__(self, estimator: Any, owner: Any = None) -> Any:
        method = self._original.__get__(estimator, owner)  # raises where it isn't available
        return method if estimator is None else _either(estimator, method, self._name)


def _either(estimator: Any, method: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        rest = dict(options)
        rows = args[0] if args else rest.pop("X", None)
        if not isinstance(rows, Recorded):
            return method(*args, **options)
        if any(one is not None for one in (*args[1:], *rest.values())):
            raise Untraceable(f"it calls `{name}` of a fitted estimator with more than the rows")
        with unwatched():
            return _called(estimator, name, rows)

    return call


def _called(estimator: Any, name: str, rows: Any) -> Any:
    if not hasattr(rows, "build"):
        raise Untraceable(f"it passes a {rows.noun} to a fitted estimator")
    if type(estimator).__name__ == "LabelEncoder":
        return _of_labels(estimator, name, rows)
    of_library = _of_library(estimator, name)
    if name == "inverse_transform":
        return _inverted(of_library, rows)
    x = _columns(estimator, rows)
    if name == "transform":
        return _transformed(of_library, rows, x)
    fitted = rows.build.model(of_library, x)
    if fitted.outputs:
        raise Untraceable(f"it calls `{name}` of a model with several outputs")
    return _PREDICTED[name](rows.build, fitted)


def _of_library(estimator: Any, name: str) -> Any:
    """The estimator as one of the library's class, where one's own class calls `super()`."""
    if not is_own_class(type(estimator)):
        return estimator
    kinds = type(estimator).__mro__
    found = copy(estimator)
    found.__class__ = next(k for k in kinds if not is_own_class(k) and hasattr(k, name))
    return found


def _columns(estimator: Any, rows: Any) -> Features:
    """The columns that the estimator takes, in the order in which it was fitted."""
    names = getattr(estimator, "feature_names_in_", None)
    if isinstance(rows, Frame) and names is not None and set(names) <= rows.series.keys():
        rows = rows.selected(names)
    x: Features = rows.columns_of_plan
    n_expected = getattr(estimator, "n_features_in_", len(x))
    if len(x) != n_expected:
        kind = type(estimator).__name__
        raise Untraceable(f"{kind} was fitted with {n_expected} columns and gets {len(x)}")
    if isinstance(rows, Numbers) and rows.ndim != 2:
        raise Untraceable("it passes a single column to a fitted estimator")
    return x


def _transformed(estimator: Any, rows: Any, x: Features) -> Any:
    """What a transformer returns: an array, or a frame where it is set to that."""
    build = rows.build
    after = build.transform(estimator, x)
    is_array = not _returns_frames(estimator, rows)
    is_plain = all(build.is_number(column) for column in after)
    if is_array and is_plain:
        return Numbers(build, build.matrix(after), "float", ndim=2)
    names = range(len(after)) if is_array else estimator.get_feature_names_out()
    pairs = zip(names, after, strict=True)
    found = {name: series_of(build, column) for name, column in pairs}
    return Frame(found, build=build, is_array=is_array)


def _inverted(estimator: Any, rows: Any) -> Numbers:
    """What was transformed into these numbers."""
    if not isinstance(rows, Numbers) or rows.ndim != 2:
        raise Untraceable("it passes something else than an array to `inverse_transform`")
    return rows.like(inverted(estimator, rows.build, rows.register), "float", is_pandas=False)


def _of_labels(encoder: Any, name: str, rows: Any) -> Any:
    """The codes of a column of labels, or the labels of a column of codes; others are refused."""
    if not isinstance(rows, (Numbers, Labels)) or rows.ndim != 1:
        raise Untraceable("it passes something else than a column to a LabelEncoder")
    if name == "inverse_transform":
        return chosen(np.asarray(encoder.classes_), rows)
    codes = {label: float(code) for code, label in enumerate(classes_of(encoder))}
    return Numbers(rows.build, rows.build.codes(rows.columns_of_plan, [Codes(codes)]), "integer")


def _returns_frames(estimator: Any, rows: Any) -> bool:
    if type(estimator).__module__.partition(".")[0] in _FRAMES_FOR_FRAMES:
        return isinstance(rows, Frame)
    config = getattr(estimator, "_sklearn_output_config", {}).get("transform")
    if config is None and "sklearn" in sys.modules:
        config = sys.modules["sklearn"].get_config().get("transform_output")
    return config not in (None, "default")


def _labels(build: Any, fitted: Fitted) -> Any:
    """What `predict` returns."""
    if fitted.index is None:
        values = _present(fitted.values, "predictions")
        return Numbers(build, values, "float", ndim=1 if build.width(values) == 1 else 2)
    classes = fitted.classes or ()
    if all(isinstance(label, str) for label in classes):
        places = build.add(Lookup(fitted.index, np.arange(float(len(classes)))[:, None]))
        return named(Numbers(build, places, "integer"), [str(c) for c in classes], is_filled=True)
    if not all(isinstance(label, (bool, int, float)) for label in classes):
        raise Untraceable("a fitted estimator predicts texts and numbers")
    table = np.array([[float(label)] for label in classes])
    kind = np.asarray(classes).dtype.kind
    name: Any = "boolean" if kind == "b" else "integer" if kind in "iu" else "float"
    return Numbers(build, build.add(Lookup(fitted.index, table)), name)


def _shares(build: Any, fitted: Fitted) -> Numbers:
    return Numbers(build, _present(fitted.probabilities, "probabilities"), "float", ndim=2)


def _scores(build: Any, fitted: Fitted) -> Numbers:
    scores = _present(fitted.scores, "decision function")
    return Numbers(build, scores, "float", ndim=1 if build.width(scores) == 1 else 2)


def _log_shares(build: Any, fitted: Fitted) -> Numbers:
    shares = _shares(build, fitted)
    return shares.like(build.add(Link(shares.register, "log")), "float")


def _present(register: int | None, what: str) -> int:
    if register is None:
        raise NotCompiled(f"the {what} of a nested model can't be exported")
    return register


_PREDICTED: dict[str, Callable[[Any, Fitted], Any]] = {
    "predict": _labels,
    "predict_proba": _shares,
    "predict_log_proba": _log_shares,
    "decision_function": _scores,
}
