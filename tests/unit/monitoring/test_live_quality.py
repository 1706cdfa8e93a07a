"""Live quality: the card's metrics on what callers were answered, once the truth is known."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression

import podium
from podium.monitoring import live_quality as module
from podium.monitoring.diagnosis import calibration, confusion, residuals_of, wilson
from podium.monitoring.live_quality import _with_intervals, live_quality
from podium.outputs import Outputs
from podium.packing.quality import quality
from podium.packing.truth import Truth
from podium.records.store import RecordQuery
from podium.signature import Output, Signature
from podium.testing import Client

RANDOM = np.random.default_rng(0)
N = 300


def frame(n_rows):
    return pd.DataFrame({"x": RANDOM.normal(size=n_rows), "y": RANDOM.normal(size=n_rows)})


def labels(rows):
    return np.where(rows.x + RANDOM.normal(size=len(rows)) > 0, "yes", "no")


def number(rows):
    return rows.x * 3 + RANDOM.normal(size=len(rows))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    rows, folder = frame(2_000), tmp_path_factory.mktemp("bundles")
    some = {}
    for name, target, model in (
        ("churn", labels(rows), LogisticRegression()),
        ("delay", pd.Series(number(rows), name="delay"), LinearRegression()),
    ):
        held = frame(500)
        truth = labels(held) if name == "churn" else number(held)
        some[name] = podium.pack(
            model.fit(rows, target),
            rows,
            target,
            name=name,
            path=folder,
            version="1",
            holdout=(held, truth),
        )
    return some


@pytest.fixture
def app(bundles, tmp_path):
    made = podium.App(*bundles.values(), home=str(tmp_path / "home"), store="memory:")
    made.start()
    yield made
    made.close()


def answered(app, model, rows, truths, n_truths=None):
    """The answers for some rows, of which the first get their truth."""
    client = Client(app)
    body = client.post(
        f"/api/models/{model}/predict", [dict(one) for one in rows.to_dict("records")]
    ).json()
    page = app.site.store.page(RecordQuery(model=model), limit=len(rows))
    ids = {one.row_index: one.id for one in page.records}
    feedback = [
        {"id": ids[at], "truth": truth}
        for at, truth in enumerate(np.asarray(truths).tolist()[:n_truths])
    ]
    if feedback:
        sent = client.post(f"/api/models/{model}/feedback", feedback)
        assert sent.status == 200, sent.body
    app.monitoring.flush()
    return body


def asked(app, model, query=""):
    return Client(app).get(f"/api/models/{model}/quality{query}")


def test_a_classifier_has_the_metrics_of_its_card(app, bundles):
    rows = frame(N)
    truths = labels(rows)
    body = answered(app, "churn", rows, truths, 240)

    found = asked(app, "churn").json()

    predictions = body["predictions"][:240]
    by_name = {one["name"]: one for one in found["metrics"]}
    assert list(by_name) == [one.name for one in bundles["churn"].card.metrics]
    assert by_name["accuracy"]["value"] == metrics.accuracy_score(truths[:240], predictions)
    shares = [one["yes"] for one in body["probabilities"]][:240]
    area = metrics.roc_auc_score(truths[:240] == "yes", shares)
    assert by_name["roc_auc"]["value"] == pytest.approx(area)
    assert all(one["low"] < one["value"] < one["high"] for one in by_name.values())
    assert by_name["accuracy"]["card"] == bundles["churn"].card.metrics[0].value
    assert (found["n_rows"], found["n_truths"], found["coverage"]) == (N, 240, 0.8)
    assert 0 <= found["delay_s"][0] <= found["delay_s"][1]
    expected = metrics.confusion_matrix(truths[:240], predictions, labels=["no", "yes"])
    assert found["confusion"]["classes"] == ["no", "yes", "others"]
    assert [row[:2] for row in found["confusion"]["counts"]][:2] == expected.tolist()
    assert sum(one["n_rows"] for one in found["calibration"]) == 240
    assert found["residuals"] is None


def test_a_regression_has_residuals(app):
    rows = frame(N)
    truths = number(rows)
    body = answered(app, "delay", rows, truths)

    found = asked(app, "delay", "?version=1&since=1d").json()

    predictions = body["predictions"]
    by_name = {one["name"]: one["value"] for one in found["metrics"]}
    error = metrics.mean_absolute_error(truths, predictions)
    assert by_name["mean_absolute_error"] == pytest.approx(error)
    assert found["residuals"]["mean"] == pytest.approx((truths - predictions).mean())
    assert sum(found["residuals"]["counts"]) == N
    assert found["confusion"] is None


def test_without_a_truth_there_is_nothing_to_measure(app):
    assert asked(app, "churn").json()["metrics"] == []
    answered(app, "churn", frame(5), [])

    found = asked(app, "churn").json()

    assert (found["n_rows"], found["n_truths"], found["coverage"]) == (5, 0, 0.0)
    assert found["metrics"] == []
    assert found["delay_s"] is None


def test_few_truths_have_no_interval_but_that_of_the_accuracy(app):
    answered(app, "churn", frame(3), ["yes", "no", "yes"])

    by_name = {one["name"]: one for one in asked(app, "churn").json()["metrics"]}

    assert by_name["log_loss"]["low"] is None
    assert by_name["accuracy"]["low"] < by_name["accuracy"]["high"]


def test_a_truth_that_the_model_does_not_know_counts_as_wrong_in_its_own_column(app):
    signature = app.deployments["churn"].choose().signature
    found = confusion(signature.output.classes, np.array([-2, 0, 1]), np.array([1, 0, 1]))

    assert found is not None
    assert found.counts == ((1, 0, 0), (0, 1, 0), (0, 1, 0))


def test_only_the_newest_truths_are_read(app, bundles, monkeypatch):
    monkeypatch.setattr(module, "ROWS_MAX", 10)
    answered(app, "churn", frame(N), labels(frame(N)))

    found = live_quality(app.site.store, bundles["churn"], 0, 2**62, lambda *_: 10)

    assert (found.n_truths, found.is_cut, found.since_us > 0) == (10, True, True)


def test_queries_that_make_no_sense_are_refused(app, bundles, tmp_path):
    other = podium.App(bundles["churn"], home=str(tmp_path / "other"), records=False)
    other.start()

    assert asked(app, "churn", "?since=yesterday").status == 400
    assert asked(app, "churn", "?version=9").status == 404
    assert asked(other, "churn").status == 404
    other.close()


def test_a_large_class_count_is_cut_to_the_first_ones():
    found = confusion([f"c{at}" for at in range(30)], np.array([0, 29, 25]), np.array([0, 29, 3]))

    assert found is not None
    assert len(found.classes) == len(found.counts) == 21
    assert found.counts[20][20] == found.counts[20][3] == found.counts[0][0] == 1


def test_the_calibration_of_several_classes_is_that_of_the_predicted_one():
    shares = np.array([[0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])

    found = calibration(shares, np.array([0, 2]), np.array([0, 1]))

    assert [(one.predicted, one.happened) for one in found] == [(0.6, 1.0), (0.8, 0.0)]
    assert calibration(None, np.array([0]), np.array([0])) == ()


@pytest.mark.parametrize(
    "residuals", [np.zeros(5), np.array([1e300, -1e300, 0.0]), np.array([2.0])]
)
def test_residuals_of_any_kind_are_counted(residuals):
    found = residuals_of(residuals)

    assert found is not None
    assert sum(found.counts) == len(residuals)
    assert len(found.edges) == len(found.counts) + 1
    assert residuals_of(np.array([])) is None
    assert msgspec.json.encode(found)


def test_an_interval_of_a_share_holds_it():
    assert wilson(1.0, 5)[0] < 0.7
    assert wilson(0.0, 5)[1] > 0.3
    low, high = wilson(0.5, 400)
    assert (low, high) == pytest.approx((0.451, 0.549), abs=0.001)


@pytest.mark.slow
def test_intervals_hold_the_true_value_as_often_as_they_say():
    """Of 120 samples of 300 rows each; the true value is that of a very large one."""
    number_signature = Signature(fields=(), outputs=(Output(name="y", task="regression"),))
    card = podium.bundle.Card(name="m", version="1")

    def sample(n):
        truth = RANDOM.normal(size=n)
        return Outputs(truth + RANDOM.standard_t(5, n)), Truth(("y",), (truth,))

    outputs, truth = sample(1_000_000)
    true = {
        one.name: one.value for one in quality(number_signature, outputs, truth, "holdout").metrics
    }
    held = dict.fromkeys(true, 0)
    for _ in range(120):
        outputs, truth = sample(300)
        some = quality(number_signature, outputs, truth, "holdout").metrics
        for one in _with_intervals(number_signature, outputs, truth, some, card):
            held[one.name] += one.low <= true[one.name] <= one.high

    assert min(held.values()) >= 0.87 * 120, held
