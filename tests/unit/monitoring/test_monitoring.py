"""The monitoring of an app: whatever its models answer is counted, and reported."""

from __future__ import annotations

import logging
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.access import ANYONE
from podium.errors import InputError, InvalidRows, NotFound
from podium.hosts.predicted import predicted
from podium.monitoring.counts import Counted, count_outputs, count_table
from podium.monitoring.pieces import HOUR_US
from podium.table import Table
from podium.testing import Client

RANDOM = np.random.default_rng(0)
N = 600


def frame(n_rows, shift=0.0):
    return pd.DataFrame({"x": RANDOM.normal(shift, 1, n_rows), "y": RANDOM.normal(size=n_rows)})


def rows_of(table):
    return [dict(row) for row in table.to_dict("records")]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    rows = frame(2_000)
    model = LogisticRegression().fit(rows, np.where(rows.x > 0, "yes", "no"))
    path = tmp_path_factory.mktemp("bundles") / "churn.podium"
    return podium.pack(model, rows, np.where(rows.x > 0, "yes", "no"), path=path, name="churn")


@pytest.fixture
def app(bundle, tmp_path):
    made = podium.App(bundle, home=str(tmp_path / "home"))
    made.start()
    yield made
    made.close()


def report_of(app, *args, **options):
    app.monitoring.flush()
    return app.monitoring.report("churn", *args, **options)


def test_what_callers_are_answered_is_counted_as_a_file_would_be(app, bundle):
    rows, client = rows_of(frame(N)), Client(app)
    assert client.post("/api/models/churn/predict", rows[:500]).status == 200
    for row in rows[500:]:
        assert client.post("/api/models/churn/predict", row).status == 200

    report = report_of(app)

    table = Table.of(rows)
    expected = count_table(bundle.baseline, bundle.signature, table)
    outputs = bundle.runtime.predict(table)
    expected |= count_outputs(bundle.baseline, bundle.signature, outputs)
    counted = {Counted(one.kind, one.name): one.counts for one in report.measured}
    assert counted == {what: tuple(counts.tolist()) for what, counts in expected.items()}
    assert report.n_rows == report.n_counted == N
    assert report.level == "none"
    (window,) = report.windows
    assert sum(window.latencies) == N - 500 + 1
    assert len(window.psi) == len(window.level) == len(report.measured) == 5


def test_drift_of_a_field_and_of_what_is_predicted_is_reported(app):
    Client(app).post("/api/models/churn/predict", rows_of(frame(N, shift=1.0)))

    levels = {(one.kind, one.name): one.level for one in report_of(app).measured}

    assert levels["field", "x"] == levels["prediction", "prediction"] == "red"
    assert levels["field", "y"] == "none"


def test_refused_rows_are_counted_by_field(app):
    client = Client(app)
    client.post("/api/models/churn/predict", [{"x": "a", "y": "b"}, {"x": 1.0, "y": 1.0}])
    client.post("/api/models/churn/predict", {"x": "a", "y": 1.0})
    client.post("/api/models/churn/predict", body=b"{", content_type="application/json")

    report = report_of(app)

    assert (report.n_rows, report.n_refused) == (0, 2)
    assert {one.name: one.n_refused for one in report.measured if one.kind == "field"} == {
        "x": 2,
        "y": 1,
    }


def test_missing_unseen_and_outside_are_told_apart(tmp_path):
    rows = pd.DataFrame({"plan": ["a", "b"] * 50, "age": np.arange(100.0)})
    encoder = (OneHotEncoder(handle_unknown="ignore"), ["plan"])
    columns = make_column_transformer(encoder, remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression())
    model.fit(rows, rows.age > 50)
    podium.pack(model, rows, rows.age > 50, path=tmp_path / "p.podium", name="plans")
    with_app = podium.App(str(tmp_path / "p.podium"), home=str(tmp_path / "home"))
    with_app.start()
    client = Client(with_app)
    for plan, age in (("c", 5), ("a", -1), ("b", 1_000)):
        reply = client.post("/api/models/plans/predict", {"plan": plan, "age": age})
        assert reply.status == 200, reply.body
    with_app.monitoring.flush()

    found = {one.name: one for one in with_app.monitoring.report("plans").measured}
    with_app.close()

    assert (found["plan"].n_unseen, found["plan"].n_outside) == (1, 0)
    assert (found["age"].n_unseen, found["age"].n_outside) == (0, 2)


def test_a_model_without_training_rows_has_its_rows_counted(models_file, tmp_path):
    app = podium.App(f"{models_file}:fragile", home=str(tmp_path / "home"))
    app.start()
    client = Client(app)
    client.post("/api/models/fragile/predict", {"x": 1.0})
    client.post("/api/models/fragile/predict", {"x": "one"})
    app.monitoring.flush()

    report = app.monitoring.report("fragile")
    app.close()

    assert (report.n_rows, report.n_refused, report.has_baseline) == (1, 1, False)
    assert report.measured == ()
    assert len(report.windows) == 1


@pytest.mark.slow
def test_each_row_counts_under_the_version_that_answered(app, tmp_path):
    client, rows = Client(app), rows_of(frame(20))
    first = app.deployments["churn"].choose().digest
    client.post("/api/models/churn/predict", rows)
    other = frame(1_000)
    model = LogisticRegression().fit(other, np.where(other.y > 0, "yes", "no"))
    target = np.where(other.y > 0, "yes", "no")
    new = podium.pack(model, other, target, path=tmp_path / "2.podium", name="churn", version="2")
    app.swap(new)
    client.post("/api/models/churn/predict", rows[:5])

    report = report_of(app)
    earlier = report_of(app, version=first)

    assert (report.version, report.n_rows) == ("2", 5)
    assert earlier.n_rows == 20
    assert sorted(one.n_rows for one in report.versions) == [5, 20]


def test_windows_and_their_bounds(app):
    Client(app).post("/api/models/churn/predict", rows_of(frame(3)))
    now_us = time.time_ns() // 1_000

    hour = report_of(app, "hour")
    week = report_of(app, "week")
    later = report_of(app, "hour", now_us + 2 * HOUR_US)

    assert hour.windows[0].time_us % HOUR_US == 0
    assert week.windows[0].time_us % (168 * HOUR_US) == 4 * 24 * HOUR_US  # a Monday
    assert later.n_rows == 0
    with pytest.raises(InputError):
        report_of(app, "hour", now_us - 2_000 * HOUR_US)
    with pytest.raises(NotFound):
        app.monitoring.report("nobody")
    with pytest.raises(NotFound):
        app.monitoring.report("churn", version="none")


def test_nothing_is_counted_where_the_settings_say_so(bundle, tmp_path):
    for number, switches in enumerate(({"monitoring": False}, {"records": False})):
        home = tmp_path / str(number)
        app = podium.App(bundle, home=str(home), **switches)
        app.start()
        Client(app).post("/api/models/churn/predict", {"x": 1.0, "y": 1.0})
        app.close()

        assert app.monitoring is None
        assert not (home / "monitoring.db").exists()


def test_a_file_that_cannot_be_written_fails_no_request_and_loses_no_count(app, tmp_path, caplog):
    file, client = tmp_path / "home" / "monitoring.db", Client(app)
    file.write_bytes(b"no database at all" * 500)
    for _ in range(3):
        assert client.post("/api/models/churn/predict", {"x": 1.0, "y": 1.0}).status == 200
        app.monitoring.flush()
    told = [one for one in caplog.records if one.levelno >= logging.WARNING]
    file.unlink()

    report = report_of(app)

    assert report.n_rows == 3
    assert len(told) == 1
    assert "counts_not_written" in told[0].getMessage()
    assert app.monitoring.counter.n_failed >= 3  # its thread may try, too


def test_an_app_that_ends_has_written_everything(bundle, tmp_path):
    for n_rows in (2, 3):
        app = podium.App(bundle, home=str(tmp_path))
        app.start()
        Client(app).post("/api/models/churn/predict", rows_of(frame(n_rows)))
        app.close()

    again = podium.App(bundle, home=str(tmp_path))
    report = again.monitoring.report("churn")
    again.close()

    assert report.n_rows == report.n_counted == 5


def test_the_api_reports_and_says_what_it_can_not(app):
    client = Client(app)
    client.post("/api/models/churn/predict", rows_of(frame(N, shift=1.0)))
    app.monitoring.flush()

    found = client.get("/api/models/churn/monitor?window=hour&since=3h")

    value = found.json()
    assert (found.status, value["n_rows"], value["level"]) == (200, N, "red")
    assert value["windows"][-1]["time"].endswith(":00:00.000Z")
    assert value["measured"][0]["level"] == "red"
    assert client.get("/api/models/churn/monitor?role=shadow").json()["n_rows"] == 0
    for query, status in (
        ("window=year", 400),
        ("since=tomorrow", 400),
        ("window=hour&since=2001-01-01", 400),
        ("role=none", 400),
        ("version=99", 404),
    ):
        assert client.get(f"/api/models/churn/monitor?{query}").status == status, query
    assert client.get("/api/models/other/monitor").status == 404


def test_the_api_says_where_nothing_is_counted(bundle, tmp_path):
    app = podium.App(bundle, home=str(tmp_path), monitoring=False)

    answer = Client(app).get("/api/models/churn/monitor")
    app.close()

    assert answer.status == 404
    assert "monitoring = true" in answer.json()["hint"]


def test_what_is_usual_from_hour_to_hour_is_no_drift_of_a_window(tmp_path):
    times = np.datetime64("2026-01-01") + np.repeat(np.arange(24), 100).astype("timedelta64[h]")
    rows = frame(2_400)
    rows["x"] += np.where(np.arange(2_400) // 100 % 8 == 0, 3.0, 0.0)
    target = np.where(rows.y > 0, "yes", "no")
    path, model = tmp_path / "churn.podium", LogisticRegression().fit(rows, target)
    app = podium.App(
        podium.pack(model, rows, target, path=path, name="churn", times=times),
        home=str(tmp_path / "home"),
    )
    app.start()
    Client(app).post("/api/models/churn/predict", rows_of(frame(N, shift=3.0)))

    report = report_of(app, "hour")
    app.close()

    place = {(one.kind, one.name): at for at, one in enumerate(report.measured)}["field", "x"]
    assert report.windows[0].psi[place] > 1
    assert report.windows[0].level[place] == report.measured[place].level == "none"


def test_refusals_of_forms_and_of_python_are_counted(app):
    client = Client(app)
    sent = client.send_form("/models/churn", {"x": "a", "y": "1"})
    with pytest.raises(InvalidRows):
        predicted(app.service, app.deployments["churn"].traffic, {"x": "b", "y": 1.0}, actor=ANYONE)

    report = report_of(app)

    assert sent.status == 422
    assert report.n_refused == 2
    assert {one.name: one.n_refused for one in report.measured if one.kind == "field"}["x"] == 2
