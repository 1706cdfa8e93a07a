"""What matters to a model, measured at packing, in the bundle, in the API and on the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import podium
from podium.packing.importance import importance_of
from podium.testing import Client

RNG = np.random.default_rng(0)
N = 600
ROWS = pd.DataFrame(
    {
        "strong": RNG.normal(size=N),
        "weak": RNG.normal(size=N),
        "none": RNG.normal(size=N),
        "town": pd.Categorical(RNG.choice(["Bonn", "Ulm"], N)),
    }
)
ROWS["twin"] = ROWS["strong"] ** 3 + RNG.normal(size=N) / 100
AMOUNT = 5 * ROWS["strong"] + ROWS["weak"] + (ROWS["town"] == "Ulm") * 2
IS_LARGE = np.where(AMOUNT > 1, "large", "small")


def model(estimator: Any, y: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    towns = make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough")
    return make_pipeline(towns, estimator).fit(ROWS, y)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, podium.Bundle]:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    folder = tmp_path_factory.mktemp("importance")
    linear, logistic = LinearRegression(), LogisticRegression(max_iter=1_000)
    held = ROWS[:100], IS_LARGE[:100]
    return {
        "amounts": podium.pack(model(linear, AMOUNT), ROWS, AMOUNT, name="amounts", path=folder),
        "sizes": podium.pack(
            model(logistic, IS_LARGE), ROWS, IS_LARGE, name="sizes", path=folder, holdout=held
        ),
        "bare": podium.pack(
            model(linear, AMOUNT), ROWS, AMOUNT, name="bare", path=folder, importance=False
        ),
    }


@pytest.fixture(scope="module")
def client(
    bundles: dict[str, podium.Bundle], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    app = podium.App(*bundles.values(), home=str(tmp_path_factory.mktemp("home")))
    yield Client(app)
    app.close()


def test_fields_matter_as_much_as_they_move_predictions(bundles):
    found = bundles["amounts"].importance

    assert found is not None
    assert (found.of, found.link, found.metric) == ("prediction", "identity", "mean_absolute_error")
    fields = found.fields
    assert sorted(fields, key=lambda name: -(fields[name].size or 0))[:3] == [
        "strong",
        "town",
        "weak",
    ]
    assert fields["none"].size == pytest.approx(0, abs=1e-9)
    # Shuffled values differ by 2 / sqrt(pi) standard deviations, on average.
    assert fields["strong"].loss == pytest.approx(5 * 2 / np.sqrt(np.pi), rel=0.2)
    assert fields["none"].loss == pytest.approx(0, abs=1e-9)


def test_a_curve_is_the_mean_prediction_if_all_rows_had_the_value(bundles):
    found = bundles["amounts"].importance

    assert found is not None
    strong, town = found.fields["strong"], found.fields["town"]
    slopes = np.diff(strong.means) / np.diff(np.array(strong.values, float))
    assert slopes == pytest.approx(5)
    means = dict(zip(town.values, town.means, strict=True))
    assert means["Ulm"] - means["Bonn"] == pytest.approx(2)


def test_fields_that_go_together_are_named_whatever_bends_them(bundles):
    found = bundles["amounts"].importance

    assert found is not None
    ((first, second, rho),) = [(one.first, one.second, one.rho) for one in found.pairs]
    assert (first, second) == ("strong", "twin")
    assert rho > 0.99


def test_errors_are_measured_on_held_out_rows(bundles):
    found = bundles["sizes"].importance

    assert found is not None
    assert (found.measured_on, found.n_rows, found.metric) == ("holdout", 100, "log_loss")
    assert found.confusion is not None
    assert found.confusion.labels == ("large", "small")
    assert np.sum(found.confusion.counts) == 100
    right = np.trace(found.confusion.counts) / 100
    accuracy = next(m.value for m in bundles["sizes"].card.metrics if m.name == "accuracy")
    assert right == pytest.approx(accuracy)
    assert found.calibration is not None
    assert found.calibration.label == "small"
    assert sum(found.calibration.counts) == 100
    residuals = bundles["amounts"].importance
    assert residuals is not None
    assert residuals.residuals is None or sum(residuals.residuals.counts) == N


def test_the_api_and_the_page_show_it(client):
    told = client.get("/api/models/sizes/importance").json()
    page = client.get("/models/sizes").text

    assert told["label"] == "small"
    assert set(told["fields"]) == set(ROWS.columns)
    assert "What matters to it" in page
    assert "Which classes it confuses" in page
    assert "go together" in page
    assert "not what causes the outcome" in page
    assert 'class="line"' in page


def test_it_can_be_left_out(client, bundles):
    assert bundles["bare"].importance is None
    assert client.get("/api/models/bare/importance").status == 404
    assert "What matters" not in client.get("/models/bare").text


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two models with two outputs each: numbers, and classes with probabilities."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression

    folder = tmp_path_factory.mktemp("several")
    numbers = pd.DataFrame({"rent": AMOUNT, "size": 3 * ROWS["weak"]})
    weak = np.where(ROWS["weak"] > 0, "up", "down")
    classes = pd.DataFrame({"large": IS_LARGE, "weak": weak})
    classes.loc[:49, "weak"] = None
    forest = RandomForestClassifier(20, max_depth=4, random_state=0)
    forest = model(forest, classes.fillna("down"))
    app = podium.App(
        podium.pack(model(LinearRegression(), numbers), ROWS, numbers, name="both", path=folder),
        podium.pack(forest, ROWS, classes, name="kinds", path=folder),
        home=str(folder / "home"),
    )
    yield Client(app)
    app.close()


def test_each_of_several_outputs_has_its_own_fields(several):
    found = several.get("/api/models/both/importance").json()
    (other,) = found["others"]

    assert (found["output"], other["output"]) == ("rent", "size")
    for name, field, slope in (("rent", "strong", 5.0), ("size", "weak", 3.0)):
        one = found if name == "rent" else other
        fields = one["fields"]
        assert max(fields, key=lambda name: fields[name]["size"]) == field
        assert max(fields, key=lambda name: fields[name]["loss"]) == field
        assert fields[field]["loss"] == pytest.approx(slope * 2 / np.sqrt(np.pi), rel=0.2)
        slopes = np.diff(fields[field]["means"]) / np.diff(fields[field]["values"])
        assert slopes == pytest.approx(slope)
    assert other["fields"]["strong"]["size"] == pytest.approx(0, abs=1e-9)
    assert "pairs" not in other


def test_each_of_several_classifications_has_its_errors(several):
    found = several.get("/api/models/kinds/importance").json()
    (other,) = found["others"]

    assert (found["label"], other["label"]) == ("small", "up")
    assert (found["n_rows"], other["n_rows"]) == (N, N - 50)
    assert other["confusion"]["labels"] == ["down", "up"]
    assert np.sum(other["confusion"]["counts"]) == N - 50
    sizes = {name: one["size"] for name, one in other["fields"].items()}
    assert max(sizes, key=lambda name: sizes[name]) == "weak"
    means = other["fields"]["weak"]["means"]
    assert means[0] < 0.3
    assert means[-1] > 0.7


def test_the_page_shows_each_output_by_its_name(several):
    page = several.get("/models/kinds").text

    assert "<h4>To <bdi>Large</bdi></h4>" in page
    assert "<h4>To <bdi>Weak</bdi></h4>" in page
    assert page.count("go together") == 1
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


class Slow:
    """A model that takes a twentieth of a second for each call."""

    def __init__(self, runtime: Any) -> None:
        self.signature, self.features = runtime.signature, runtime.features
        self._runtime = runtime

    def predict(self, table: Any) -> Any:
        time.sleep(0.05)
        return self._runtime.predict(table)


def test_a_slow_model_is_measured_in_part(bundles):
    bundle = bundles["amounts"]
    background = bundle.background
    assert background is not None

    found = importance_of(
        bundle.signature,
        Slow(bundle.runtime),  # type: ignore[arg-type] # it has what is used of a runtime
        background,
        bundle.baseline,
        None,
        None,
        budget_s=0.01,
    )

    assert found is not None
    assert sum(bool(one.means) for one in found.fields.values()) == 1


def test_a_function_is_not_measured(models_file: Path, tmp_path: Path):
    rows = pd.DataFrame({"distance": [1.0, 2.0], "hour": [1, 2]})
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path))
    function = app.site.deployments["arrival-delay"].choose().runtime
    app.close()

    bundle = podium.pack(function, rows, name="arrival", path=tmp_path)

    assert bundle.importance is None
