"""Replay: what a version would have done with the recorded requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import podium
from podium.errors import ModelError, NotFound, SetupError, StoreError
from podium.evaluation.replay import replayed
from podium.records.record import Feedback, Record
from podium.records.store import Order, Page, RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import NOON_US, sample

from .conftest import Recorded, frame, regression

SUMS = RecordQuery(model="sums")


def record(n: int, inputs: object, prediction: object, **changes: object) -> Record:
    outputs = msgspec.json.encode({"prediction": prediction, "warnings": []})
    values = {"model": "sums", "inputs": msgspec.json.encode(inputs), "outputs": outputs}
    return sample(n, **(values | changes))


def filled(*records: Record) -> MemoryStore:
    store = MemoryStore()
    store.insert(records)
    return store


def test_numbers_that_moved_come_largest_first_with_their_records(recorded: Recorded) -> None:
    report = podium.replay("sums", "2", home=str(recorded.home))

    (change,) = report.changes
    expected = np.abs(frame()["a"].to_numpy())  # version 2 predicts 2 a, the records say a
    order = np.argsort(-expected)[:20]
    assert (report.n_records, report.n_replayed, report.n_refused) == (60, 60, 0)
    assert report.recorded_versions == {"1": 60}
    assert [move.record for move in change.largest] == [recorded.ids["sums"][n] for n in order]
    assert [move.size for move in change.largest] == pytest.approx(expected[order])
    assert (change.n_moved, change.max) == (60, pytest.approx(expected.max()))
    assert change.mean == pytest.approx(expected.mean())
    assert change.p95 == pytest.approx(np.quantile(expected, 0.95))


def test_labels_that_changed_are_counted_by_what_they_became(recorded: Recorded) -> None:
    report = podium.replay("answer", "2", home=str(recorded.home))

    rows = frame()
    weights = (0.0, 1.0)
    models = [
        LogisticRegression().fit(rows, np.where(rows["a"] + w * rows["b"] > 0, "yes", "no"))
        for w in weights
    ]
    before, after = (model.predict(rows) for model in models)
    (change,) = report.changes
    found = {(one.before, one.after): one.n_rows for one in change.transitions}
    assert change.n_changed == int((before != after).sum())
    assert found == {
        (b, a): int(((before == b) & (after == a)).sum()) for b, a in (("yes", "no"), ("no", "yes"))
    }
    moved = np.abs(models[0].predict_proba(rows) - models[1].predict_proba(rows)).max(axis=1)
    assert change.largest[0].size == pytest.approx(moved.max())


def test_quality_stands_side_by_side_on_rows_with_truth(recorded: Recorded) -> None:
    report = podium.replay("sums", "2", home=str(recorded.home))

    figures = {one.name: one for one in report.quality}
    error = figures["mean_absolute_error"]
    assert report.n_truths == 40
    assert error.recorded == pytest.approx(np.abs(frame()["a"][:40]).mean(), abs=1e-5)
    assert error.replayed == pytest.approx(0.0, abs=1e-5)


def test_the_latency_of_the_champion_stands_beside_it(recorded: Recorded) -> None:
    other = podium.replay("sums", "2", home=str(recorded.home)).latency
    same = podium.replay("sums", "1", home=str(recorded.home)).latency

    assert other is not None
    assert same is not None
    assert min(other.batch_us, other.p50_us, other.champion_p50_us or 0.0) > 0
    assert same.champion_p50_us is None


def test_replaying_the_version_itself_moves_nothing_and_records_nothing(recorded: Recorded) -> None:
    report = podium.replay("answer", "1", home=str(recorded.home))
    again = podium.replay("answer", "1", home=str(recorded.home))

    assert [one.n_moved for one in report.changes] == [0]
    assert again.n_records == report.n_records == 60


def test_a_bundle_can_be_replayed_before_it_is_registered(
    recorded: Recorded, tmp_path: Path
) -> None:
    bundle = regression(tmp_path, "3", 3.0)

    report = podium.replay("sums", str(bundle.path), home=str(recorded.home))

    assert (report.version, report.digest) == ("3", bundle.digest)
    with pytest.raises(SetupError, match="bundle of the model sums, not of answer"):
        podium.replay("answer", str(bundle.path), home=str(recorded.home))


def test_a_period_and_a_limit_choose_the_records(recorded: Recorded) -> None:
    home = str(recorded.home)

    assert podium.replay("sums", "2", home=home, limit=7).n_records == 7
    assert podium.replay("sums", "2", home=home, since="1h").n_records == 60
    assert podium.replay("sums", "2", home=home, until="2020-01-01").n_records == 0
    for wrong in ("7 days", "0d", "yesterday"):
        with pytest.raises(SetupError, match="neither a duration nor a time"):
            podium.replay("sums", "2", home=home, since=wrong)
    with pytest.raises(SetupError, match="is empty"):
        podium.replay("sums", "2", home=home, since="2026-01-02", until="2026-01-01")


def test_what_is_not_there_is_named(recorded: Recorded, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no version '9'"):
        podium.replay("sums", "9", home=str(recorded.home))
    with pytest.raises(NotFound):
        podium.replay("sums", "1", home=str(tmp_path / "none"))


def test_refused_rows_are_told_with_why_and_which(tmp_path: Path) -> None:
    bounds = {"fields": [{"name": "a", "bounds": {"minimum": -10, "maximum": 10}}]}
    bundle = regression(tmp_path, "2", 2.0, signature=bounds)
    good, low = {"a": 1.0, "b": 0.5}, {"a": -11.0, "b": 0.0}
    store = filled(
        record(0, good, 1.0),
        record(1, low, 1.0),
        record(2, low, 1.0),
        record(3, {"a": 1.0, "b": None}, 1.0),
        record(4, {**good, "c": 1}, 1.0),
        record(5, {"a": "one", "b": 1.0}, 1.0),
        record(6, {}, 1.0),
    )

    report = replayed(bundle, store, SUMS)

    reasons = {(one.field, one.problem): (one.n_rows, one.examples) for one in report.refusals}
    assert (report.n_replayed, report.n_refused) == (1, 6)
    assert reasons["a", "is out of range"] == (2, (sample(1).id, sample(2).id))
    assert reasons["b", "is missing"] == (1, (sample(3).id,))
    assert reasons["c", "isn't a field of this model"] == (1, (sample(4).id,))
    assert len(reasons) == 5


def test_a_row_that_the_model_fails_on_fails_alone(
    unlucky: podium.Bundle,
) -> None:
    rows = [
        record(n, {"age": 13.0 if n == 4 else float(n)}, 0.0, model="unlucky") for n in range(9)
    ]

    report = replayed(unlucky, filled(*rows), RecordQuery(model="unlucky"))

    assert report.n_replayed == 8
    assert [(one.field, one.examples) for one in report.refusals] == [(None, (sample(4).id,))]


def test_a_model_that_fails_on_every_row_is_an_error(unlucky: podium.Bundle) -> None:
    rows = [record(n, {"age": 13.0}, 0.0, model="unlucky") for n in range(200)]

    with pytest.raises(ModelError, match="fails on each"):
        replayed(unlucky, filled(*rows), RecordQuery(model="unlucky"))


def test_shadows_are_passed_over(tmp_path: Path) -> None:
    row = {"a": 1.0, "b": 0.5}
    store = filled(record(0, row, 1.0), record(1, row, 1.0, role="shadow"))

    assert replayed(regression(tmp_path, "2", 2.0), store, SUMS).n_records == 1


def test_predictions_of_another_kind_are_counted_and_not_compared(tmp_path: Path) -> None:
    row = {"a": 1.0, "b": 0.5}
    values: Sequence[object] = (1.0, "yes", None, {"x": 1}, True)
    store = filled(*(record(n, row, value) for n, value in enumerate(values)))

    report = replayed(regression(tmp_path, "2", 2.0), store, SUMS)

    assert (report.n_replayed, report.n_incomparable) == (5, 4)
    assert report.changes[0].n_rows == 1


@pytest.mark.parametrize("truth", [b'"late"', b"null", b"true", b'{"x":1}'])
def test_a_truth_of_another_type_is_told_and_left_out(tmp_path: Path, truth: bytes) -> None:
    row = {"a": 1.0, "b": 0.5}
    told = [Feedback(truth=one, time_us=NOON_US) for one in (truth, b"2.5")]
    store = filled(*(record(n, row, 1.0, feedback=one) for n, one in enumerate(told)))

    report = replayed(regression(tmp_path, "2", 2.0), store, SUMS)

    assert report.n_truths == 1
    assert [one.name for one in report.quality][:1] == ["mean_absolute_error"]
    assert any("1 truths" in note for note in report.notes)


def test_no_records_are_no_error(tmp_path: Path) -> None:
    report = replayed(regression(tmp_path, "2", 2.0), MemoryStore(), SUMS)

    assert (report.n_records, report.latency, report.quality) == (0, None, ())


class FailsLater(MemoryStore):
    """A database that goes away after the first page."""

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, order: Order = "newest"
    ) -> Page:
        if cursor is not None:
            raise StoreError("the database is gone")
        return super().page(query, limit=limit, cursor=cursor, order=order)


def test_a_store_that_fails_in_the_middle_fails_the_replay(tmp_path: Path) -> None:
    store = FailsLater()
    store.insert([record(n, {"a": 1.0, "b": 0.5}, 1.0) for n in range(1_500)])

    with pytest.raises(StoreError, match="gone"):
        replayed(regression(tmp_path, "2", 2.0), store, SUMS)
