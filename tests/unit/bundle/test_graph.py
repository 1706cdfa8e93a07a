"""Estimators without a program, served as ONNX graphs where these answer as they do."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium
from podium.cli.compilation import print_compilation
from podium.table import Table


class Line(RegressorMixin, BaseEstimator):
    """An estimator of somebody's own, for which somebody registers a converter."""

    def __init__(self, converted_slope=2.0):
        self.converted_slope = converted_slope

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.array([2.0 * float(row[0]) for row in np.asarray(X)])  # a loop isn't recorded


def shape_of_line(operator):
    from skl2onnx.common.data_types import DoubleTensorType

    operator.outputs[0].type = DoubleTensorType([None, 1])


def convert_line(scope, operator, container):
    from skl2onnx.algebra.onnx_ops import OnnxArrayFeatureExtractor, OnnxMul

    first = OnnxArrayFeatureExtractor(
        operator.inputs[0], np.array([0], np.int64), op_version=container.target_opset
    )
    slope = np.array([operator.raw_operator.converted_slope])
    product = OnnxMul(
        first, slope, op_version=container.target_opset, output_names=operator.outputs[:1]
    )
    product.add_to(scope, container)


@pytest.fixture(scope="module", autouse=True)
def _converter_of_line():
    from skl2onnx import update_registered_converter

    update_registered_converter(Line, "Line", shape_of_line, convert_line)


@pytest.fixture
def wine():
    X, y = load_wine(return_X_y=True, as_frame=True)
    return X.iloc[:, :4], y.map({0: "barolo", 1: "grignolino", 2: "barbera"})


def printed(bundle, capsys):
    print_compilation(bundle.compilation, Console(width=200))
    return capsys.readouterr().out


def nearest(*before):
    return make_pipeline(*before, KNeighborsClassifier(3, metric="cosine"))


@pytest.mark.slow
def test_a_graph_that_answers_as_the_original_takes_its_place(wine, tmp_path, capsys):
    X, y = wine
    model = nearest(StandardScaler()).fit(X, y)

    bundle = podium.pack(model, X, y, name="wine", path=tmp_path)

    graph = bundle.compilation.graph
    assert bundle.requires == ("onnx",)
    assert graph.is_used
    assert graph.verified.is_equal
    assert graph.verified.tolerance == 1e-9
    outputs = bundle.predict(X)
    assert outputs.predictions.tolist() == model.predict(X).tolist()
    np.testing.assert_allclose(outputs.probabilities, model.predict_proba(X), rtol=1e-9)
    assert "an ONNX graph is served instead of the original" in printed(bundle, capsys)


@pytest.mark.slow
def test_columns_that_are_selected_by_name_become_inputs(wine, tmp_path):
    X, y = wine
    X = X.assign(cellar=np.where(np.arange(len(X)) % 3, "north", "south"))
    columns = make_column_transformer(
        (StandardScaler(), list(X.columns[:4])),
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["cellar"]),
    )
    model = nearest(columns).fit(X, y)

    bundle = podium.pack(model, X, y, name="wine", path=tmp_path)

    assert bundle.requires == ("onnx",), bundle.compilation.graph
    assert bundle.predict(X).predictions.tolist() == model.predict(X).tolist()


@pytest.mark.slow
def test_a_graph_that_differs_leaves_the_original_and_says_so(tmp_path, capsys):
    X = pd.DataFrame({"a": np.linspace(0, 1, 30), "b": np.linspace(3, 4, 30)})

    right = podium.pack(Line().fit(X, None), X, name="right", path=tmp_path)
    wrong = podium.pack(Line(2.0 + 1e-7).fit(X, None), X, name="wrong", path=tmp_path)

    assert right.requires == ("onnx",), right.compilation.graph
    assert set(wrong.requires) == {"pandas", "sklearn"}
    assert "differs from the original" in wrong.compilation.graph.why
    assert 1e-8 < wrong.compilation.graph.verified.difference < 1e-7
    assert "Nor as an ONNX graph: it differs" in printed(wrong, capsys)


def test_an_estimator_that_nobody_converts_stays_as_it_is(wine, tmp_path):
    class Unknown(Line):
        pass

    X, y = wine
    sys.modules[__name__].Unknown = Unknown
    Unknown.__qualname__ = "Unknown"

    bundle = podium.pack(Unknown().fit(X, y), X, name="own", path=tmp_path)

    assert set(bundle.requires) == {"pandas", "sklearn"}
    assert bundle.compilation.graph.why.startswith("skl2onnx can't convert it: ")


class Stuck(Line):
    """An estimator whose converter doesn't come to an end."""


@pytest.mark.slow
def test_a_conversion_that_takes_too_long_leaves_the_original(wine, tmp_path, monkeypatch):
    from skl2onnx import update_registered_converter

    go_on = threading.Event()

    def convert(scope, operator, container):
        go_on.wait(30)

    update_registered_converter(Stuck, "Stuck", shape_of_line, convert)
    monkeypatch.setattr("podium.runtimes.onnx_sklearn.CONVERT_S", 0.2)
    X, y = wine

    bundle = podium.pack(Stuck().fit(X, y), X, name="stuck", path=tmp_path)

    go_on.set()
    assert bundle.compilation.graph.why == "skl2onnx made no graph within 0.2 s"
    assert bundle.predict(X[:1]).predictions.shape == (1,)


def test_a_date_is_no_input_of_a_graph(tmp_path):
    X = pd.DataFrame({"a": np.linspace(0, 1, 30), "day": pd.date_range("2024-01-01", periods=30)})

    bundle = podium.pack(Line().fit(X, None), X, name="dated", path=tmp_path)

    assert bundle.compilation.graph.why == "day is a date"


@pytest.mark.slow
def test_where_nothing_converts_no_graph_is_tried(wine, tmp_path, monkeypatch):
    X, y = wine
    model = nearest().fit(X, y)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)

    bundle = podium.pack(model, X, y, name="wine", path=tmp_path)

    assert bundle.compilation.graph is None
    assert "sklearn" in bundle.requires


@pytest.mark.slow
def test_the_original_is_packed_beside_its_graph_on_request(wine, tmp_path):
    X, y = wine
    model = nearest().fit(X, y)

    bundle = podium.pack(model, X, y, name="wine", path=tmp_path, keep_original=True)

    assert bundle.requires == ("onnx",)
    assert bundle.original().predict(Table.of(X)).predictions.tolist() == model.predict(X).tolist()
