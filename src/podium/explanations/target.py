"""Where a program has the number that is explained, before a link bends it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from podium.explanations.explanation import Link as LinkName
from podium.explanations.number import Number
from podium.program.arrays import Floats
from podium.program.operations import Above, Join, Largest, Link, Pair
from podium.program.plan import Plan


class Target(NamedTuple):
    """A weighted sum of a register's columns.

    Attributes:
        link: what the sum is.
        is_answer: whether it is the number that the model returns.
    """

    register: int
    weights: Floats
    link: LinkName
    is_answer: bool = False


def target_of(plan: Plan, number: Number) -> Target | None:
    """The target of a number; None if the program has none that could be a sum."""
    answer = plan.answers[number.output]
    shapes = plan.check()
    if number.label is None:
        if plan.scores is not None:
            return Target(plan.scores, np.ones(1), "identity", is_answer=True)
        last = plan.operations[answer.register]
        weights = _unit(shapes.any(answer.register).width, answer.column)
        if isinstance(last, Link) and last.function == "exp":
            return Target(last.x, weights, "log")
        return Target(answer.register, weights, "identity", is_answer=True)
    if plan.probabilities is not None:
        register, label = _share(plan, plan.probabilities, number.output, number.label)
        return None if register is None else _of_probability(plan, register, label)
    last = plan.operations[answer.register]
    if isinstance(last, Above):
        return Target(last.x, np.array([1.0 if number.label else -1.0]), "identity")
    if isinstance(last, Largest):
        return Target(last.x, _contrast(shapes.any(last.x).width, number.label), "identity")
    return None


def _share(plan: Plan, register: int, output: int, label: int) -> tuple[int | None, int]:
    """The register and column of a class; none if a plan doesn't say which outputs share it."""
    if len(plan.answers) == 1:
        return register, label
    joined = plan.operations[register]
    with_classes = [place for place, one in enumerate(plan.answers) if one.classes is not None]
    if isinstance(joined, Join) and len(joined.xs) == len(with_classes):
        return joined.xs[with_classes.index(output)], label
    return None, label


def _of_probability(plan: Plan, register: int, label: int) -> Target:
    """The log-odds of a class where they are in the program, else its probability."""
    last = plan.operations[register]
    if isinstance(last, Link) and last.function == "softmax":
        width = plan.check().any(register).width
        return Target(last.x, _contrast(width, label), "log-odds")
    if isinstance(last, Pair):
        inner = plan.operations[last.x]
        if isinstance(inner, Link) and inner.function == "sigmoid":
            return Target(inner.x, np.array([1.0 if label else -1.0]), "log-odds")
    weights = _unit(plan.check().any(register).width, label)
    return Target(register, weights, "probability", is_answer=True)


def _unit(width: int, at: int) -> Floats:
    weights = np.zeros(width)
    weights[at] = 1.0
    return weights


def _contrast(width: int, label: int) -> Floats:
    """A class against the mean of the others: what all of them gain changes no probability."""
    weights = np.full(width, -1.0 / max(width - 1, 1))
    weights[label] = 1.0
    return weights
