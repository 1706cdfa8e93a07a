"""One model of the zoo, packed as a user would pack it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import podium
from podium.bundle.bundle import Bundle
from podium.errors import PodiumError


def _predict(model: Any, X: Any) -> Any:
    """What the model itself predicts for the rows, if it has the usual method."""
    return model.predict(X) if hasattr(model, "predict") else None


@dataclass(frozen=True)
class Case:
    """A model that people have.

    Attributes:
        name: what it is, in a few words; unique within its part.
        fit: fits it; returns the model and the rows, as `podium.pack` takes them.
        ask: the model's own predictions for these rows, with which the bundle's are compared besides
            the verification; None where there is nothing to compare with.
        options: of `podium.pack`.
    """

    name: str
    fit: Callable[[], tuple[Any, Any]]
    ask: Callable[[Any, Any], Any] = _predict
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Line:
    """What became of a case.

    Attributes:
        why: why it wasn't packed or compiled.
        n_labels: how many labels differ, in the verification and on all rows of the case.
        difference: between numbers, the largest relative one.
        seconds: of packing.
    """

    name: str
    is_packed: bool = False
    is_compiled: bool = False
    why: str = ""
    n_labels: int = 0
    difference: float = 0.0
    seconds: float = 0.0


def line_of(case: Case) -> Line:
    """Fit, pack, and compare."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        model, X = case.fit()
        began = time.perf_counter()
        try:
            bundle = _packed(case, model, X, Path(folder) / "case.podium")
        except PodiumError as error:
            return Line(case.name, why=f"not packed: {error}")
        seconds = time.perf_counter() - began
        found = bundle.compilation
        if found is None or not found.is_compiled:
            why = "not tried" if found is None else found.why
            return Line(case.name, is_packed=True, why=why, seconds=seconds)
        n_labels, difference = differing(case.ask(model, X), bundle.predict(X).predictions)
        if found.verified is not None:
            n_labels += found.verified.n_labels
            difference = max(difference, found.verified.difference or 0.0)
        return Line(case.name, True, True, "", n_labels, difference, seconds)


def _packed(case: Case, model: Any, X: Any, path: Path) -> Bundle:
    # A class of a script can't be loaded again; that the original is packed is decided before it is.
    return podium.pack(
        model, X, name="case", path=path, importance=False, background=0, **dict(case.options)
    )


def differing(theirs: Any, ours: Any) -> tuple[int, float]:
    """How many labels differ, and the largest relative difference between numbers."""
    if theirs is None:
        return 0, 0.0
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    theirs = theirs.reshape(ours.shape)
    if theirs.dtype.kind != "f":
        return int(np.sum(theirs.astype(str) != ours.astype(str))), 0.0
    scale = np.maximum(np.abs(theirs), np.std(theirs, axis=0) + 1e-300)
    off = np.abs(theirs - ours.astype(float)) / scale
    return 0, float(np.max(np.where(theirs == ours, 0.0, off), initial=0.0))
