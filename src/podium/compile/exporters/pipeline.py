"""Pipelines, unions and column transformers."""

from __future__ import annotations

from typing import Any

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.runtimes.steps import steps_of


def pipeline(estimator: Any, build: Builder, x: Features) -> Features:
    """One step after another."""
    for name, step in steps_of(estimator):
        x = _step(step, build, x, name)
    return x


def pipeline_model(estimator: Any, build: Builder, x: Features) -> Fitted:
    """The last step is the model."""
    *steps, (last_name, last) = steps_of(estimator)
    for name, step in steps:
        x = _step(step, build, x, name)
    if last is None or isinstance(last, str):
        raise NotCompiled("its last step isn't a model")
    return build.model(last, x, last_name)


def column_transformer(estimator: Any, build: Builder, x: Features) -> Features:
    """The columns of each transformer, then the remainder as configured."""
    # The public attribute may hold names, slices, masks or callables; this one has them resolved.
    indices: dict[str, list[int]] = estimator._transformer_to_input_indices  # noqa: SLF001 - above
    weights = estimator.transformer_weights or {}
    parts: list[Features] = []
    for name, step, _ in estimator.transformers_:
        columns = tuple(x[int(i)] for i in indices.get(name, []))
        if columns and not _is_dropped(step):
            parts.append(_weighted(build, _step(step, build, columns, name), weights.get(name)))
    return tuple(column for part in parts for column in part)


def feature_union(estimator: Any, build: Builder, x: Features) -> Features:
    """Each transformer's columns, side by side."""
    weights = estimator.transformer_weights or {}
    return tuple(
        column
        for name, step in estimator.transformer_list
        if not _is_dropped(step)
        for column in _weighted(build, _step(step, build, x, name), weights.get(name))
    )


def _is_dropped(step: Any) -> bool:
    return isinstance(step, str) and step == "drop"


def _weighted(build: Builder, x: Features, weight: float | None) -> Features:
    if weight is None:
        return x
    return build.features(build.scale(build.matrix(x), multiply=weight))


def _step(step: Any, build: Builder, x: Features, name: str) -> Features:
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return x
    return build.transform(step, x, name)


TRANSFORMERS = {
    "feature_engine.Pipeline": pipeline,
    "sklearn.ColumnTransformer": column_transformer,
    "sklearn.FeatureUnion": feature_union,
    "sklearn.Pipeline": pipeline,
    "sklego.DebugPipeline": pipeline,
}
MODELS = {
    "feature_engine.Pipeline": pipeline_model,
    "sklearn.Pipeline": pipeline_model,
    "sklego.DebugPipeline": pipeline_model,
}
