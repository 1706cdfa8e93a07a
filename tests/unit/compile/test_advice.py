"""What would make a step compile is said for each step that doesn't."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
from rich.console import Console
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from podium.bundle.compilation import compilation_of
from podium.cli.compilation import print_compilation
from podium.compile.advice import advice

X = pd.DataFrame({"size": np.arange(40.0), "number": np.arange(40) % 7})
Y = np.arange(40.0)


class Ranks(TransformerMixin, BaseEstimator):
    """What depends on the other rows."""

    def fit(self, rows, _=None):
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def transform(self, rows):
        return rows.rank()


def test_every_step_that_does_not_compile_is_listed_with_what_would_help(make_case):
    columns = make_column_transformer((Ranks(), ["size"]), (StandardScaler(), ["number"]))
    graph = KNeighborsTransformer(n_neighbors=3)
    model = make_pipeline(columns, graph, LinearRegression()).fit(X, Y)

    found = make_case(model, X).compile()

    bad = {step.step.split(" / ")[-1]: step for step in found.report if not step.is_compiled}
    assert set(bad) == {"ranks", "kneighborstransformer"}
    assert "operations on whole columns" in bad["ranks"].advice
    assert "write an exporter" in bad["kneighborstransformer"].advice


def test_the_table_says_it_in_lines_that_fit_a_terminal(make_case):
    shifted = FunctionTransformer(lambda frame: frame.shift(1).fillna(0))
    compiled = make_case(make_pipeline(shifted, LinearRegression()).fit(X, Y), X).compile()
    screen = StringIO()

    print_compilation(compilation_of(compiled), Console(file=screen, width=80))

    lines = screen.getvalue().splitlines()
    assert any(line.startswith("To compile functiontransformer: write this line") for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_reason_that_says_itself_what_helps_gets_no_advice():
    assert advice("its mean depends on the other rows; compute it in `fit`") == ""
