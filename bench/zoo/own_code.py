"""Preprocessing of one's own, in the manner of notebooks: the pieces of the tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bench.zoo.case import Case
from bench.zoo.data import rows_of
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "zoo"))
from own_code_pieces import PIECES, Piece

TITLE = "Preprocessing of one's own, as notebooks have it"


def _fitted(piece: Piece) -> tuple[Any, Any]:
    X, y = rows_of(piece.data)
    first = piece.how if hasattr(piece.how, "fit") else FunctionTransformer(piece.how)
    last = LinearRegression() if y.dtype.kind == "f" else LogisticRegression(max_iter=500)
    return make_pipeline(first, SimpleImputer(), StandardScaler(), last).fit(X, y), X


CASES = [Case(piece.name, lambda piece=piece: _fitted(piece)) for piece in PIECES]
