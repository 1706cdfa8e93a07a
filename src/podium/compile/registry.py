"""The exporter of each estimator: found by the name of its class, without importing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol

from podium.compile.builder import Builder, ModelExporter, TransformerExporter
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.own_code.exporter import is_own, transformer
from podium.compile.own_code.models import model
from podium.compile.own_code.nested import METHODS
from podium.compile.own_code.watch import is_own_class
from podium.plugins import load

# The modules with the exporters of each package's classes; in each, TRANSFORMERS and MODELS are those by
# class name. Only those of the packages that a model has are imported.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "catboost": ("catboost",),
    "category_encoders": ("category_encoders",),
    "feature_engine": (
        "feature_engine.creation",
        "feature_engine.discretisers",
        "feature_engine.encoders",
        "feature_engine.imputers",
        "feature_engine.numbers",
        "feature_engine.selection",
        "feature_engine.texts",
        "feature_engine.times",
        "pipeline",
    ),
    "imblearn": ("imbalanced",),
    "interpret": ("interpret",),
    "lightgbm": ("lightgbm",),
    "mlxtend": ("mlxtend",),
    "podium": ("conformal", "intervals", "multiclass", "statsmodels"),
    "sklearn": (
        "bayes",
        "boosting",
        "calibration",
        "cluster",
        "decomposition",
        "dummies",
        "encoders",
        "ensemble",
        "feature_maps",
        "generalized",
        "imputers",
        "linear",
        "manifold",
        "multiclass",
        "neighbors",
        "neural",
        "outliers",
        "pipeline",
        "preprocess",
        "processes",
        "scalers",
        "selection",
        "semi_supervised",
        "sparse_coding",
        "svm",
        "text",
        "topics",
        "trees",
        "wrappers",
    ),
    "sklego": ("pipeline", "sklego", "sklego_groups", "sklego_models"),
    "skorch": ("skorch",),
    "skrub": ("skrub.columns", "skrub.encoders", "skrub.tables"),
    "statsmodels": ("statsmodels",),
    "xgboost": ("xgboost",),
}
GROUP = "exporters"


class Exporter(Protocol):
    """What a package registers in `podium.exporters` under the name of the exported class.

    The name consists of the top package and the class, as in `sklearn.Ridge`.
    """

    def __call__(self, estimator: Any, build: Builder, x: Features) -> Features | Fitted:
        """The columns that a transformer computes from `x`, or a model's predictions for it.

        Raises:
            NotCompiled: it can't be exported with this configuration.
        """
        ...


def class_name(estimator: Any) -> str:
    """The top package of the estimator's class, and its name: `sklearn.Ridge`."""
    return _name_of(type(estimator))


def _name_of(kind: type) -> str:
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


def transformer_of(estimator: Any) -> TransformerExporter:
    """The exporter of a transformer.

    Raises:
        NotCompiled: there is none.
    """
    exporter = _exporter(estimator, "TRANSFORMERS")
    if exporter is not None:
        return exporter
    if class_name(estimator) in _registered() or not is_own(estimator, "transform"):
        return _foreign(estimator, tuple, "transforms")
    return transformer


def model_of(estimator: Any) -> ModelExporter:
    """The exporter of a model.

    Raises:
        NotCompiled: there is none.
    """
    exporter = _exporter(estimator, "MODELS")
    if exporter is not None:
        return exporter
    if class_name(estimator) in _registered() or not is_own(estimator, "predict"):
        return _foreign(estimator, Fitted, "predicts")
    return model


def _exporter(estimator: Any, kind: str) -> Callable[[Any, Builder, Features], Any] | None:
    """The exporter of ours for an estimator's class; None if there is none.

    One's own class that leaves a library's methods as they are is exported as the library's.
    """
    for cls in type(estimator).__mro__:
        exporter = _exporter_of(_name_of(cls), kind)
        if exporter is not None:
            return exporter
        if not is_own_class(type(estimator)) or not vars(cls).keys().isdisjoint(METHODS):
            return None
    return None


def _exporter_of(name: str, kind: str) -> Callable[[Any, Builder, Features], Any] | None:
    for family in FAMILIES.get(name.partition(".")[0], ()):
        module = import_module(f"podium.compile.exporters.{family}")
        exporter: Callable[[Any, Builder, Features], Any] | None = getattr(module, kind, {}).get(
            name
        )
        if exporter is not None:
            return exporter
    return None


def _registered() -> set[str]:
    """The classes that other packages have exporters for."""
    return {point.name for point in entry_points(group=f"podium.{GROUP}")}


def _foreign(estimator: Any, kind: type, does: str) -> Callable[[Any, Builder, Features], Any]:
    """The exporter of another package."""
    name = class_name(estimator)
    if name not in _registered():
        raise NotCompiled(f"no exporter is known for {name}")
    exporter: Exporter = load(GROUP, name)

    def export(estimator: Any, build: Builder, x: Features) -> Any:
        exported = exporter(estimator, build, x)
        if not isinstance(exported, kind):
            raise NotCompiled(f"the exporter of {name} doesn't export how it {does}")
        return exported

    return export
