"""Models of one's own classes: what their code makes of a row, and of other models' predictions."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.own_code.exporter import recorded_by
from podium.compile.own_code.frames import Frame
from podium.compile.own_code.labels import Labels
from podium.compile.own_code.tables import with_tables
from podium.compile.own_code.values import Numbers
from podium.compile.registers import Codes
from podium.program.operations import Above, Indicate, Largest
from podium.runtimes.sklearn import task_of
from podium.signature import Label


def model(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A model of a class that nobody knows, by its `predict`, `predict_proba` and scores.

    Raises:
        NotCompiled: its code can't be recorded; with the line where.
    """
    apart = with_tables(copy(estimator))  # whatever its code keeps for itself isn't kept
    predicted = _recorded(apart, "predict", build, x)
    shares, scores = _beside(apart, build, x)
    if isinstance(predicted, Frame):
        predicted = predicted.to_numpy()
    classes = _classes(estimator, build, predicted)
    if classes is None:
        if not isinstance(predicted, Numbers):
            raise NotCompiled("its `predict` doesn't return numbers or labels made of the rows")
        return Fitted(values=predicted.register, scores=scores)
    index = _index(build, predicted, classes)
    return Fitted(index=index, classes=classes, probabilities=shares, scores=scores)


def _recorded(apart: Any, name: str, build: Builder, x: Features) -> Any:
    """What a method returns; the models that it calls are reported once."""
    n_steps = len(build.steps)
    known = {step.name for step in build.steps}
    found = recorded_by(build, x, apart, _call_of(apart, name))
    build.steps[n_steps:] = [step for step in build.steps[n_steps:] if step.name not in known]
    return found


def _call_of(apart: Any, name: str) -> Callable[[Any], Any]:
    def call(rows: Any) -> Any:
        method = getattr(apart, name)  # while it is recorded: it may be a library's
        return method(rows)

    return call


def _beside(apart: Any, build: Builder, x: Features) -> tuple[int | None, int | None]:
    """The registers of its probabilities and scores, where the signature has these."""
    outputs = build.signature.outputs
    shares = scores = None
    if hasattr(apart, "predict_proba") and any(one.has_probabilities for one in outputs):
        shares = _numbers(_recorded(apart, "predict_proba", build, x), "predict_proba", 2)
    if hasattr(apart, "decision_function") and any(one.score for one in outputs):
        scores = _numbers(_recorded(apart, "decision_function", build, x), "decision_function", 1)
    return shares, scores


def _numbers(found: Any, name: str, ndim: int) -> int:
    if isinstance(found, Frame):
        found = found.to_numpy()
    if not isinstance(found, Numbers) or found.ndim != ndim:
        raise NotCompiled(f"its `{name}` doesn't return numbers made of the rows")
    return found.register


def _classes(estimator: Any, build: Builder, predicted: Any) -> tuple[Label, ...] | None:
    """Its labels; None if it predicts numbers."""
    if hasattr(estimator, "classes_"):
        return classes_of(estimator)
    output = build.signature.outputs[0]
    is_of_signature = len(build.signature.outputs) == 1 and output.classes
    if is_of_signature and (task_of(estimator) != "regression" or _are_truths(predicted)):
        return output.classes
    return (False, True) if _are_truths(predicted) else None


def _are_truths(predicted: Any) -> bool:
    return isinstance(predicted, Numbers) and predicted.kind == "boolean"


def _index(build: Builder, predicted: Any, classes: tuple[Label, ...]) -> int:
    """The place of each predicted label among the classes; another label is refused."""
    if not isinstance(predicted, (Numbers, Labels)) or predicted.ndim != 1:
        raise NotCompiled("its `predict` doesn't return a label for each row")
    if isinstance(predicted, Numbers) and classes == (False, True) and _are_truths(predicted):
        return build.add(Above(predicted.register, 0.5))
    places = {label: float(place) for place, label in enumerate(classes)}
    codes = build.codes(predicted.columns_of_plan, [Codes(places)])
    if len(classes) == 2:
        return build.add(Above(codes, 0.5))
    return build.add(Largest(build.add(Indicate(codes, np.zeros(1, np.int32), len(classes)))))
