"""Preprocessing of one's own compiles: it is run once, and what it does is recorded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

sys.path.insert(0, str(Path(__file__).parent))
from own_classes import CLASSES
from own_code_pieces import PIECES, Piece
from own_models import MODELS

COMPILED = [piece for piece in PIECES if not piece.why]
OTHERS = [piece for piece in PIECES if piece.why]


# Each a few of many: `python -m bench.zoo own_code` has all of them.
FEW_CLASSES = [(one, data) for data, classes in CLASSES.items() for one in classes][::4]
FEW_MODELS = MODELS[::3]


def fitted(zoo, piece: Piece):
    return behind(zoo, piece.how, piece.data)


def behind(zoo, how, data: str):
    X, y = zoo.data(data)
    first = how if hasattr(how, "fit") else FunctionTransformer(how)
    last = LinearRegression() if y.dtype.kind == "f" else LogisticRegression(max_iter=500)
    return make_pipeline(first, SimpleImputer(), StandardScaler(), last).fit(X, y), X


# Of categories that aren't declared: pandas 3 makes them missing.
@pytest.mark.filterwarnings("ignore:Constructing a Categorical")
@pytest.mark.parametrize("piece", COMPILED, ids=[piece.name for piece in COMPILED])
def test_it_compiles(zoo, piece: Piece):
    model, _ = fitted(zoo, piece)
    zoo.check_fitted(model, piece.data, title=f"own code: {piece.name}")


@pytest.mark.parametrize(("one", "data"), FEW_CLASSES)
def test_a_transformer_of_ones_own_class_compiles(zoo, one, data: str):
    model, _ = behind(zoo, one(), data)
    zoo.check_fitted(model, data, title=f"own class: {one.__name__}")


@pytest.mark.parametrize(("model", "data", "prepare"), FEW_MODELS)
def test_a_model_of_ones_own_class_compiles(zoo, model, data: str, prepare):
    X, y = prepare(*zoo.data(data))
    compiled, _, _ = zoo.compile(clone(model).fit(X, y), X)

    assert compiled.why == ""


@pytest.mark.parametrize("piece", OTHERS, ids=[piece.name for piece in OTHERS])
def test_what_cannot_be_recorded_is_told(zoo, piece: Piece):
    model, X = fitted(zoo, piece)
    compiled, _, _ = zoo.compile(model, X)

    assert compiled.program is None
    assert piece.why in compiled.why
