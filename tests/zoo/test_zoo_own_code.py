"""Preprocessing of one's own compiles: it is run once, and what it does is recorded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

sys.path.insert(0, str(Path(__file__).parent))
from own_code_pieces import PIECES, Piece

COMPILED = [piece for piece in PIECES if not piece.why]
OTHERS = [piece for piece in PIECES if piece.why]


def fitted(zoo, piece: Piece):
    X, y = zoo.data(piece.data)
    first = piece.how if hasattr(piece.how, "fit") else FunctionTransformer(piece.how)
    last = LinearRegression() if y.dtype.kind == "f" else LogisticRegression(max_iter=500)
    return make_pipeline(first, SimpleImputer(), StandardScaler(), last).fit(X, y), X


# Of categories that aren't declared: pandas 3 makes them missing.
@pytest.mark.filterwarnings("ignore:Constructing a Categorical")
@pytest.mark.parametrize("piece", COMPILED, ids=[piece.name for piece in COMPILED])
def test_it_compiles(zoo, piece: Piece):
    model, _ = fitted(zoo, piece)
    zoo.check_fitted(model, piece.data, title=f"own code: {piece.name}")


@pytest.mark.parametrize("piece", OTHERS, ids=[piece.name for piece in OTHERS])
def test_what_cannot_be_recorded_is_told(zoo, piece: Piece):
    model, X = fitted(zoo, piece)
    compiled, _, _ = zoo.compile(model, X)

    assert compiled.program is None
    assert piece.why in compiled.why
