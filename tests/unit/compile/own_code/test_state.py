"""State of one's own code: packing leaves it as it found it."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

import podium
from podium.compile import compile_model, unchanged
from podium.runtimes.signatures import signature_of
from podium.runtimes.sklearn import SklearnRuntime
from podium.table import Table

X = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) ** 0.5})
Y = np.arange(40.0)

n_calls = 0
cache: dict[str, Any] = {}


class Keeping(TransformerMixin, BaseEstimator):
    """Keeps what it gets wherever it can."""

    n_calls = 0
    log: ClassVar[list[Any]] = []

    def fit(self, X: Any, y: Any = None) -> Keeping:
        self.n_ = 0
        self.by_name_: dict[str, list[Any]] = defaultdict(list)
        self.last_: Any = deque(maxlen=2)
        self.order_ = OrderedDict(a=[0], b=[0])
        self.counts_ = np.zeros(2)
        self.table_ = pd.DataFrame({"n": [0]})
        self.random_ = np.random.default_rng(0)
        return self

    def transform(self, X: Any) -> Any:
        global n_calls, last_rows
        n_calls += 1
        last_rows = cache["rows"] = X
        type(self).n_calls += 1
        type(self).last = X
        self.log.append(X)
        self.n_ += 1
        self.new_ = X
        self.by_name_["rows"].append(X)
        self.last_.append(X)
        self.order_.move_to_end("a")
        self.order_["a"].append(1)
        self.counts_[0] += 1
        self.table_.loc[0, "n"] += 1
        self.random_.bit_generator.advance(1)
        return X * 2


def counting() -> Any:
    n, seen = 0, {"rows": None}

    def double(X: Any, *, passed: dict[str, Any]) -> Any:
        nonlocal n
        n += 1
        seen["rows"] = passed["rows"] = X
        double.n_calls = n  # type: ignore[attr-defined]
        return X * 2

    return double


def state_of(model: Pipeline) -> list[Any]:
    """All that the code keeps."""
    function, own = model[0].func, model[1]
    of_class = {name: one for name, one in vars(Keeping).items() if not name.startswith("__")}
    cells = [cell.cell_contents for cell in function.__closure__ if cell.cell_contents != function]
    return [
        *(n_calls, dict(cache), of_class, list(Keeping.log), globals().get("last_rows")),
        *(own.n_, own.by_name_["rows"][:], list(own.last_), str(own.order_), own.counts_.tolist()),
        *(own.table_.to_dict(), own.random_.bit_generator.state, sorted(vars(own))),
        *(repr(cells), dict(vars(function)), dict(model[0].kw_args)),
    ]


def fitted() -> Pipeline:
    first = FunctionTransformer(counting(), kw_args={"passed": {"rows": None}})
    return make_pipeline(first, Keeping(), LinearRegression()).fit(X.to_numpy(), Y)


def test_packing_changes_nothing_that_code_keeps(tmp_path):
    model = fitted()
    before = repr(state_of(model))

    bundle = podium.pack(model, X.to_numpy(), name="m", path=tmp_path / "m.podium")

    assert bundle.compilation is not None
    assert bundle.compilation.is_compiled
    assert repr(state_of(model)) == before


def refused(model: Pipeline) -> None:
    with unchanged(model):
        model.predict(np.zeros((1, 3)))


def test_what_changes_meanwhile_is_put_back_also_after_an_error():
    model = fitted()
    before = repr(state_of(model))

    with pytest.raises(ValueError, match="expecting 2 features"):
        refused(model)

    assert repr(state_of(model)) == before


def test_a_recording_leaves_no_stand_in_for_the_comparison():
    class Once(BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Once:
            self.kept_: dict[str, Any] = {}
            return self

        def predict(self, X: Any) -> Any:
            first = self.kept_.setdefault("first", X)
            return np.asarray(first["a"]) + 1

    model = Once().fit(X)
    table = Table.of(X)
    signature = signature_of(model, table)
    model.kept_.clear()

    found = compile_model(
        model, signature, table, original=SklearnRuntime(model, signature).predict
    )

    assert found.why.startswith("the program differs from the original")
    assert isinstance(model.kept_["first"], pd.DataFrame)


def test_a_model_is_saved_as_it_was_passed(tmp_path):
    model = make_pipeline(Keeping(), LinearRegression()).fit(X, Y)

    bundle = podium.pack(model, X, name="m", path=tmp_path, keep_original=True)

    runtime = bundle.original()
    assert isinstance(runtime, SklearnRuntime)
    assert runtime.estimator[0].n_ == model[0].n_ == 1


def test_objects_in_libraries_are_found_and_those_of_libraries_left_alone():
    slotted = Slotted()
    forest = RandomForestRegressor(3).fit(X, Y)
    model = {"a": [forest, (slotted,)], "b": forest}

    with unchanged(model):
        slotted.n = 2
        forest.n_jobs = 2

    assert slotted.n == 1
    assert forest.n_jobs == 2


class Slotted:
    __slots__ = ("n", "other")

    def __init__(self) -> None:
        self.n = 1
