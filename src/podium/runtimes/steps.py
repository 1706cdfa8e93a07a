"""The steps of a pipeline that a prediction passes through, and the model at their end."""

from __future__ import annotations

from typing import Any

# Their models never change the rows that they predict.
_LIBRARIES = ("sklearn", "xgboost", "lightgbm", "catboost")
_PIPELINES = {("sklearn.pipeline", "Pipeline"), ("imblearn.pipeline", "Pipeline")}


def steps_of(estimator: Any) -> list[tuple[str, Any]]:
    """The names and steps of a fitted pipeline, without samplers; none if it isn't a pipeline.

    The samplers of imbalanced-learn change the training rows only: see its `Pipeline._iter`.
    """
    steps = getattr(estimator, "steps", None)
    if not isinstance(steps, list):
        return []
    return [(name, step) for name, step in steps if not hasattr(step, "fit_resample")]


def model_in(estimator: Any) -> Any:
    """The model at the end of pipelines and searches."""
    if steps := steps_of(estimator):
        return model_in(steps[-1][1])
    best = getattr(estimator, "best_estimator_", None)
    return estimator if best is None else model_in(best)


def past_steps(estimator: Any, rows: Any) -> tuple[Any, Any]:
    """The model at the end of a pipeline, and the rows as they reach it.

    Its predictions and its probabilities then cost one transformation, and not one each. The
    estimator and the rows are returned as they are if another class could do more than that.
    """
    model = type(estimator)
    if model.__module__.startswith("sklearn.model_selection._search"):
        return past_steps(estimator.best_estimator_, rows)
    is_pipeline = (model.__module__, model.__name__) in _PIPELINES
    if not is_pipeline or not _is_of_library(estimator.steps[-1][1]):
        return estimator, rows
    *steps, (_, last) = steps_of(estimator)
    for _, step in steps:
        if step is not None and not isinstance(step, str):  # "passthrough"
            rows = step.transform(rows)
    return past_steps(last, rows)


def _is_of_library(model: Any) -> bool:
    return type(model).__module__.partition(".")[0] in _LIBRARIES


def is_network(estimator: Any) -> bool:
    """Whether a network of skorch predicts, also behind steps and with transformed targets."""
    inner = getattr(estimator, "regressor_", None)
    bases = type(model_in(estimator if inner is None else inner)).__mro__
    return any(one.__module__.startswith("skorch.") for one in bases)
