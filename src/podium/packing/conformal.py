"""Conformal models of MAPIE: their intervals as outputs, their point predictions as a model's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from podium.errors import SetupError
from podium.packing.boosters import Booster
from podium.runtimes.conformal import ConformalModel

_SETS = (
    "Its sets of labels aren't outputs: the model inside answers with its class and probabilities."
)


def is_conformal(model: Any) -> bool:
    """Whether it is a conformal model of MAPIE."""
    return type(model).__module__.startswith("mapie.") and hasattr(model, "predict")


def predicting(model: Any, rows: Any, intervals: float | None) -> Booster:
    """The model as it is packed.

    Args:
        rows: of the training data.
        intervals: one of the confidence levels that the model was made with; None for no intervals.

    Raises:
        SetupError: it has no such level.
    """
    inner = _inner(model)
    if intervals is None:
        if hasattr(model, "predict_set") and inner is not None:
            return Booster(inner, (_SETS,), is_changed=True)
        return Booster(model if inner is None else inner)
    levels = _levels(model)
    if not hasattr(model, "predict_interval") or intervals not in levels:
        known = ", ".join(map(str, levels)) or "none"
        raise SetupError(
            f"{type(model).__name__} has no intervals of {intervals!r}",
            hint=f"those it was made with (confidence_level): {known}",
        )
    conformal = ConformalModel(model, levels.index(intervals))
    conformal.half_width = _half_width(conformal, rows) if inner is not None else None
    conformal.inner = inner if conformal.half_width is not None else None
    return Booster(conformal, is_changed=True)


def _inner(model: Any) -> Any:
    """The fitted model whose predictions a split model passes on; None if several are combined."""
    if not type(model).__name__.startswith("Split"):
        return None
    for name in ("_mapie_regressor", "_mapie_classifier"):
        ensemble = getattr(getattr(model, name, None), "estimator_", None)
        if ensemble is not None:
            return getattr(ensemble, "single_estimator_", None)
    return None


def _levels(model: Any) -> list[float]:
    alphas = getattr(model, "_alphas", None)
    alphas = [model._alpha] if alphas is None and hasattr(model, "_alpha") else alphas  # noqa: SLF001
    return [round(1 - float(alpha), 12) for alpha in alphas or ()]


def _half_width(model: ConformalModel, rows: Any) -> float | None:
    """How far each bound is from the prediction, if it is as far in all rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.predict(rows)
    middle, low, high = found.T
    halves = np.concatenate([middle - low, high - middle])
    half = float(np.median(halves))
    scale = max(abs(half), float(np.abs(middle).max(initial=0.0)))
    return (
        half
        if np.isfinite(half) and np.allclose(halves, half, rtol=0, atol=1e-13 * scale)
        else None
    )
