"""The page of a record: the rows of its request, what its inputs mean, why, and how to verify it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.access import ALL, Action, Actor
from podium.records.record import Record
from podium.records.stores.memory import MemoryStore
from podium.testing import Client
from podium.web.record_request import BESIDE, READ_MAX, rows_beside

SUE = Actor("sue", grants={ALL: frozenset(Action)}, id="user:1")
BOB = Actor("bob", grants={ALL: frozenset({Action.PREDICT, Action.SEE_OWN})}, id="user:2")


def record(row: int, request: int = 0, **changes: object) -> Record:
    usual: dict[str, object] = {
        "id": f"{1_000 * request + row:032x}",
        "time_us": 5,
        "model": "m",
        "version": "1",
        "inputs": b"{}",
        "outputs": b"{}",
        "outcome": f"{request}.{row}",
        "request_id": f"{1_000 * request:032x}",
        "row_index": row,
        "owner": "user:1",
    }
    return Record(**(usual | changes))


@pytest.fixture
def store() -> MemoryStore:
    """Has two requests of the same moment, one of 400 rows and one of 10."""
    made = MemoryStore()
    made.insert([record(row) for row in range(400)])
    made.insert([record(row, 7) for row in range(10)])
    return made


@pytest.mark.parametrize(
    ("row", "numbers", "has_first"),
    [(0, [1, 2, 3], False), (1, [1, 2, 3, 4], False), (100, [99, 100, 101, 102, 103], True)],
)
def test_the_rows_before_and_after_are_listed(
    store: MemoryStore, row: int, numbers: list[int], has_first: bool
):
    shown = rows_beside(store, record(row), SUE)

    assert [one.number for one in shown.rows] == numbers
    assert [one.number for one in shown.rows if one.is_this] == [row + 1]
    assert bool(shown.first_id) is has_first


def test_the_rows_of_one_request_are_never_those_of_another(store: MemoryStore):
    store.insert([record(9, 8, request_id="a" * 32), record(1, 8, role="shadow")])

    shown = rows_beside(store, record(0, 8), SUE)

    assert shown.rows == ()


def test_a_row_far_into_a_request_leads_to_the_first_one(store: MemoryStore):
    shown = rows_beside(store, record(READ_MAX - BESIDE), SUE)

    assert (shown.rows, shown.first_id, shown.is_far) == ((), f"{0:032x}", True)


def test_rows_of_others_are_not_listed(store: MemoryStore):
    owners = ("user:2", "user:2", "user:1", "user:1")
    store.insert([record(n, 9, time_us=6, owner=owner) for n, owner in enumerate(owners)])

    shown = rows_beside(store, record(1, 9, time_us=6, owner="user:2"), BOB)

    assert [one.number for one in shown.rows] == [1, 2]
    assert rows_beside(store, record(0, request_id=None), SUE).rows == ()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("rows")
    frame = pd.DataFrame({"length_mm": [float(n) for n in range(40)]})
    model = LinearRegression().fit(frame, 2 * frame["length_mm"])
    signature = podium.Signature(
        fields=(
            podium.Field(
                name="length_mm",
                unit="mm",
                description="Of the <b>bill</b>.",
                seen=podium.Range(0.0, 39.0),
            ),
        )
    )
    bundle = podium.pack(model, frame, name="bills", signature=signature, path=folder / "b.podium")
    app = podium.App(
        bundle,
        home=str(folder / "home"),
        identify=lambda request: BOB if request.headers.get("x-who") == "bob" else SUE,
    )
    yield Client(app)
    app.close()


def test_a_page_says_everything_of_its_record(client: Client):
    rows = [{"length_mm": 5.0}, {"length_mm": 100.0}, {"length_mm": 7.0}]
    ids = client.post("/api/models/bills/predict", rows).json()["ids"]

    text = client.get(f"/records/{ids[1]}").text

    assert "Of the &lt;b&gt;bill&lt;/b&gt;. Seen in training: 0 to 39" in text
    assert re.search(r'class="noted"[^>]*>[^<]*39', text)
    assert "primary: sent to the caller" in text
    assert "(live now)" in text
    assert f'href="/records/{ids[0]}"' in text
    assert f'href="/records/{ids[2]}"' in text
    assert f"/records/{ids[1]}?why=1" in text
    assert "podium replay bills --verify --since 20" in text


def test_the_reason_is_computed_once_somebody_asks(client: Client):
    (record_id,) = client.post("/api/models/bills/predict", [{"length_mm": 30.0}]).json()["ids"]

    before, after = (client.get(f"/records/{record_id}{query}").text for query in ("", "?why=1"))

    assert "Why this prediction?" in before
    assert 'class="why"' not in before
    assert 'class="why"' in after
    assert "In the same request" not in after


def test_who_may_neither_explain_nor_manage_is_offered_neither(client: Client):
    sent = client.post("/api/models/bills/predict", [{"length_mm": 3.0}], x_who="bob")
    (record_id,) = sent.json()["ids"]

    text = client.get(f"/records/{record_id}?why=1", x_who="bob").text

    assert 'class="why"' not in text
    assert "why=1" not in text
    assert "podium replay" not in text
