"""Cross-validation: the metrics of copies of a model on rows they weren't trained on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import SetupError
from podium.packing.metrics import places_of
from podium.packing.owner import Owner
from podium.packing.quality import Quality, quality
from podium.packing.truth import Truth
from podium.plugins import needs
from podium.runtimes.several import classes_of
from podium.runtimes.sklearn import predict_with
from podium.runtimes.together import Together
from podium.signature import Signature
from podium.table import Table

Split: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
INSTEAD = "give held-out rows instead: holdout=(X_test, y_test), or --holdout test.csv"


@dataclass(frozen=True)
class Folds:
    """How a model is cross-validated.

    Attributes:
        cv: the number of folds, or a scikit-learn splitter.
        y: the target as it was passed.
        groups: of the rows; each group stays in one fold.
        sample_weight: of the rows, for training.
    """

    cv: Any
    y: Any
    groups: Any = None
    sample_weight: Any = None


def on_folds(
    owner: Owner | None,
    signature: Signature,
    truth: Truth | None,
    folds: Folds,
    at: Callable[[str], None],
) -> Quality:
    """The mean and standard deviation of the metrics of copies trained on all folds but one.

    Args:
        owner: the model and its rows; None if no estimator was given.
        at: called with the number of each fold.

    Raises:
        SetupError: the model can't be trained again, or the rows can't be split.
    """
    for model in [None] if owner is None else _models_in(owner.model):
        if not (hasattr(model, "get_params") and hasattr(model, "fit")):
            kind = "it" if model is None else f"a {type(model).__name__}"
            raise SetupError(
                f"cross-validation trains copies of the model, and {kind} can't be trained again",
                hint=INSTEAD,
            )
    assert owner is not None
    if truth is None or not truth.columns:
        raise SetupError("cross-validation needs the target", hint="give y, or --target NAME")
    is_labelled = np.all(
        [truth.labelled_rows(place) for place in range(len(truth.columns))], axis=0
    )
    rows = np.flatnonzero(is_labelled)
    splits = _splits(folds, signature, truth, rows)
    qualities = []
    for number, (train, test) in enumerate(splits, 1):
        at(f"cross-validation, fold {number} of {len(splits)}")
        qualities.append(_fold(owner, signature, truth, folds, (rows[train], rows[test])))
    return _joined(qualities, len(rows))


def _fold(owner: Owner, signature: Signature, truth: Truth, folds: Folds, split: Split) -> Quality:
    train, test = split
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            copy = _copy_of(owner, signature, folds, train)
            outputs = predict_with(copy, owner.rows(signature, test), signature)
        except SetupError:
            raise
        except Exception as error:
            raise SetupError(
                "a copy of the model can't be trained on all folds but one: "
                f"{type(error).__name__}: {str(error)[:300]}",
                hint=f"pass X and y as the model was fitted on them, or {INSTEAD}",
            ) from error
    if outputs.probabilities is not None:
        outputs = replace(outputs, probabilities=_in_order(copy, outputs.probabilities, signature))
    held_out = Truth(truth.names, tuple(column[test] for column in truth.columns))
    return quality(signature, outputs, held_out, "cross-validation")


def _models_in(model: Any) -> list[Any]:
    """The models that were packed together, or the only one."""
    return list(model.models.values()) if isinstance(model, Together) else [model]


def _copy_of(owner: Owner, signature: Signature, folds: Folds, rows: NDArray[np.intp]) -> Any:
    """A copy that is trained on some rows; of models packed together a copy of each."""
    some, y, weights = owner.rows(signature, rows), _some(folds.y, rows), folds.sample_weight
    weights = None if weights is None else _some(weights, rows)
    if not isinstance(owner.model, Together):
        return _trained(owner.model, some, y, weights)
    models = owner.model.models
    # Each has a target of its own, or all estimate the same.
    is_each = _n_columns(y) == len(models)
    return Together(
        {
            name: _trained(model, some, _column(y, place) if is_each else y, weights)
            for place, (name, model) in enumerate(models.items())
        }
    )


def _n_columns(y: Any) -> int:
    shape = np.shape(y)
    return shape[1] if len(shape) == 2 else 1


def _column(y: Any, place: int) -> Any:
    if hasattr(y, "iloc"):
        return y.iloc[:, place]
    return y[:, place] if hasattr(y, "get_column") else np.asarray(y)[:, place]


def _trained(model: Any, rows: Any, y: Any, weights: Any) -> Any:
    """A copy with the same settings, and the same seed where one was set."""
    with needs("sklearn"):
        from sklearn.base import clone
        from sklearn.utils.validation import has_fit_parameter
    copy, options = clone(model), {}
    if weights is not None:
        steps = getattr(copy, "steps", None)
        last = steps[-1] if isinstance(steps, list) else ("", copy)
        if not has_fit_parameter(last[1], "sample_weight"):
            raise SetupError(f"a {type(last[1]).__name__} is trained without sample weights")
        name = f"{last[0]}__sample_weight" if last[0] else "sample_weight"
        options[name] = weights
    return copy.fit(rows, y, **options)


def _splits(
    folds: Folds, signature: Signature, truth: Truth, rows: NDArray[np.intp]
) -> Sequence[Split]:
    """Folds with the same proportion of every class, and whole groups, if there are any."""
    n, groups, target = len(rows), folds.groups, truth.columns[0][rows]
    if groups is not None:
        groups = np.asarray(_some(groups, rows)).ravel()
    _, labels = np.unique([str(label) for label in target], return_inverse=True)
    is_classes = signature.output.task == "classification" and len(signature.outputs) == 1
    if isinstance(folds.cv, int) and not 2 <= folds.cv <= n:
        raise SetupError(
            f"{n} rows can't be split into {folds.cv} folds", hint="use 2 or more, usually 5"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            is_even = is_classes and int(np.bincount(labels).max()) >= folds.cv
            splitter = _splitter(folds.cv, is_even, groups is not None)
            return list(splitter.split(np.zeros(n), labels if is_classes else target, groups))
    except (AttributeError, TypeError, ValueError) as error:
        raise SetupError(f"the rows can't be split into folds: {str(error)[:300]}") from error


def _splitter(cv: Any, is_even: bool, is_grouped: bool) -> Any:
    if not isinstance(cv, int):
        return cv
    with needs("sklearn"):
        from sklearn.model_selection import (
            GroupKFold,
            KFold,
            StratifiedGroupKFold,
            StratifiedKFold,
        )
    if is_grouped:
        return StratifiedGroupKFold(cv) if is_even else GroupKFold(cv)
    kind = StratifiedKFold if is_even else KFold
    return kind(cv, shuffle=True, random_state=0)


def _some(values: Any, rows: NDArray[np.intp]) -> Any:
    """These rows of the values, in the same form."""
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if isinstance(values, Table):
        columns = [column[rows] for column in values.columns.values()]
        return columns[0] if len(columns) == 1 else np.column_stack(columns)
    if hasattr(values, "gather") or hasattr(values, "get_column"):
        return values[rows.tolist()]
    return np.asarray(values)[rows]


def _in_order(copy: Any, shares: NDArray[np.float64], signature: Signature) -> Any:
    """Probabilities by the model's classes; 0 for a class that a fold lacked. None if unknown."""
    if isinstance(copy, Together):
        by_output = [np.asarray(getattr(one, "classes_", ())).tolist() for one in _models_in(copy)]
    elif len(signature.outputs) == 1:
        known = getattr(copy, "classes_", signature.output.classes)
        by_output = [np.asarray(known).tolist()]
    else:
        by_output = [list(labels) for labels in classes_of(copy, len(signature.outputs))]
    pairs = [
        (labels, one.classes)
        for labels, one in zip(by_output, signature.outputs, strict=True)
        if one.has_probabilities
    ]
    places = [places_of(labels, classes) for labels, classes in pairs]
    if shares.shape[1] != sum(map(len, places)) or any((some < 0).any() for some in places):
        return None if shares.shape[1] != signature.n_probabilities else shares
    ordered = np.zeros((len(shares), signature.n_probabilities))
    start = 0
    parts = np.split(shares, np.cumsum([len(some) for some in places])[:-1], axis=1)
    for part, some, (_, classes) in zip(parts, places, pairs, strict=True):
        ordered[:, start + some] = part
        start += len(classes)
    return ordered


def _joined(qualities: Sequence[Quality], n_rows: int) -> Quality:
    """Mean and standard deviation of the metrics that every fold has."""
    values: dict[tuple[str, str], list[float]] = {}
    for one in qualities:
        for metric in one.metrics:
            values.setdefault((metric.output, metric.name), []).append(metric.value)
    metrics = tuple(
        msgspec.structs.replace(
            metric,
            value=float(np.mean(values[metric.output, metric.name])),
            spread=float(np.std(values[metric.output, metric.name])),
        )
        for metric in (qualities[0].metrics if qualities else ())
        if len(values[metric.output, metric.name]) == len(qualities)
    )
    notes = tuple(dict.fromkeys(note for one in qualities for note in one.notes))
    if not metrics:
        return Quality(notes=notes)
    return Quality(metrics, n_rows, "cross-validation", notes, n_folds=len(qualities))
