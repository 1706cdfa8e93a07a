"""One's own preprocessing and models, in the manner of notebooks: the pieces of the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.zoo.case import Case
from bench.zoo.data import rows_of
from bench.zoo.own_texts import TEXTS
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "zoo"))
from own_classes import CLASSES
from own_code_pieces import PIECES, Piece
from own_models import MODELS

TITLE = "One's own preprocessing and models, as notebooks have them"


def _behind(how: Any, data: str) -> tuple[Any, Any]:
    """A linear model behind a piece of preprocessing."""
    X, y = rows_of(data)
    first = how if hasattr(how, "fit") else FunctionTransformer(how)
    last = LinearRegression() if y.dtype.kind == "f" else LogisticRegression(max_iter=500)
    return make_pipeline(first, SimpleImputer(), StandardScaler(), last).fit(X, y), X


def _fitted(model: Any, data: str, prepare: Any) -> tuple[Any, Any]:
    X, y = prepare(*rows_of(data))
    return model.fit(X, y), X


def _cases() -> Iterator[Case]:
    for piece in (*PIECES, *(Piece(data, how) for data, how in TEXTS)):
        yield Case(piece.name, lambda piece=piece: _behind(piece.how, piece.data))
    for data, classes in CLASSES.items():
        for one in classes:
            name = f"{one.__name__} ({data})"
            yield Case(name, lambda one=one, data=data: _behind(one(), data))
    for number, (model, data, prepare) in enumerate(MODELS, 1):
        name = f"model {number}: {type(model).__name__} ({data})"
        yield Case(name, lambda of=(model, data, prepare): _fitted(*of))


CASES = list(_cases())
