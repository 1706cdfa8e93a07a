"""Verification: a version must give the same bytes again, however its rows were sent."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.deployments.registry import Registry
from podium.evaluation.verification import verified, verify
from podium.records.store import RecordQuery, iter_pages
from podium.records.stores.memory import MemoryStore
from podium.testing import Client

from .conftest import Recorded, regression

STAYS = RecordQuery(model="stays")


def stays(folder: Path) -> podium.Bundle:
    """A classifier of a number that may be missing, an integer, a boolean and a category."""
    chance = np.random.default_rng(5)
    n_rows = 300
    rows = pd.DataFrame(
        {
            "score": np.where(chance.random(n_rows) < 0.1, np.nan, chance.normal(size=n_rows)),
            "visits": chance.integers(0, 9, n_rows),
            "member": chance.random(n_rows) < 0.5,
            "plan": chance.choice(["basic", "pro", "größer"], n_rows),
        }
    )
    target = np.where(rows["score"].fillna(0) + rows["visits"] > 4, "stays", "leaves")
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["plan"]),
        remainder="passthrough",
    )
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=10)).fit(rows, target)
    path = folder / "stays.podium"
    return podium.pack(model, rows, target, name="stays", version="1", path=path)


ROWS = [
    {"score": 0.1 + 0.2, "visits": 3, "member": True, "plan": "pro"},
    {"score": None, "visits": 7, "member": False, "plan": "größer"},
    {"score": 99.5, "visits": 50, "member": False, "plan": "basic"},  # outside, which warns
    {"score": 1, "visits": 2, "member": True, "plan": "gold"},  # unknown, which warns
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose records came in every way."""
    folder = tmp_path_factory.mktemp("verified")
    app = podium.App(stays(folder), home=str(folder / "home"))
    client, url = Client(app), "/api/models/stays/predict"
    for row in ROWS:
        assert client.post(url, row).status == 200
    client.post(url, ROWS * 50)
    client.post(url, {name: [row[name] for row in ROWS] for name in ROWS[0]})
    lines = [",".join(ROWS[0]), *(",".join(map(str, row.values())) for row in ROWS if row["score"])]
    assert client.post(url, body="\n".join(lines).encode(), content_type="text/csv").status == 200
    form = {"score": "0.5", "visits": "3", "member": "true", "plan": "pro"}
    assert client.send_form("/models/stays", form).status == 303
    app.close()
    return folder / "home"


def test_every_way_in_gives_records_that_verify_byte_by_byte(home: Path) -> None:
    report = verify("stays", home=str(home))

    assert report.differences == ()
    assert report.n_identical == report.n_records >= 4 + 200 + 4 + 3 + 1
    assert report.is_verified


def copied(home: Path) -> MemoryStore:
    from podium.records.stores.sqlite import SqliteStore

    file, store = SqliteStore(home / "podium.db"), MemoryStore()
    for records in iter_pages(file, STAYS):
        store.insert(records)
    file.close()
    return store


def changed(store: MemoryStore, **changes: object) -> str:
    """Change the first record, and return its id."""
    (record,) = store.page(STAYS, limit=1, order="oldest").records
    store.delete([record])
    store.insert([msgspec.structs.replace(record, **changes)])
    return record.id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prediction": "leaves!"}, "prediction differs"),
        ({"probabilities": {"leaves": 0.5, "stays": 0.5}}, "probabilities differ"),
        ({"warnings": [{"field": "x", "message": "y", "code": "outside"}]}, "warnings differ"),
        ({"extra": 1}, "extra differ"),
    ],
)
def test_an_output_that_differs_is_told_with_what_differs(
    home: Path, change: dict[str, object], reason: str
) -> None:
    store = copied(home)
    (record,) = store.page(STAYS, limit=1, order="oldest").records
    outputs = msgspec.json.decode(record.outputs) | change
    id_ = changed(store, outputs=msgspec.json.encode(outputs))

    report = verified(Registry(home), store, STAYS)

    assert (report.n_different, report.n_identical) == (1, report.n_records - 1)
    assert [(one.record, one.reason) for one in report.differences] == [(id_, reason)]
    assert not report.is_verified


def test_a_row_that_is_refused_now_differs(home: Path) -> None:
    store = copied(home)
    changed(store, inputs=b'{"score":1.0,"visits":2,"member":true}')

    (difference,) = verified(Registry(home), store, STAYS).differences

    assert "plan" in difference.reason
    assert difference.replayed == ""


def test_a_store_that_reorders_keys_changes_no_value(home: Path) -> None:
    store = copied(home)
    (record,) = store.page(STAYS, limit=1, order="oldest").records
    outputs = msgspec.json.decode(record.outputs)
    turned = dict(reversed(outputs.items()))
    changed(store, outputs=msgspec.json.encode(turned))

    report = verified(Registry(home), store, STAYS)

    assert (report.n_rewritten, report.n_different) == (1, 0)


def test_rounding_is_told_apart_from_another_prediction(home: Path) -> None:
    store = copied(home)
    (record,) = store.page(STAYS, limit=1, order="oldest").records
    outputs = msgspec.json.decode(record.outputs)
    shares = outputs["probabilities"]
    near = outputs | {"probabilities": {n: float(np.nextafter(p, 1.0)) for n, p in shares.items()}}
    changed(store, outputs=msgspec.json.encode(near))

    rounded = verified(Registry(home), store, STAYS)
    far = outputs | {"probabilities": {n: p + 1e-6 for n, p in shares.items()}}
    changed(store, outputs=msgspec.json.encode(far))
    differs = verified(Registry(home), store, STAYS)

    assert (rounded.n_rounding, rounded.n_different) == (1, 0)
    assert (differs.n_rounding, differs.n_different) == (0, 1)


def test_each_record_is_replayed_on_its_own_version(recorded: Recorded) -> None:
    report = verify("answer", home=str(recorded.home))

    assert (report.n_identical, report.n_records) == (60, 60)


def test_versions_that_are_gone_are_counted_and_named(home: Path, tmp_path: Path) -> None:
    store, registry = copied(home), Registry(home)
    changed(store, bundle_digest="ab" * 32, version="0.9")
    (newest,) = store.page(STAYS, limit=1).records
    store.delete([newest])
    store.insert([msgspec.structs.replace(newest, bundle_digest=None)])

    report = verified(registry, store, STAYS)
    nothing = verified(Registry(tmp_path), store, STAYS)

    named = {(one.version, one.digest[:4], one.reason, one.n_records) for one in report.missing}
    assert named == {
        ("1", "", "the records don't say which bundle gave them", 1),
        ("0.9", "abab", "it isn't registered", 1),
    }
    assert report.n_unverified == 2
    assert report.is_verified
    assert nothing.n_unverified == nothing.n_records
    assert not nothing.is_verified


def test_a_version_whose_file_is_gone_is_named(tmp_path: Path) -> None:
    bundle = regression(tmp_path, "1", 1.0)
    app = podium.App(bundle, home=str(tmp_path / "home"))
    Client(app).post("/api/models/sums/predict", {"a": 1.0, "b": 2.0})
    app.close()
    (tmp_path / "home" / "versions" / f"{bundle.digest}.podium").unlink()

    report = verify("sums", home=str(tmp_path / "home"))

    assert [(one.version, one.n_records) for one in report.missing] == [("1", 1)]
    assert "can't be read" in report.missing[0].reason
    assert not report.is_verified


def test_how_a_time_was_written_is_no_difference(tmp_path: Path) -> None:
    """A response warns that an offset was converted; the record holds the converted time."""
    rows = pd.DataFrame({"at": pd.date_range("2026-01-01", periods=20, freq="h"), "x": range(20)})
    columns = make_column_transformer(("passthrough", ["x"]), remainder="drop")
    target = np.where(rows["x"] > 9, "yes", "no")
    model = make_pipeline(columns, LogisticRegression()).fit(rows, target)
    bundle = podium.pack(model, rows, target, name="stays", version="1", path=tmp_path / "a.podium")
    app = podium.App(bundle, home=str(tmp_path / "home"))
    row = {"at": "2026-01-01T09:00:00+02:00", "x": 3}
    answer = Client(app).post("/api/models/stays/predict", row).json()
    app.close()

    report = verify("stays", home=str(tmp_path / "home"))

    assert [one["code"] for one in answer["warnings"]] == ["shifted"]
    assert (report.n_rewritten, report.n_different) == (1, 0)


@pytest.mark.slow
def test_sums_in_another_order_are_verified_row_by_row(tmp_path: Path) -> None:
    """A matrix product of one row rounds otherwise than one of many."""
    chance = np.random.default_rng(2)
    rows = pd.DataFrame(chance.normal(size=(150, 30)), columns=[f"f{n}" for n in range(30)])
    target = np.where(rows.sum(axis=1) > 0, "yes", "no")
    model = LogisticRegression(max_iter=500).fit(rows, target)
    bundle = podium.pack(
        model, rows, target, name="stays", path=tmp_path / "wide.podium", compiles=False
    )
    app = podium.App(bundle, home=str(tmp_path / "home"))
    client = Client(app)
    for row in rows[:50].to_dict("records"):
        client.post("/api/models/stays/predict", row)
    client.post("/api/models/stays/predict", rows[:120].to_dict("records"))
    app.close()

    report = verify("stays", home=str(tmp_path / "home"))

    assert (report.n_records, report.n_identical) == (170, 170)
