"""Ten real data sets: each is packed, served by a real server, and asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

import podium
from podium.bundle import Bundle
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))  # pickles name the module of a function by this path
import datasets

FITTED: dict[str, datasets.Fitted] = {}


def fitted(name: str) -> datasets.Fitted:
    if name not in FITTED:
        FITTED[name] = datasets.DATASETS[name]()
    return FITTED[name]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("bundles")
    packed = {}
    for name in datasets.DATASETS:
        one = fitted(name)
        packed[name] = podium.pack(one.model, one.X, one.y, name=name, path=folder)
    return packed


@pytest.fixture(scope="module")
def server(
    bundles: dict[str, Bundle], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    trusted = [b.options["sha256"] for b in bundles.values() if b.runtime_name == "pickle"]
    options = [part for digest in trusted for part in ("--trust", f"sha256:{digest}")]
    folder = next(iter(bundles.values())).path.parent
    home = tmp_path_factory.mktemp("home")
    search = {"PYTHONPATH": str(Path(__file__).parent)}
    with (
        ServerProcess(str(folder), *options, home=home, environment=search) as process,
        httpx.Client(base_url=process.address) as client,
    ):
        yield client


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_the_signature_has_the_types_of_the_columns(bundles, name):
    bundle = bundles[name]

    assert {n: bundle.signature.field(n).type for n in fitted(name).types} == fitted(name).types
    assert bundle.signature.output.task == fitted(name).task
    assert len(bundle.signature.fields) == fitted(name).X.shape[1]


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_the_bundle_predicts_as_the_estimator_does(bundles, name):
    one = fitted(name)
    rows = one.X[:200]
    expected = one.model.predict(rows)

    outputs = bundles[name].predict(rows)

    if one.task == "regression":
        np.testing.assert_allclose(outputs.predictions, expected, rtol=1e-9)
    else:
        assert outputs.predictions.tolist() == list(expected)
    if outputs.probabilities is not None:
        np.testing.assert_allclose(outputs.probabilities, one.model.predict_proba(rows), rtol=1e-9)


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_the_card_has_the_metrics_of_the_usual_libraries(bundles, name):
    from sklearn import metrics

    one = fitted(name)
    measured = {m.name: m.value for m in bundles[name].card.metrics}
    predicted = one.model.predict(one.X)

    if name == "linnerud":  # figures for each target
        r2 = {m.output: m.value for m in bundles[name].card.metrics if m.name == "r2"}
        scores = metrics.r2_score(one.y, predicted, multioutput="raw_values")
        assert r2 == pytest.approx(dict(zip(one.y.columns, scores, strict=True)))
    elif one.task == "regression":
        assert measured["r2"] == pytest.approx(metrics.r2_score(one.y, predicted))
        assert measured["mean_absolute_error"] == pytest.approx(
            metrics.mean_absolute_error(one.y, predicted)
        )
    else:
        assert measured["accuracy"] == pytest.approx(metrics.accuracy_score(one.y, predicted))
        assert measured["f1_macro"] == pytest.approx(
            metrics.f1_score(one.y, predicted, average="macro")
        )


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_the_server_predicts_the_examples_and_records_them(server, bundles, name):
    examples = list(bundles[name].signature.examples)
    expected = bundles[name].predict(examples)

    answer = server.post(f"/api/models/{name}/predict", json=examples)
    one = server.post(f"/api/models/{name}/predict", json=examples[0])

    assert answer.status_code == 200, answer.text
    assert len(answer.json()["ids"]) == len(examples)
    if len(bundles[name].signature.outputs) == 1:
        # A product of matrices rounds its last digit by how many rows are in it.
        told = [*answer.json()["predictions"], one.json()["prediction"]]
        wanted = [*expected.predictions.tolist(), expected.predictions[0]]
        if bundles[name].signature.output.task == "regression":
            assert told == pytest.approx(wanted, rel=1e-12)
        else:
            assert told == wanted
    page = server.get(f"/records/{one.json()['id']}")
    assert page.status_code == 200


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_the_pages_of_each_model_open(server, name):
    for path in (f"/models/{name}", f"/models/{name}?example=1", f"/models/{name}/records"):
        page = server.get(path)
        assert page.status_code == 200, path
        assert "<h1" in page.text


def test_the_home_page_and_the_documents_name_every_model(server):
    home, described, docs = (
        server.get("/", headers={"accept": "text/html"}),
        server.get("/openapi.json"),
        server.get("/docs"),
    )

    for name in datasets.DATASETS:
        assert f"/models/{name}" in home.text
        assert f"/api/models/{name}/predict" in described.json()["paths"]
        assert name in docs.text
