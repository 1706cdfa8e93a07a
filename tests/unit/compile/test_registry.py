"""Exporters are found by the name of the class, ours and those of other packages."""

from __future__ import annotations

import sys
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from podium.compile.registry import FAMILIES, class_name

X = pd.DataFrame({"a": np.linspace(0, 1, 50), "b": np.linspace(3, 9, 50) ** 2})
Y = X["a"] + X["b"]

PLUGIN = """
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from podium.compile import Fitted
from podium.program.operations import Matmul
import numpy as np

class Twice(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self
    def transform(self, X):
        return np.asarray(X) * 2

class RowSum(RegressorMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_ = X.shape[1]
        return self
    def predict(self, X):
        return np.asarray(X).sum(axis=1)

def twice(estimator, build, x):
    return build.features(build.scale(build.matrix(x), multiply=2.0))

def row_sum(estimator, build, x):
    return Fitted(values=build.add(Matmul(build.matrix(x), np.ones((estimator.n_, 1)))))
"""


class Custom(RegressorMixin, BaseEstimator):
    """An estimator that nobody foresaw."""

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.array([self.mean_ for _ in np.asarray(X)])


class MyScaler(StandardScaler):
    """A subclass may do anything: its parent's exporter alone isn't enough."""

    def transform(self, X, copy=None):
        return super().transform(X, copy) ** 3


class Strange(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X - X.min()


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed package that registers two exporters."""

    def install(lines, name="doubling"):
        (tmp_path / "doubling.py").write_text(PLUGIN)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[podium.exporters]\n" + "\n".join(lines))
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "doubling", raising=False)
        import doubling

        return doubling

    yield install
    sys.modules.pop("doubling", None)


def test_the_name_of_a_class_does_not_depend_on_where_a_version_keeps_it():
    assert class_name(LinearRegression()) == "sklearn.LinearRegression"


def test_each_class_is_claimed_by_one_family_which_is_listed_under_its_package():
    for kind in ("TRANSFORMERS", "MODELS"):
        claims = [
            (name, family)
            for family in sorted({one for some in FAMILIES.values() for one in some})
            for name in getattr(import_module(f"podium.compile.exporters.{family}"), kind, {})
        ]
        assert len(claims) == len(dict(claims))
        assert [(n, f) for n, f in claims if f not in FAMILIES[n.partition(".")[0]]] == []


def test_exporters_of_another_package_are_used(make_case, plugin):
    doubling = plugin(
        ["doubling.Twice = doubling:twice", "doubling.RowSum = doubling:row_sum"]
    )  # fmt: skip
    case = make_case(make_pipeline(doubling.Twice(), doubling.RowSum()).fit(X, Y), X)

    compiled = case.compile()

    assert compiled.program is not None, compiled.why
    assert [line.estimator for line in compiled.report] == [
        "doubling.Twice",
        "doubling.RowSum",
        "sklearn.Pipeline",
    ]


def test_a_class_that_two_packages_claim_is_an_error(make_case, plugin):
    from podium.errors import SetupError

    plugin(["doubling.RowSum = doubling:row_sum"])
    plugin_again = plugin
    doubling = plugin_again(["doubling.RowSum = doubling:twice"], name="tripling")
    case = make_case(doubling.RowSum().fit(X), X)

    with pytest.raises(SetupError, match="two packages claim"):
        case.compile()


def test_an_exporter_that_returns_the_wrong_type_gives_no_program(make_case, plugin):
    doubling = plugin(["doubling.Twice = doubling:row_sum"])
    model = make_pipeline(doubling.Twice(), LinearRegression()).fit(X, Y)

    compiled = make_case(model, X).compile()

    assert compiled.program is None
    assert "Pipeline / twice" in compiled.why


def test_an_unknown_estimator_is_left_alone_and_named(make_case):
    compiled = make_case(Custom().fit(X, Y), X).compile()

    assert compiled.program is None
    assert "loops over rows" in compiled.why
    assert "Custom" in compiled.why


def test_a_subclass_compiles_with_what_it_changes_and_as_its_parent_if_that_is_nothing(make_case):
    class Renamed(StandardScaler):
        pass

    for scaler in (MyScaler(), Renamed()):
        model = make_pipeline(scaler, LinearRegression()).fit(X, Y)
        assert make_case(model, X).compile().why == ""


def test_the_report_names_the_step_that_has_no_exporter(make_case):
    step = Strange()
    compiled = make_case(make_pipeline(StandardScaler(), step, LinearRegression()).fit(X, Y), X).compile()  # fmt: skip

    assert compiled.program is None
    first, bad = compiled.report
    assert first.is_compiled
    assert not bad.is_compiled
    assert bad.estimator.endswith(type(step).__name__)
    assert bad.step == f"Pipeline / {type(step).__name__.lower()}"


def test_code_is_not_exported(make_case):
    model = make_pipeline(FunctionTransformer(np.tanh), LinearRegression()).fit(X, Y)

    compiled = make_case(model, X).compile()

    assert compiled.program is not None or "code, not data" in compiled.why


def test_an_estimator_that_lacks_what_its_exporter_needs_gives_no_program(make_case):
    model = LinearRegression().fit(X, Y)
    case = make_case(model, X)
    del model.intercept_

    compiled = case.compile()

    assert compiled.program is None
    assert "intercept_" in compiled.why
