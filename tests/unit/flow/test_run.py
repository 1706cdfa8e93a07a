"""What a model answers is checked, and rows that it can't answer are named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import podium
from podium.errors import ModelError, NoPrediction
from podium.flow.run import checked, run
from podium.outputs import Outputs
from podium.program import RuntimeFeatures
from podium.signature import Field, Output, Signature
from podium.table import Table
from podium.testing import Client, ServerProcess

SIGNATURE = Signature(
    fields=(Field(name="x"),),
    outputs=(Output(name="y", classes=("no", "yes"), has_probabilities=True),),
)


@podium.model
def hours(at: dt.datetime) -> float:
    """The hour."""
    return float(pd.Timestamp(at).as_unit("ns").hour)


@podium.model
def broken(x: float) -> float:
    """Nothing."""
    raise ValueError


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One that grows without bounds, and two that take single precision only."""
    folder = tmp_path_factory.mktemp("bundles")
    x = pd.DataFrame({"x": np.arange(1.0, 101.0), "z": np.arange(100.0) % 7})
    grows = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    forest = RandomForestRegressor(5, max_depth=3, random_state=0)
    models = {
        "grows": grows.fit(x, np.exp(x.x)),
        "trees": forest.fit(x, x.x),
        "scaled": make_pipeline(StandardScaler(), clone(forest)).fit(x, x.x),
    }
    for name, model in models.items():
        podium.pack(model, x, x.x, name=name, path=folder)
    podium.pack(models["trees"], x, x.x, name="original", path=folder, compiles=False)
    return sorted(folder.glob("*.podium"))


@pytest.fixture(scope="module")
def client(bundles: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    app = podium.App(*map(str, bundles), home=str(tmp_path_factory.mktemp("home")))
    yield Client(app)
    app.close()


@pytest.fixture(scope="module")
def server(
    bundles: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    with ServerProcess(*map(str, bundles), home=tmp_path_factory.mktemp("served")) as process:
        yield process


def cells_of(reply: httpx.Response) -> list[tuple[int | None, str | None]]:
    return [(cell.get("row"), cell.get("field")) for cell in reply.json()["cells"]]


@pytest.mark.slow
def test_a_row_with_an_infinite_answer_is_named(server):
    rows = [{"x": x, "z": 0.0} for x in (2.0, 1000.0, 3.0)]

    reply = httpx.post(f"{server.address}/api/models/grows/predict", json=rows)

    assert reply.status_code == 422
    assert reply.json()["code"] == "unanswerable"
    assert cells_of(reply) == [(1, None)]
    assert "infinite" in reply.json()["cells"][0]["problem"]


@pytest.mark.slow
def test_it_is_named_among_more_rows_than_go_into_one_call(server):
    rows = {"x": [2.0] * 990 + [1000.0], "z": [0.0] * 991}

    reply = httpx.post(f"{server.address}/api/models/grows/predict", json=rows)

    assert cells_of(reply) == [(990, None)]


@pytest.mark.slow
def test_an_error_about_a_single_row_has_no_row_number(server):
    row = {"x": 1000.0, "z": 0.0}

    reply = httpx.post(f"{server.address}/api/models/grows/predict", json=row)
    page = httpx.post(f"{server.address}/models/grows", data=row)

    assert (reply.status_code, cells_of(reply)) == (422, [(None, None)])
    assert page.status_code == 422
    assert "the prediction is infinite" in page.text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trees", "scaled", "original"])
@pytest.mark.parametrize("number", [1.79e308, -1e300, 3.5e38, 5e-324])
def test_a_number_beyond_single_precision_is_predicted_or_reported(client, server, name, number):
    path = f"/api/models/{name}/predict"
    rows = [{"x": 1.0, "z": 1.0}, {"x": number, "z": 1.0}]

    reply = httpx.post(server.address + path, json=rows)

    assert reply.status_code == client.post(path, rows).status
    assert reply.status_code == 200 or (reply.status_code == 422 and cells_of(reply) == [(1, "x")])


def test_a_moment_that_a_library_cannot_hold_is_named(tmp_path):
    app = podium.App(hours, home=str(tmp_path))
    reply = Client(app).post("/api/models/hours/predict", [{"at": "3024-01-01T00:00:00"}])
    app.close()

    assert (reply.status, reply.json()["cells"][0]["field"]) == (422, "at")


def test_a_model_that_fails_on_ordinary_rows_is_to_blame(tmp_path):
    app = podium.App(broken, home=str(tmp_path))
    reply = Client(app).post("/api/models/broken/predict", {"x": 1.0})
    app.close()

    assert (reply.status, reply.json()["code"]) == (500, "model")


@pytest.mark.parametrize("n_rows", [1, 100])
@pytest.mark.parametrize("share", [-0.1, 1.1, 5.917, -4.912])
def test_no_probability_outside_of_0_to_1_leaves(n_rows, share):
    shares = np.tile([1.0 - share, share], (n_rows, 1))

    with pytest.raises(ModelError, match="probabilities outside"):
        checked(Outputs(np.array(["yes"] * n_rows, object), shares), SIGNATURE, n_rows)


@pytest.mark.parametrize("n_rows", [1, 100])
def test_a_rounding_error_of_a_probability_is_rounded_off(n_rows):
    shares = np.tile([-1e-9, 1.0 + 1e-9], (n_rows, 1))

    outputs = checked(Outputs(np.array(["yes"] * n_rows, object), shares), SIGNATURE, n_rows)

    assert outputs.probabilities.tolist() == [[0.0, 1.0]] * n_rows


class Fussy:
    """Takes two rows at once, and no negative number."""

    signature = Signature(fields=(Field(name="x"),))
    features = RuntimeFeatures(max_batch_rows=2)

    def predict(self, table: Table) -> Outputs:
        return Outputs(np.sqrt(table.columns["x"]))


def test_the_rows_of_a_model_that_takes_few_at_once_are_counted_from_the_first():
    table = Table({"x": np.array([1.0, 4.0, 9.0, -1.0, -2.0])}, 5)

    with np.errstate(invalid="ignore"), pytest.raises(NoPrediction) as caught:
        run(Fussy(), table)

    assert [cell.row for cell in caught.value.cells] == [3]
