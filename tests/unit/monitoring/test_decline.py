"""Declines: predictions that got worse are told of, and chance isn't."""

from __future__ import annotations

import logging
import math
import time
import uuid

import msgspec
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import podium
from podium.bundle.card import Card, Metric
from podium.errors import StoreError
from podium.monitoring import decline as module
from podium.monitoring.decline import Standard, declined, standards_of, windows_of
from podium.monitoring.lookout import Lookout
from podium.monitoring.pieces import HOUR_US
from podium.records.record import Feedback, Record
from podium.records.stores.memory import MemoryStore
from podium.signature import Output
from podium.testing import Client

MONDAY = 3_000 * 168 + 96  # the first hour of a week
LABEL = Output(task="classification", classes=("no", "yes"))
NUMBER = Output(task="regression")


def standard(*metrics: Metric, n: int = 500, on="holdout") -> Standard | None:
    card = Card(name="m", version="1", metrics=metrics, n_metric_rows=n, metrics_on=on)
    outputs = (NUMBER if metrics[0].name.startswith("mean") else LABEL,)
    return next(iter(standards_of(card, outputs)), None)


def accuracy(value: float, n: int = 500) -> Standard:
    metric = Metric(name="accuracy", title="accuracy", value=value, better="higher")
    found = standard(metric, n=n)
    assert found is not None
    return found


def errors(rows: np.ndarray) -> Standard:
    figures = {
        "mean_absolute_error": np.abs(rows).mean(),
        "root_mean_squared_error": math.sqrt((rows**2).mean()),
    }
    found = standard(
        *(Metric(name=n, title=n, value=float(v), better="lower") for n, v in figures.items()),
        n=len(rows),
    )
    assert found is not None
    return found


def wrong(share: float, n: int = 1_000) -> np.ndarray:
    rows = np.zeros(n)
    rows[: round(share * n)] = 1.0
    return rows


def test_ten_points_at_a_thousand_truths_are_found_in_every_kind_of_window():
    for period in ("hour", "day", "week"):
        found = declined(accuracy(0.9), wrong(0.2), wrong(0.2), period)

        assert found is not None
        assert (found.kind, found.level, found.is_firing) == ("quality", "red", True)
        assert (found.name, found.before, found.now) == ("accuracy", 0.9, 0.8)


def test_one_window_is_pending_and_a_good_one_ends_it():
    first = declined(accuracy(0.9), wrong(0.1), wrong(0.2), "day")

    assert first is not None
    assert not first.is_firing
    assert declined(accuracy(0.9), wrong(0.2), wrong(0.1), "day") is None
    assert declined(accuracy(0.9), wrong(0.2), wrong(0.2, 99), "day") is None


def test_less_than_matters_is_no_alarm_however_many_truths_there_are():
    many = wrong(0.119, 20_000)

    assert declined(accuracy(0.9, 20_000), many, many, "day") is None
    moved = declined(accuracy(0.9, 20_000), wrong(0.125, 20_000), wrong(0.125, 20_000), "day")
    assert moved is not None
    assert moved.level == "amber"


def test_better_is_no_alarm():
    assert declined(accuracy(0.9), wrong(0.0), wrong(0.0), "day") is None


def test_a_card_of_few_rows_promises_little():
    assert declined(accuracy(0.9, 20), wrong(0.2), wrong(0.2), "day") is None


@pytest.mark.parametrize("on", ["training", "unknown"])
def test_rows_that_the_model_was_trained_on_promise_nothing(on):
    metric = Metric(name="accuracy", title="accuracy", value=1.0, better="higher")

    assert standard(metric, on=on) is None


def test_other_metrics_promise_nothing():
    other = Metric(name="mean_of_my_own", title="mean", value=1.0, better="higher")

    assert standard(other) is None


def stable_alarms(random, n_cards, n_windows, n, n_card, draw) -> int:
    """Firing alarms of windows that are drawn like the rows of their card."""
    n_firing = 0
    for _ in range(n_cards):
        card = draw(random, n_card)
        is_share = set(np.unique(card)) <= {0.0, 1.0}
        own = accuracy(1 - card.mean(), n_card) if is_share else errors(card)
        earlier = np.abs(draw(random, n))
        for _ in range(n_windows):
            latest = np.abs(draw(random, n))
            found = declined(own, earlier, latest, "week")
            n_firing += found is not None and found.is_firing
            earlier = latest
    return n_firing


DRAWS = {
    "wrong labels": lambda random, n: (random.random(n) < 0.1).astype(float),
    "rare wrong labels": lambda random, n: (random.random(n) < 0.01).astype(float),
    "normal errors": lambda random, n: random.normal(size=n),
    "skewed errors": lambda random, n: random.lognormal(0.0, 1.0, n),
    "errors with heavy tails": lambda random, n: random.standard_t(2.1, n),
}


@pytest.mark.parametrize("n_card", [150, 2_000])
@pytest.mark.parametrize("n", [100, 1_000])
@pytest.mark.parametrize("kind", DRAWS)
def test_stable_models_have_no_alarm_in_a_thousand_windows(kind, n, n_card):
    # Windows of the most sensitive kind. In 20,000 of them 0 to 5 alarmed, by what was drawn.
    found = stable_alarms(np.random.default_rng(7), 100, 10, n, n_card, DRAWS[kind])

    assert found <= 1


def test_errors_that_grew_by_half_are_found():
    random = np.random.default_rng(0)
    own = errors(random.normal(size=500))
    rows = np.abs(random.normal(0, 1.6, 1_000))

    found = declined(own, rows, rows, "hour")

    assert found is not None
    assert (found.level, found.is_firing) == ("red", True)
    assert found.now == pytest.approx(rows.mean())


def test_errors_beyond_all_measure_break_nothing():
    own = errors(np.zeros(500))
    rows = np.full(200, 1e308)

    assert declined(own, np.zeros(200), np.zeros(200), "day") is None
    assert declined(own, np.ones(200), np.ones(200), "day") is not None
    declined(own, rows, rows, "day")


def test_the_tail_of_student_is_that_of_the_books():
    for degrees in (99, 500):
        for t in (0.0, 2.0, 4.5):
            expected = stats.t.sf(t, degrees)
            assert module._student_tail(t, degrees) == pytest.approx(expected, rel=0.05)


def frame(random, n):
    return pd.DataFrame({"x": random.normal(size=n), "y": random.normal(size=n)})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    random = np.random.default_rng(1)
    rows, held = frame(random, 2_000), frame(random, 1_000)
    path = tmp_path_factory.mktemp("bundles") / "churn.podium"
    target, truth = (np.where(one.x > 0, "yes", "no") for one in (rows, held))
    return podium.pack(
        LogisticRegression().fit(rows, target),
        rows,
        target,
        path=path,
        name="churn",
        version="1",
        holdout=(held, truth),
    )


def records(bundle, hour, n, n_wrong, *, delay_hours=0, **options):
    """Predictions whose truth came in this hour."""
    told_us = hour * HOUR_US + 60_000_000
    made = []
    for at in range(n):
        truth = b'"no"' if at < n_wrong else b'"yes"'
        made.append(
            Record(
                **{
                    "id": uuid.uuid4().hex,
                    "time_us": told_us - delay_hours * HOUR_US - 1_000_000,
                    "model": "churn",
                    "version": "1",
                    "inputs": b"{}",
                    "outputs": b'{"prediction": "yes"}',
                    "outcome": "yes",
                    "bundle_digest": bundle.digest,
                    "feedback": Feedback(truth=truth, time_us=told_us),
                }
                | options
            )
        )
    return made


class World:
    """An app whose records are inserted by hand, and its lookout."""

    def __init__(self, bundle, home) -> None:
        self.store = MemoryStore()
        self.app = podium.App(bundle, home=str(home), record_store=self.store, ships=False)
        self.client = Client(self.app)  # which starts it
        self.app.alerting.close()  # its own lookout would look at the hours of the clock
        self.bundle, self.now_us = bundle, 0
        self.lookout = self.another(("hour", "day", "week"))

    def another(self, windows) -> Lookout:
        return Lookout(
            self.app.monitoring,
            self.app.deployments,
            self.app.alerting.file,
            self.app._home,
            windows=windows,
            store=self.store,
            clock_us=lambda: self.now_us,
        )

    def tell(self, hour, n, n_wrong, **options) -> None:
        self.store.insert(records(self.bundle, hour, n, n_wrong, **options))

    def look_after(self, hour):
        self.now_us = (hour + 1) * HOUR_US + 120_000_000
        while not self.lookout.look():  # the app's own holds the lock
            time.sleep(0.01)
        found = self.app.alerting.file.alerts("churn", ("pending", "firing", "resolved"))
        return next((one for one in found if one.kind == "quality"), None)


@pytest.fixture
def world(bundle, tmp_path):
    made = World(bundle, tmp_path / "home")
    yield made
    made.app.close()


@pytest.mark.slow
def test_a_decline_is_pending_fires_is_listed_and_resolves(world):
    states = []
    for hour, n_wrong in enumerate((0, 60, 60, 0, 0), MONDAY):
        world.tell(hour, 300, n_wrong)
        alert = world.look_after(hour)
        states.append(None if alert is None else alert.state)
        listed = world.client.get("/api/models/churn/alerts").json()["alerts"]
        assert bool(listed) == (states[-1] in ("pending", "firing"))

    assert states == [None, "pending", "firing", "firing", "resolved"]
    assert alert.sentence.startswith("predictions got worse: the accuracy is 80 %")
    page = world.client.get("/models/churn/monitor").text
    assert "Predictions got worse: the accuracy is 80 %" in page


def test_truths_count_when_they_come_and_not_when_they_were_predicted(world):
    for day in range(2):
        world.tell(MONDAY + 24 * day, 300, 60, delay_hours=24 * 20)

    alert = world.look_after(MONDAY + 47)

    assert (alert.state, list(alert.windows)) == ("firing", ["day"])


def test_few_truths_of_a_day_are_enough_in_weeks(world):
    for day in range(14):
        world.tell(MONDAY + 24 * day, 30, 15)

    alert = world.look_after(MONDAY + 14 * 24 - 1)

    assert (alert.state, list(alert.windows)) == ("firing", ["week"])


def test_shadows_other_versions_and_strange_truths_do_not_count(world, bundle):
    for hour in (MONDAY, MONDAY + 1):
        world.tell(hour, 300, 300, role="shadow")
        world.tell(hour, 300, 300, bundle_digest="0" * 64)
        world.tell(hour, 300, 0, outputs=b'{"prediction": null}')
        world.tell(hour, 100, 0)
        (strange,) = records(bundle, hour, 1, 0)
        told = msgspec.structs.replace(strange.feedback, truth=b"[1]")
        world.store.insert([msgspec.structs.replace(strange, feedback=told)])

    assert world.look_after(MONDAY + 1) is None


def test_a_store_that_fails_hides_no_other_alarms(world, caplog, monkeypatch):
    def fail(*_, **__):
        raise StoreError("the database is gone")

    monkeypatch.setattr(world.store, "page", fail)

    with caplog.at_level(logging.ERROR, "podium"):
        assert world.look_after(MONDAY) is None

    assert "quality_not_looked_at: churn: the database is gone" in caplog.text
    assert world.app.alerting.file.looked("churn", "hour") == MONDAY + 1


def test_errors_of_a_regression_are_compared(tmp_path):
    random = np.random.default_rng(2)
    rows, held = frame(random, 500), frame(random, 300)
    targets = [one.x * 3 + random.normal(size=len(one)) for one in (rows, held)]
    model = LinearRegression().fit(rows, targets[0])
    bundle = podium.pack(
        model,
        rows,
        targets[0],
        name="delay",
        version="1",
        path=tmp_path / "delay.podium",
        holdout=(held, targets[1]),
    )
    store, (own,) = MemoryStore(), standards_of(bundle.card, bundle.signature.outputs)
    for hour in (MONDAY, MONDAY + 1):
        some = records(
            bundle, hour, 200, 0, model="delay", outputs=b'{"prediction": 1.5}', outcome="1.5"
        )
        store.insert(
            [
                msgspec.structs.replace(
                    one, feedback=Feedback(truth=b"4", time_us=one.feedback.time_us)
                )
                for one in some
            ]
        )

    (windows,) = windows_of(store, bundle, [own], "hour", MONDAY + 2)

    assert [one.tolist() for one in windows] == [[2.5] * 200] * 2
    found = declined(own, *windows, "hour")
    assert found.name == "mean absolute error"


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """A model that predicts whether somebody leaves, and whether they pay."""
    random = np.random.default_rng(1)
    rows, held = frame(random, 2_000), frame(random, 1_000)

    def targets(some):
        return pd.DataFrame({"leaves": (some.x > 0) * 1, "pays": (some.y > 0) * 1})

    return podium.pack(
        DecisionTreeClassifier(max_depth=3).fit(rows, targets(rows)),
        rows,
        targets(rows),
        path=tmp_path_factory.mktemp("bundles") / "churn.podium",
        name="churn",
        version="1",
        holdout=(held, targets(held)),
    )


def of_both(bundle, hour, n, n_wrong, *, n_paid=None):
    """Predictions of both outputs, of which the second is wrong; some truths lack it."""
    outputs = b'{"prediction": {"leaves": 1, "pays": 1}}'
    made = records(bundle, hour, n, 0, outputs=outputs, outcome="1")
    for at, one in enumerate(made):
        truth = {"leaves": 1} | ({"pays": int(at >= n_wrong)} if at < (n_paid or n) else {})
        told = msgspec.structs.replace(one.feedback, truth=msgspec.json.encode(truth))
        yield msgspec.structs.replace(one, feedback=told)


def test_each_output_is_watched_and_alarms_by_its_own_name(of_two, tmp_path):
    world = World(of_two, tmp_path / "home")
    try:
        states = list(alerts_of_both(world, of_two))
    finally:
        world.app.close()

    firing = ["firing"] * 4
    assert states == [("accuracy of pays", one) for one in ("pending", *firing, "resolved")]


def alerts_of_both(world, bundle):
    # In the fourth hour only the first output has truths enough, which says nothing of the second.
    hours = ((60, 300), (60, 300), (60, 300), (0, 20), (0, 300), (0, 300))
    for hour, (n_wrong, n_paid) in enumerate(hours, MONDAY):
        world.store.insert(of_both(bundle, hour, 300, n_wrong, n_paid=n_paid))
        alert = world.look_after(hour)
        yield alert.name, alert.state


def test_the_first_metric_of_each_output_is_what_it_promises():
    outputs = tuple(Output(name=name, task="regression") for name in ("low", "high"))
    metrics = [
        Metric(name=name, title=name, value=1.0, better="lower", output=output)
        for output in ("low", "high")
        for name in ("mean_absolute_error", "root_mean_squared_error")
    ]
    other = Metric(name="pinball_loss", title="loss", value=1.0, better="lower", output="low")
    card = Card(name="m", version="1", n_metric_rows=500, metrics_on="holdout", metrics=())

    def names(*metrics):
        found = standards_of(msgspec.structs.replace(card, metrics=metrics), outputs)
        return [one.output.name for one in found]

    assert names(*metrics) == ["low", "high"]
    assert names(other, *metrics) == ["high"]


def test_more_outputs_need_more_certainty():
    alone = declined(accuracy(0.9), wrong(0.19, 200), wrong(0.19, 200), "day")

    assert alone is not None
    assert declined(accuracy(0.9), wrong(0.19, 200), wrong(0.19, 200), "day", 50) is None
