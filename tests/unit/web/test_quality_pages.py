"""Quality in use, as a page: metrics beside those of the card, and where the model errs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import podium
from podium.monitoring.live_quality import LiveMetric
from podium.records.store import RecordQuery
from podium.testing import Client
from podium.web.quality_pages import _metric, duration_text

RANDOM = np.random.default_rng(0)
N = 300


def frame(n_rows: int) -> pd.DataFrame:
    return pd.DataFrame({"x": RANDOM.normal(size=n_rows)})


def labels(rows: pd.DataFrame) -> np.ndarray:
    return np.where(rows["x"] + RANDOM.normal(size=len(rows)) > 0, "yes", "<no>")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[podium.App]:
    folder, rows = tmp_path_factory.mktemp("quality"), frame(500)
    held = frame(200)
    some = [
        podium.pack(
            LogisticRegression().fit(rows, labels(rows)),
            rows,
            name="churn",
            path=folder,
            holdout=(held, labels(held)),
        ),
        podium.pack(LinearRegression().fit(rows, 3 * rows["x"]), rows, name="delay", path=folder),
    ]
    made = podium.App(*some, home=str(folder / "home"), store="memory:")
    client = Client(made)
    sent = frame(N)
    for name, truths in (("churn", labels(sent)), ("delay", (3 * sent["x"] + 1).to_numpy())):
        client.post(f"/api/models/{name}/predict", sent.to_dict("records"))
        page = made.site.store.page(RecordQuery(model=name), limit=N)
        given = [{"id": one.id, "truth": truths[one.row_index].item()} for one in page.records]
        assert client.post(f"/api/models/{name}/feedback", given[: N - 60]).status == 200
    made.monitoring.flush()
    yield made
    made.close()


def test_a_classifier_has_its_metrics_confusion_and_calibration(app):
    page = Client(app).get("/models/churn/quality").text

    assert "The truth of 240 predictions is known, 80.0\u00a0% of 300. Half of it came" in page
    assert ">Accuracy</th>" in page
    assert "predicted <bdi>&lt;no&gt;</bdi>" in page
    assert page.count('<rect class="before"') == page.count('<rect class="now"') > 0
    assert "<no>" not in page
    assert "others" not in page


def test_a_regression_has_residuals_and_no_calibration(app):
    page = Client(app).get("/models/delay/quality?since=24h").text

    assert "True values less predicted ones" in page
    assert "Mean 1," in page
    assert 'id="calibration"' not in page
    assert '<option value="24h" selected>' in page


def test_without_truths_the_page_says_where_they_come_from(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), store="memory:")
    client = Client(app)

    page = client.get("/models/arrival-delay/quality").text
    refused = [
        client.get(f"/models/arrival-delay/quality?{query}").status
        for query in ("since=never", "version=nothing")
    ]
    app.close()

    assert "The truth of no prediction in this time is known yet" in page
    assert refused == [400, 404]


@pytest.mark.parametrize(
    ("better", "value", "card", "verdict"),
    [
        ("higher", 0.8, 0.85, "as on the card"),
        ("higher", 0.8, 0.95, "worse than on the card"),
        ("higher", 0.8, 0.6, "better than on the card"),
        ("lower", 0.8, 0.6, "worse than on the card"),
        ("lower", 0.8, None, ""),
    ],
)
def test_only_what_chance_does_not_explain_is_called_worse(better, value, card, verdict):
    line = _metric(
        LiveMetric(
            name="accuracy",
            title="accuracy",
            better=better,
            value=value,
            low=0.75,
            high=0.9,
            card=card,
        )
    )

    assert (line.verdict, line.is_worse) == (verdict, verdict.startswith("worse"))
    assert (line.title, line.now) == ("Accuracy", "80.0\u00a0%")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25\u00a0seconds"),
        (150.0, "2.5\u00a0minutes"),
        (8e4, "22.2\u00a0hours"),
        (6e5, "6.94\u00a0days"),
    ],
)
def test_durations_have_a_unit_that_fits(seconds, text):
    assert duration_text(seconds) == text
