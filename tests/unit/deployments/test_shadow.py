"""A shadow predicts beside the champion: whatever it does, callers get the champion's responses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import podium
from podium.bundle import Bundle
from podium.deployments import shadow
from podium.deployments.shadow_process import predictions
from podium.errors import ModelError
from podium.flow.version import LoadedVersion
from podium.outbox.deletion import Selection
from podium.records.record import Record, Role
from podium.records.store import RecordQuery
from podium.testing import Client

PREDICT = "/api/models/sums/predict"
LONG_S = 100.0
# A model whose behaviour a file decides, in whichever process it runs.
UNRELIABLE = '''
import os, time
from pathlib import Path
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

class Unreliable(RegressorMixin, BaseEstimator):
    """Does what the file beside this one says."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, x, y):
        self.n_features_in_ = 1
        return self

    def predict(self, x):
        said = Path(__file__).with_name("order.txt").read_text()
        if said == "raise":
            raise RuntimeError("no")
        if said == "exit":
            os._exit(3)
        if said == "hang":
            time.sleep(600)
        return np.asarray(x)[:, 0] * self.factor
'''


@pytest.fixture(scope="module")
def bundles(sums: list[Bundle]) -> list[Bundle]:
    return sums[:2]


@pytest.fixture
def client(bundles: list[Bundle], three_tried: list[Bundle], tmp_path: Path) -> Iterator[Client]:
    app = podium.App(bundles[0], home=str(tmp_path / "home"))
    client = Client(app)
    app.versions.registry.register(bundles[1])
    yield client
    app.close()


def becomes(is_so: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + LONG_S
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def records(client: Client, role: Role) -> list[Record]:
    return list(client.app.site.store.page(RecordQuery(role=role), limit=500).records)


def counts(client: Client) -> shadow.ShadowCounts:
    (found,) = client.app.shadows._counts.values()
    return found


@pytest.mark.slow
def test_what_it_predicts_is_recorded_beside_what_callers_got(client, bundles):
    client.app.versions.set_traffic("sums", "2", mode="shadow")
    said = client.post(PREDICT, [{"x": n} for n in range(3)]).json()
    one = client.post(PREDICT, {"x": 9}).json()

    assert becomes(lambda: len(records(client, "shadow")) == 4)
    assert (said["version"], said["predictions"]) == ("1", pytest.approx([0, 1, 2]))
    shadows = {(one.request_id, one.row_index): one for one in records(client, "shadow")}
    primaries = {(one.request_id, one.row_index): one for one in records(client, "primary")}
    assert shadows.keys() == primaries.keys()
    for key, found in shadows.items():
        primary = primaries[key]
        assert (found.version, found.bundle_digest) == ("2", bundles[1].digest)
        assert (found.inputs, found.time_us) == (primary.inputs, primary.time_us)
        assert (found.business_key, found.feedback) == (None, None)
        expected = 2 * json.loads(primary.inputs)["x"]
        assert json.loads(found.outputs)["prediction"] == pytest.approx(expected)
        assert found.outcome_number == pytest.approx(expected)
    assert one["prediction"] == pytest.approx(9)
    # Where people look there are primary predictions only, unless they ask.
    page, csv = client.get("/models/sums/records"), client.get("/models/sums/records.csv")
    asked = client.get("/models/sums/records.csv?role=shadow")
    assert page.text.count('href="/records/') == 4
    assert (len(csv.text.splitlines()), len(asked.text.splitlines())) == (5, 5)
    assert "shadow" not in csv.text
    assert 'podium_shadow_rows_total{model="sums",version="2",outcome="recorded"} 4' in (
        client.get("/metrics").text
    )


@pytest.mark.slow
def test_a_share_is_of_whole_requests(client):
    client.app.versions.set_traffic("sums", "2", mode="shadow", share=0.5)
    for n in range(60):
        client.post(PREDICT, [{"x": n}, {"x": n}])
    traffic = client.app.deployments["sums"].traffic
    primaries = records(client, "primary")
    expected = {one.id for one in primaries if traffic.is_within_share(one.request_id)}

    assert becomes(lambda: len(records(client, "shadow")) == len(expected))
    assert 0 < len(expected) < 120
    found = {(one.request_id, one.row_index) for one in records(client, "shadow")}
    assert found == {(one.request_id, one.row_index) for one in primaries if one.id in expected}


@pytest.mark.slow
def test_nothing_is_observed_without_one_and_it_ends_with_its_rollout(client):
    before = list(client.app.service.observers)
    client.app.versions.set_traffic("sums", "2", mode="shadow")
    client.post(PREDICT, {"x": 1})
    assert becomes(lambda: len(records(client, "shadow")) == 1)
    ((_, running),) = client.app.shadows._running.values()
    process = running._process

    client.app.versions.stop("sums")
    client.post(PREDICT, {"x": 1})

    assert before == client.app.service.observers
    assert client.app.shadows not in before
    assert process.poll() is not None
    assert not running._thread.is_alive()
    assert len(records(client, "shadow")) == 1


@pytest.mark.slow
def test_whoever_finds_a_change_followed_finds_its_shadow(client, monkeypatch):
    """The thread that follows the registry may be faster than the one that made the change."""
    versions, is_within = client.app.versions, threading.Event()
    follow = versions._when_changed

    def slow(deployment: object) -> None:
        is_within.set()
        time.sleep(0.3)
        follow(deployment)

    monkeypatch.setattr(versions, "_when_changed", slow)
    versions.registry.set_traffic("sums", "2", mode="shadow")
    assert is_within.wait(LONG_S)
    versions._follow("sums")

    assert client.app.shadows in client.app.service.observers


@pytest.mark.slow
def test_its_model_is_not_loaded_where_requests_are_answered(client):
    client.app.versions.set_traffic("sums", "2", mode="shadow")
    client.post(PREDICT, {"x": 1})

    assert becomes(lambda: len(records(client, "shadow")) == 1)
    traffic = client.app.deployments["sums"].traffic
    assert not traffic.challenger.is_loaded
    assert not traffic.challenger.bundle.is_started


@pytest.mark.slow
def test_records_that_are_deleted_take_their_shadows_along(client):
    client.app.versions.set_traffic("sums", "2", mode="shadow")
    ids = [client.post(PREDICT, {"x": n}).json()["id"] for n in range(3)]
    assert becomes(lambda: len(records(client, "shadow")) == 3)

    answer = client.request("DELETE", f"/api/records/{ids[1]}")

    assert answer.status == 200
    assert {one.id for one in records(client, "primary")} == {ids[0], ids[2]}
    assert {one.request_id for one in records(client, "shadow")} == {ids[0], ids[2]}


@pytest.mark.slow
def test_what_waits_while_records_are_deleted_is_not_recorded(client, monkeypatch):
    """Its primary might be gone: nothing of it may come back."""
    is_open = threading.Event()
    exchange = shadow.Shadow._exchange

    def held(self: shadow.Shadow, *arguments: object) -> bytes:
        is_open.wait(LONG_S)
        return exchange(self, *arguments)

    monkeypatch.setattr(shadow.Shadow, "_exchange", held)
    client.app.versions.set_traffic("sums", "2", mode="shadow")
    client.post(PREDICT, {"x": 1})
    client.app.deletion.delete(Selection(query=RecordQuery()))
    is_open.set()
    client.post(PREDICT, {"x": 2})

    assert becomes(lambda: len(records(client, "shadow")) == 1)
    assert counts(client).n_dropped_later == 1
    assert [json.loads(one.inputs)["x"] for one in records(client, "shadow")] == [2]


def test_more_than_the_queue_holds_is_dropped_and_counted(client, monkeypatch):
    monkeypatch.setattr(shadow, "QUEUE_ROWS_MAX", 10)
    monkeypatch.setattr(shadow, "GATHER_S", LONG_S)
    client.app.versions.set_traffic("sums", "2", mode="shadow")

    for _ in range(15):
        assert client.post(PREDICT, {"x": 1}).status == 200
    client.post(PREDICT, [{"x": 1}] * 11)

    assert counts(client).n_dropped == 16


@pytest.fixture
def unreliable(
    bundles: list[Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Client, Path]]:
    """A server whose challenger does what a file says."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "unreliable_model.py").write_text(UNRELIABLE)
    order = folder / "order.txt"
    order.write_text("answer")
    monkeypatch.syspath_prepend(str(folder))
    from unreliable_model import Unreliable

    frame = pd.DataFrame({"x": np.arange(20.0)})
    second = podium.pack(
        Unreliable(2.0).fit(frame, frame["x"]),
        frame,
        name="sums",
        version="2",
        path=tmp_path / "second.podium",
        compiles=False,
    )
    trust = (f"sha256:{second.options['sha256']}",)
    app = podium.App(bundles[0], home=str(tmp_path / "home"), trust=trust)
    client = Client(app)
    app.versions.registry.register(second)
    yield client, order
    app.close()


@pytest.mark.slow
@pytest.mark.parametrize("order", ["raise", "exit", "hang"])
def test_one_that_fails_changes_no_answer_and_comes_back(unreliable, order, monkeypatch):
    client, file = unreliable
    monkeypatch.setattr(
        shadow.Shadow.__init__,
        "__kwdefaults__",
        {"limits": shadow.ShadowLimits(call_s=2.0, backoff_s=2.0)},
    )
    client.app.versions.set_traffic("sums", "2", mode="shadow")
    client.post(PREDICT, {"x": 1})
    assert becomes(lambda: counts(client).n_recorded == 1)

    file.write_text(order)
    said = [client.post(PREDICT, {"x": n}).json() for n in range(5)]
    assert becomes(lambda: counts(client).n_failed > 0)
    file.write_text("answer")
    assert becomes(lambda: client.post(PREDICT, {"x": 1}) and counts(client).n_recorded > 1)

    assert [one["version"] for one in said] == ["1"] * 5
    assert [one["prediction"] for one in said] == pytest.approx(list(range(5)))


def test_rows_that_fail_together_are_predicted_alone(bundles, monkeypatch):
    version = LoadedVersion(bundles[1])
    version.load()
    from podium.deployments import shadow_process

    outputs = shadow_process._outputs

    def failing(version: LoadedVersion, table: object) -> object:
        if 13 in table.columns["x"]:
            raise ModelError("no")
        return outputs(version, table)

    monkeypatch.setattr(shadow_process, "_outputs", failing)

    found = predictions(version, [b'{"x":1}', b'{"x":13}', b'{"x":"a"}', b'{"x":2}'])

    assert [one.outcome_number for one in found] == [pytest.approx(2), None, None, pytest.approx(4)]
    assert [bool(one.outputs) for one in found] == [True, False, False, True]
