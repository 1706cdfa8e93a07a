"""One contract over every runtime, opened from a bundle as a server opens it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import podium
from podium.runtimes import Runtime
from podium.testing import RuntimeContract

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
FLOWERS = IRIS.iloc[[0, 60, 120, 149]].to_dict("records")
SHAPES = [
    {"colour": "red", "width": 1.0},
    {"colour": "green", "width": 4.0},
    {"colour": "red", "width": 3.5},
]
KINDS = np.array(["setosa", "versicolor", "virginica"])[SPECIES]


def classifier():
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS, KINDS)


class TestProgram(RuntimeContract):
    relative = 1e-12

    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, tmp_path_factory) -> Runtime:
        path = tmp_path_factory.mktemp("bundle")
        bundle = podium.pack(classifier(), IRIS, KINDS, name="iris", path=path)
        assert bundle.runtime_name == "program"
        return bundle.runtime

    def rows(self):
        return FLOWERS


class TestProgramOfTreesAndCategories(RuntimeContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, tmp_path_factory) -> Runtime:
        X = pd.DataFrame(SHAPES * 20).astype({"colour": "category"})
        y = np.where(X["width"] > 2, "wide", "narrow")
        model = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype")
        path = tmp_path_factory.mktemp("bundle")
        bundle = podium.pack(model.fit(X, y), X, y, name="shapes", path=path)
        assert bundle.runtime_name == "program"
        return bundle.runtime

    def rows(self):
        return SHAPES


class TestOriginalEstimator(RuntimeContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, tmp_path_factory) -> Runtime:
        path = tmp_path_factory.mktemp("bundle")
        bundle = podium.pack(classifier(), IRIS, KINDS, name="iris", path=path, compiles=False)
        assert bundle.runtime_name == "skops"
        return bundle.runtime

    def rows(self):
        return FLOWERS


class TestOriginalEstimatorWithScores(RuntimeContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, tmp_path_factory) -> Runtime:
        path = tmp_path_factory.mktemp("bundle")
        model = IsolationForest(n_estimators=10, random_state=1).fit(IRIS)
        bundle = podium.pack(model, IRIS, name="odd", path=path, compiles=False)
        return bundle.runtime

    def rows(self):
        return [*FLOWERS, dict.fromkeys(IRIS.columns, 40.0)]


class TestProgramWithDistances(RuntimeContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, tmp_path_factory) -> Runtime:
        path = tmp_path_factory.mktemp("bundle")
        model = KMeans(3, n_init=1, random_state=0).fit(IRIS)
        bundle = podium.pack(model, IRIS, name="groups", path=path)
        assert bundle.is_compiled
        assert bundle.signature.output.has_distances
        return bundle.runtime

    def rows(self):
        return FLOWERS


class TestOnnxGraph(RuntimeContract):
    relative = 1e-5  # it computes in single precision

    @pytest.fixture(scope="class")
    @classmethod
    def runtime(cls, tmp_path_factory) -> Runtime:
        skl2onnx = pytest.importorskip("skl2onnx")
        X, y = load_diabetes(return_X_y=True, as_frame=True)
        folder = tmp_path_factory.mktemp("bundle")
        graph = skl2onnx.to_onnx(LinearRegression().fit(X, y), X.iloc[:1].to_numpy(np.float32))
        (folder / "graph.onnx").write_bytes(graph.SerializeToString())
        bundle = podium.pack(folder / "graph.onnx", X, y, name="diabetes", path=folder)
        assert bundle.runtime_name == "onnx"
        return bundle.runtime

    def rows(self):
        X = load_diabetes(return_X_y=True, as_frame=True)[0]
        return X.iloc[:3].to_dict("records")


@podium.model
def price(rooms: float, heating: str = "gas") -> float:
    if rooms < 0:
        raise ValueError(rooms)
    return 100.0 * rooms + len(heating)


@podium.model
def prices(rooms: list[float]) -> list[float]:
    return [100.0 * number for number in rooms]


@podium.model
async def asked(rooms: float) -> float:
    return 100.0 * rooms


class TestFunctionOfARow(RuntimeContract):
    fails = ({"rooms": -1.0},)

    @pytest.fixture
    def runtime(self) -> Runtime:
        return price

    def rows(self):
        return [{"rooms": 1.0}, {"rooms": 2.0, "heating": "wood"}, {"rooms": 3.5}]


class TestFunctionOfABatch(RuntimeContract):
    @pytest.fixture
    def runtime(self) -> Runtime:
        return prices

    def rows(self):
        return [{"rooms": 1.0}, {"rooms": 2.0}]


class TestFunctionThatIsAwaited(RuntimeContract):
    @pytest.fixture
    def runtime(self) -> Runtime:
        return asked

    def rows(self):
        return [{"rooms": 1.0}, {"rooms": 2.0}]
