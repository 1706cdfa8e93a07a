"""Support vector machines, and regression by a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from podium.compile.builder import Builder
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.labels import classes_of
from podium.program.operations import (
    Above,
    Finite,
    Kernel,
    Largest,
    Link,
    Lookup,
    Matmul,
    Select,
    Total,
)
from podium.program.operations.kernels import KernelName

KERNELS: dict[str, KernelName] = {
    "linear": "linear",
    "poly": "poly",
    "polynomial": "poly",
    "rbf": "rbf",
    "sigmoid": "sigmoid",
    "laplacian": "laplacian",
    "cosine": "cosine",
}


def machine_regressor(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A weighted sum of how alike the row is to each support vector."""
    weights = np.asarray(estimator.dual_coef_, np.float64).T
    bias = np.asarray(estimator.intercept_, np.float64).reshape(1)
    return Fitted(values=build.add(Matmul(_alike(estimator, build, x), weights, bias)))


def machine_classifier(estimator: Any, build: Builder, x: Features) -> Fitted:
    """One machine a pair of classes: most votes win, the first of equals."""
    if estimator.probability is True:
        raise NotCompiled("its probabilities are found by iteration; use CalibratedClassifierCV")
    classes = classes_of(estimator)
    alike = _alike(estimator, build, x)
    bias = np.asarray(estimator.intercept_, np.float64)
    if len(classes) == 2:
        weights = np.asarray(estimator.dual_coef_, np.float64).T
        scores = build.add(Matmul(alike, weights, bias))
        # The library looks at the sign for the first class: 0 goes to the second.
        index = build.add(Above(scores, 0.0, or_equal=True))
        return Fitted(index=index, classes=classes, scores=scores)
    if estimator.break_ties and estimator.decision_function_shape == "ovr":
        raise NotCompiled("it breaks ties by confidence")
    decisions = build.add(Matmul(alike, _pair_weights(estimator, len(classes)), bias))
    index, votes = _voted(build, decisions, len(classes))
    if estimator.decision_function_shape != "ovr":
        return Fitted(index=index, classes=classes)
    by_class = _by_class(build, decisions, votes, len(classes))
    return Fitted(index=index, classes=classes, scores=by_class)


def one_class_machine(estimator: Any, build: Builder, x: Features) -> Fitted:
    """Inside where the sum is above 0."""
    fitted = machine_regressor(estimator, build, x)
    if fitted.values is None:
        raise NotCompiled("it has no scores")
    return Fitted(index=build.add(Above(fitted.values)), classes=(-1, 1), scores=fitted.values)


def kernel_ridge(estimator: Any, build: Builder, x: Features) -> Fitted:
    """A weighted sum of how alike the row is to each training row."""
    rows = np.asarray(estimator.X_fit_, np.float64)
    gamma = 1.0 / rows.shape[1] if estimator.gamma is None else float(estimator.gamma)
    alike = _kernel(estimator, build, x, rows, gamma)
    weights = np.asarray(estimator.dual_coef_, np.float64).reshape(len(rows), -1)
    return Fitted(values=build.add(Matmul(alike, weights)))


def _alike(estimator: Any, build: Builder, x: Features) -> int:
    if not isinstance(estimator.support_vectors_, np.ndarray):
        raise NotCompiled("it was trained on sparse rows")
    rows = np.asarray(estimator.support_vectors_, np.float64)
    return _kernel(estimator, build, x, rows, float(estimator._gamma))  # noqa: SLF001 - as trained


def _kernel(estimator: Any, build: Builder, x: Features, rows: Any, gamma: float) -> int:
    if not isinstance(estimator.kernel, str) or estimator.kernel not in KERNELS:
        raise NotCompiled(f"its kernel is {estimator.kernel!s:.40}")
    register = build.add(Finite(build.matrix(x)))
    kind = KERNELS[estimator.kernel]
    return build.add(
        Kernel(register, rows, kind, gamma, float(estimator.coef0), float(estimator.degree))
    )


def _pair_weights(estimator: Any, n_classes: int) -> Any:
    """A column a pair of classes: the weights of both classes' support vectors."""
    coefficients = np.asarray(estimator.dual_coef_, np.float64)
    ends = np.cumsum(estimator.n_support_)
    starts = ends - estimator.n_support_
    columns = []
    for i in range(n_classes):
        for j in range(i + 1, n_classes):
            column = np.zeros(coefficients.shape[1])
            column[starts[i] : ends[i]] = coefficients[j - 1, starts[i] : ends[i]]
            column[starts[j] : ends[j]] = coefficients[i, starts[j] : ends[j]]
            columns.append(column)
    return np.stack(columns, axis=1)


def _voted(build: Builder, decisions: int, n_classes: int) -> tuple[int, int]:
    """The class with the most votes, and the votes."""
    votes = []
    pairs = [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]
    for number, (i, j) in enumerate(pairs):
        one = build.add(Select(decisions, np.array([number], np.int32)))
        table = np.zeros((2, n_classes))
        table[0, j] = table[1, i] = 1.0
        votes.append(build.add(Lookup(build.add(Above(one)), table)))
    counts = build.add(Total(tuple(votes)))
    return build.add(Largest(counts)), counts


def _by_class(build: Builder, decisions: int, votes: int, n_classes: int) -> int:
    """Votes, and confidence where they are equal."""
    pairs = [(i, j) for i in range(n_classes) for j in range(i + 1, n_classes)]
    spread = np.zeros((len(pairs), n_classes))
    for number, (i, j) in enumerate(pairs):
        spread[number, i], spread[number, j] = 1.0, -1.0
    tie = build.add(Link(build.add(Matmul(decisions, spread)), "tie"))
    return build.add(Total((votes, tie)))


MODELS = {
    "sklearn.KernelRidge": kernel_ridge,
    "sklearn.NuSVC": machine_classifier,
    "sklearn.NuSVR": machine_regressor,
    "sklearn.OneClassSVM": one_class_machine,
    "sklearn.SVC": machine_classifier,
    "sklearn.SVR": machine_regressor,
}
