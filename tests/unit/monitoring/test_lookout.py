"""The lookout: real counts of hours, days and weeks, looked at as the clock says."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import podium
from podium.access import Action, Actor
from podium.metrics.exposition import exposition
from podium.monitoring.alerts import Alert
from podium.monitoring.channels import NotSent
from podium.monitoring.counts_file import CountsFile
from podium.monitoring.layout import Layout
from podium.monitoring.lookout import RETRY_US, TRIES_MAX, Lookout
from podium.monitoring.pieces import HOUR_US
from podium.outputs import Outputs
from podium.records.counted import Key, Tally
from podium.table import Table
from podium.testing import Client

RANDOM = np.random.default_rng(0)
MONDAY = 20_000 * 168 + 96  # the first hour of a week
N_HOUR = 500


def frame(n_rows, shift=0.0):
    return pd.DataFrame({"x": RANDOM.normal(shift, 1, n_rows), "y": RANDOM.normal(size=n_rows)})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    rows = frame(5_000)
    target = np.where(rows.x > 0, "yes", "no")
    path = tmp_path_factory.mktemp("bundles") / "churn.podium"
    return podium.pack(
        LogisticRegression().fit(rows, target), rows, target, path=path, name="churn", version="1"
    )


@pytest.fixture(scope="module")
def tallies(bundle):
    """The counts of an hour, by how far a field moved."""
    layout = Layout(bundle.baseline, bundle.signature)

    def tally(shift=0.0, n_rows=N_HOUR, n_refused=0):
        table = Table.of(frame(n_rows, shift))
        outputs: Outputs = bundle.runtime.predict(table)
        return Tally(layout.text, layout.count(table, outputs), n_rows, n_rows, n_refused)

    return tally


class Sent:
    """A channel that keeps what it sends, or fails."""

    name = "webhook"

    def __init__(self) -> None:
        self.messages: list[list[tuple[int, str, tuple[str, str, str]]]] = []
        self.fails = False
        self.may_end = threading.Event()
        self.may_end.set()

    def send(self, notices):
        self.may_end.wait(120)
        if self.fails:
            raise NotSent("x.org answered 503")
        self.messages.append([(one.number, one.happened, one.alert.key) for one in notices])


class World:
    """An app whose hours are counted by hand, and its lookout."""

    def __init__(self, bundle, home, tallies) -> None:
        self.app = podium.App(bundle, home=str(home), ships=False)
        self.app.start()
        self.app.alerting.close()  # its own lookout would look at the hours of the clock
        self.home, self.tallies, self.now_us = home, tallies, 0
        self.file = CountsFile(home / "monitoring.db")
        self.digest = self.app.deployments["churn"].choose().digest
        self.sent = Sent()
        self.lookout = self.another()

    def another(self, windows=("hour", "day", "week")) -> Lookout:
        return Lookout(
            self.app.monitoring,
            self.app.deployments,
            self.app.alerting.file,
            self.home,
            windows=windows,
            channels=[self.sent],
            clock_us=lambda: self.now_us,
        )

    def count(self, hour, *args, **options) -> None:
        self.file.add({Key("churn", self.digest, "primary", hour): self.tallies(*args, **options)})

    def look_after(self, hour) -> None:
        self.now_us = (hour + 1) * HOUR_US + 120_000_000
        assert self.lookout.look()

    def alerts(self, *states) -> dict[tuple[str, str], Alert]:
        found = self.app.alerting.file.alerts("churn", states or ("pending", "firing"))
        return {(one.kind, one.name): one for one in found}


@pytest.fixture
def world(bundle, tmp_path, tallies):
    made = World(bundle, tmp_path / "home", tallies)
    yield made
    made.file.close()
    made.app.close()


def test_a_drift_is_pending_fires_is_sent_once_and_resolves(world):
    shifts = (0.0, 1.0, 1.0, 1.0, 0.0, 0.0)
    states = []
    for hour, shift in enumerate(shifts, MONDAY):
        world.count(hour, shift)
        world.look_after(hour)
        alert = world.alerts("pending", "firing", "resolved").get(("drift", "x"))
        states.append(None if alert is None else alert.state)
    world.look_after(hour)

    assert states == [None, "pending", "firing", "firing", "firing", "resolved"]
    told = [(what, key) for message in world.sent.messages for _, what, key in message]
    drift = ("drift", "field", "x")
    assert told.count(("firing", drift)) == told.count(("resolved", drift)) == 1
    assert not [key for _, key in told if key[2] == "y"]
    assert (alert.version, alert.level, alert.windows) == ("1", "red", {})


def test_an_hour_is_looked_at_when_it_has_ended_and_settled(world):
    world.count(MONDAY, 1.0)
    world.count(MONDAY + 1, 1.0)

    world.now_us = (MONDAY + 2) * HOUR_US + 10_000_000
    world.lookout.look()
    before = world.alerts()
    world.now_us += 60_000_000
    world.lookout.look()

    assert ("drift", "x") not in {key: 0 for key, one in before.items() if one.state == "firing"}
    assert world.alerts()["drift", "x"].state == "firing"


def test_a_clock_that_was_years_ahead_is_forgotten(world):
    world.look_after(MONDAY + 50_000)
    for hour in range(MONDAY, MONDAY + 2):
        world.count(hour, 1.0)
        world.look_after(hour)

    assert world.alerts()["drift", "x"].state == "firing"


@pytest.mark.slow
def test_days_find_what_hours_have_too_few_rows_for(world):
    for hour in range(MONDAY, MONDAY + 48):
        world.count(hour, 0.5, 20)
        world.look_after(hour)
        if hour == MONDAY + 30:
            assert {one.state for one in world.alerts().values()} == {"pending"}

    alert = world.alerts()["drift", "x"]
    assert (alert.state, list(alert.windows)) == ("firing", ["day"])


def test_weeks_find_what_days_have_too_few_rows_for(world):
    for day in range(14):
        world.count(MONDAY + 24 * day, 0.5, 100)
    world.look_after(MONDAY + 14 * 24 - 1)

    assert list(world.alerts()["drift", "x"].windows) == ["week"]


def test_only_windows_in_the_settings_are_looked_at(world):
    world.lookout = world.another(windows=("day",))
    for hour in range(MONDAY, MONDAY + 2):
        world.count(hour, 1.0)
        world.look_after(hour)

    assert world.alerts() == {}


def test_refused_rows_and_silence_are_told_of(world):
    for day in range(7):
        for hour in range(2):
            world.count(MONDAY + 24 * day + hour)
    world.look_after(MONDAY + 7 * 24 + 1)
    silent = world.alerts()
    for hour in range(2, 4):
        world.count(MONDAY + 7 * 24 + hour, n_refused=200)
        world.look_after(MONDAY + 7 * 24 + hour)

    assert silent["silence", ""].state == "firing"
    assert silent["silence", ""].digest == ""
    assert "usually are 1,000" in silent["silence", ""].sentence
    assert world.alerts()["refused", ""].state == "firing"
    assert ("silence", "") not in world.alerts()


@pytest.mark.slow
def test_alerts_of_a_version_that_no_longer_answers_end(world, tmp_path):
    for hour in range(MONDAY, MONDAY + 2):
        world.count(hour, 1.0)
    world.look_after(MONDAY + 1)
    rows = frame(1_000)
    target = np.where(rows.y > 0, "yes", "no")
    model = LogisticRegression().fit(rows, target)
    world.app.swap(
        podium.pack(model, rows, target, path=tmp_path / "2.podium", name="churn", version="2")
    )

    world.look_after(MONDAY + 2)

    assert world.alerts() == {}
    assert world.alerts("resolved")["drift", "x"].resolved_us is not None


def test_many_that_look_at_once_send_once(world):
    for hour in range(MONDAY, MONDAY + 2):
        world.count(hour, 1.0)
    world.now_us = (MONDAY + 2) * HOUR_US + 120_000_000
    world.sent.may_end.clear()
    ended = threading.Semaphore(0)

    def look():
        world.another().look()
        ended.release()

    threads = [threading.Thread(target=look) for _ in range(8)]
    for one in threads:
        one.start()
    for _ in threads[1:]:
        assert ended.acquire(timeout=60)  # whoever doesn't send has nothing to wait for
    world.sent.may_end.set()
    for one in threads:
        one.join()
    world.lookout.look()

    numbers = [number for message in world.sent.messages for number, _, _ in message]
    assert len(numbers) == len(set(numbers)) > 0


def test_what_cannot_be_sent_is_tried_again_later_and_later(world, caplog):
    for hour in range(MONDAY, MONDAY + 2):
        world.count(hour, 1.0)
    world.sent.fails = True
    world.look_after(MONDAY + 1)
    world.sent.fails = False
    world.now_us += RETRY_US - 1
    world.lookout.look()
    too_early = list(world.sent.messages)
    world.now_us += 1
    world.lookout.look()

    assert too_early == []
    assert len(world.sent.messages) == 1
    assert "alerts_not_sent: webhook: x.org answered 503" in caplog.text


def test_what_can_never_be_sent_is_given_up(world, caplog):
    for hour in range(MONDAY, MONDAY + 2):
        world.count(hour, 1.0)
    world.sent.fails = True
    world.look_after(MONDAY + 1)
    for _ in range(TRIES_MAX + 2):
        world.now_us += HOUR_US
        world.lookout._send()

    assert caplog.text.count("alerts_given_up") == 1
    assert world.app.alerting.file.due("webhook", 2**62, 10) == []


def test_a_model_whose_counts_cannot_be_read_is_told_of(world, caplog):
    world.file.close()
    (world.home / "monitoring.db").write_bytes(b"no database at all" * 500)

    world.now_us = MONDAY * HOUR_US
    with caplog.at_level(logging.ERROR, "podium"):
        assert world.lookout.look()

    assert "alerts_not_looked_at" in caplog.text


def test_the_api_lists_alerts_and_notes_who_knows(bundle, tmp_path, tallies, caplog):
    ada = Actor("ada", grants={"churn": frozenset(Action)})
    world = World(bundle, tmp_path / "home", tallies)
    for hour in range(MONDAY, MONDAY + 2):
        world.count(hour, 1.0)
    world.look_after(MONDAY + 1)
    world.file.close()
    world.app.close()
    app = podium.App(bundle, home=str(tmp_path / "home"), identify=lambda _: ada, ships=False)
    client, place = Client(app), "/api/models/churn/alerts"
    app.alerting.close()

    listed = client.get(place).json()["alerts"]
    (one,) = (one for one in listed if (one["kind"], one["name"]) == ("drift", "x"))
    with caplog.at_level(logging.INFO, "podium"):
        done = client.post(f"{place}/{one['number']}/acknowledge", {"note": "a new campaign"})
    gone = client.get(f"{place}?state=resolved").json()["alerts"]
    text = exposition(app.site.metrics.merged())
    bad = [
        client.get(f"{place}?state=burning").status,
        client.post(f"{place}/999/acknowledge", {}).status,
        client.post(f"{place}/x/acknowledge", {}).status,
        client.post(f"{place}/{one['number']}/acknowledge", {"by": "me"}).status,
    ]
    app.close()

    assert (one["state"], one["level"], one["version"]) == ("firing", "red", "1")
    assert one["acknowledged"] is None
    assert one["fired"].endswith("Z")
    assert done.json()["acknowledged_by"] == "ada"
    assert done.json()["note"] == "a new campaign"
    assert gone == []
    assert "alert_acknowledged" in caplog.text
    assert 'podium_alerts{model="churn",kind="drift",state="acknowledged"} 1' in text
    assert 'podium_alerts{model="churn",kind="silence",state="firing"} 0' in text
    assert bad == [400, 404, 404, 400]
