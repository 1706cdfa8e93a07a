"""The steps of a pipeline that a prediction passes through, and the model at their end."""

from __future__ import annotations

from typing import Any


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
