"""Why an estimator can't be packed as it is, and what to pack instead."""

from __future__ import annotations

from typing import Any

from podium.errors import SetupError


def refusing_rows(estimator: Any, error: Exception) -> SetupError:
    """The message for an estimator that raises this error for the given rows."""
    name, reason = type(estimator).__name__, str(error).strip().rstrip(".")
    if "NotFitted" in type(error).__name__:
        return SetupError(f"{name} isn't fitted: {reason}", hint="fit it, then pack it")
    return SetupError(
        f"{name} can't predict the given rows: {reason}",
        hint="pass X as the estimator was fitted on it: the same columns, in the same kind of table",
    )


def without_predict(estimator: Any) -> SetupError:
    """The message for an estimator, or its class, that can't predict new rows."""
    if isinstance(estimator, type):
        return SetupError(
            f"{estimator.__name__} is a class, not a fitted estimator",
            hint=f"pack a fitted instance: {estimator.__name__}(...).fit(X, y)",
        )
    last = _last(estimator)
    name = type(last).__name__
    where = f"{type(estimator).__name__} ends in {name}, which" if last is not estimator else name
    if getattr(last, "novelty", None) is False:
        hint = f"fit it for new rows: {name}(novelty=True)"
    elif _has(last, "transform"):
        hint = "put a model behind it in a Pipeline, or " + _function("transform")
    elif _has(last, "score_samples"):
        hint = _function("score_samples")
    elif hasattr(last, "labels_"):
        hint = _function("labels_")
    else:
        hint = _function("")
    return SetupError(f"{where} has no predict(), so it can't predict new rows", hint=hint)


def _function(method: str) -> str:
    """A function to pack in its place."""
    returns, body = {
        "transform": ("float", "float(fitted.transform([[a, b]])[0, 0])"),
        "score_samples": ("float", "float(fitted.score_samples([[a, b]])[0])"),
        "labels_": ("int", "int(nearest.predict([[a, b]])[0])"),
    }.get(method, ("float", "..."))
    before = "nearest = KNeighborsClassifier(1).fit(X, fitted.labels_)\n\n"
    return (
        "pack a function that predicts one row, as in\n\n"
        f"{before if method == 'labels_' else ''}"
        "@podium.model\n"
        f"def answer(a: float, b: float) -> {returns}:\n"
        f"    return {body}\n\n"
        "from its module: podium pack module:answer"
    )


def _last(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    return _last(steps[-1][1]) if isinstance(steps, list) and steps else estimator


def _has(model: Any, method: str) -> bool:
    return callable(getattr(model, method, None))
