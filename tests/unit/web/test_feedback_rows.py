"""Truth by the caller's own key, late truth, and truth for versions that are served no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import podium
from podium.errors import SetupError
from podium.records.business_key import business_key_of
from podium.records.record import Record
from podium.records.store import RecordQuery
from podium.settings import Feedback, Settings
from podium.testing import Client
from podium.testing.stores.samples import NOON_US
from podium.web import feedback_rows

MODEL = '''
import podium
from typing import Annotated, Literal

@podium.model
def orders(order_id: str, amount: float | None = None) -> dict[Literal["no", "yes"], float]:
    """Whether an order is sent back."""
    return {"no": 0.25, "yes": 0.75}

@podium.model
def parcels(number: float) -> dict[Literal["no", "yes"], float]:
    """Whether a parcel is late."""
    return {"no": 0.25, "yes": 0.75}
'''
PREDICT, GIVE = "/api/models/{}/predict", "/api/models/{}/feedback"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of two models."""
    file = tmp_path_factory.mktemp("shop") / "shop_of_keys.py"
    file.write_text(MODEL)
    return file


@pytest.fixture
def client(shop: Path, tmp_path: Path) -> Iterator[Client]:
    """Orders, whose keys are a field, and parcels, which have none of their own."""
    models = tuple(f"{shop}:{name}" for name in ("orders", "parcels"))
    settings = Settings(home=f"{tmp_path}/home", feedback={"orders": Feedback(key="order_id")})
    app = podium.App(*models, settings=settings)
    yield Client(app)
    app.close()


def predicted(client: Client, model: str, row: object, **headers: str) -> list[str]:
    """The ids of the records of a request."""
    reply = client.post(PREDICT.format(model), row, **headers).json()
    return reply["ids"] if "ids" in reply else [reply["id"]]


def given(client: Client, model: str, rows: object, **said: Any) -> Any:
    reply = client.post(GIVE.format(model), rows, **said)
    assert reply.status == 200, reply.text
    return reply.json()


def record(client: Client, id_: str) -> Record:
    assert client.app.site.store is not None
    found = client.app.site.store.get(id_)
    assert found is not None
    return found


def truths(client: Client, *ids: str) -> list[Any]:
    found = [record(client, id_).feedback for id_ in ids]
    return [None if one is None else msgspec.json.decode(one.truth) for one in found]


def test_a_key_in_the_header_finds_every_record_of_the_model_that_has_it(client):
    first = predicted(client, "parcels", {"number": 1}, podium_key="4711")
    several = predicted(client, "parcels", [{"number": 2}, {"number": 3}], podium_key=" 4711 ")
    others = predicted(client, "parcels", {"number": 4}, podium_key="4712")
    others += predicted(client, "orders", {"order_id": "4711"})
    others += predicted(client, "parcels", {"number": 5})

    told = given(client, "parcels", [{"key": 4711, "truth": "no"}])

    assert told == {
        "added": 1, "records": 3, "unknown": 0, "refused": 0, "remaining": 0, "rows": [],
    }  # fmt: skip
    assert truths(client, *first, *several) == ["no"] * 3
    assert truths(client, *others) == [None] * 3


def test_a_field_that_the_settings_name_has_the_key_of_each_row(client):
    ids = predicted(client, "orders", [{"order_id": "a"}, {"order_id": "é 🐧"}, {"order_id": ""}])
    csv = "key,truth\na,yes\né 🐧,no\nb,no\n".encode()

    told = given(client, "orders", None, body=csv, content_type="text/csv")

    assert (told["added"], told["unknown"]) == (2, 1)
    assert told["rows"] == [{"row": 2, "key": "b", "outcome": "unknown"}]
    assert truths(client, *ids) == ["yes", "no", None]


def test_the_key_of_the_field_counts_before_that_of_the_header(client):
    first, second = predicted(
        client, "orders", [{"order_id": "a"}, {"order_id": " "}], podium_key="h"
    )

    assert (record(client, first).business_key, record(client, second).business_key) == ("a", "h")


def test_a_header_in_utf_8_is_understood(client):
    (id_,) = predicted(
        client, "parcels", {"number": 1}, podium_key="Zoë".encode().decode("latin-1")
    )
    (latin,) = predicted(client, "parcels", {"number": 1}, podium_key="Zoë")

    assert record(client, id_).business_key == record(client, latin).business_key == "Zoë"


@pytest.mark.parametrize(
    "key", ["k" * 201, "k" * 9_000, "=cmd()", 'a,b\n"c"', "\u202eabc", "e\u0301"]
)
def test_odd_keys_are_found_as_they_were_written(client, key):
    (id_,) = predicted(client, "orders", {"order_id": key})
    assert record(client, id_).business_key == business_key_of(key)

    told = given(client, "orders", [{"key": key, "truth": "no"}, {"key": "é", "truth": "no"}])

    assert (told["added"], told["unknown"]) == (1, 1)
    assert all(len(row.get("key", "")) <= 80 for row in told["rows"])


def test_a_row_names_an_id_or_a_key_and_each_once(client):
    (id_,) = predicted(client, "orders", {"order_id": "a"})
    rows = [
        {"id": id_, "key": "a", "truth": "no"},
        {"truth": "no"},
        {"key": None, "truth": "no"},
        {"key": "a\0", "truth": "no"},
        {"key": [1], "truth": "no"},
        {"key": "a", "truth": "no"},
        {"key": "a ", "truth": "yes"},
        {"id": id_, "truth": "yes"},
    ]

    told = given(client, "orders", rows)

    assert (told["added"], told["refused"]) == (2, 6)
    assert [one["row"] for one in told["rows"]] == [0, 1, 2, 3, 4, 6]
    assert "both" in told["rows"][0]["reason"]
    assert "neither" in told["rows"][1]["reason"]
    assert "row 5" in told["rows"][5]["reason"]
    assert truths(client, id_) in (["no"], ["yes"])


def test_a_key_of_too_many_records_is_refused_and_the_others_are_not(client, monkeypatch):
    monkeypatch.setattr(feedback_rows, "MATCHES_MAX", 5)
    for key, n_rows in (("many", 6), ("some", 4), ("few", 2)):
        predicted(client, "parcels", [{"number": n} for n in range(n_rows)], podium_key=key)
    rows = [{"key": key, "truth": "no"} for key in ("some", "many", "few", "none")]

    told = given(client, "parcels", rows)

    assert (told["added"], told["records"], told["unknown"], told["refused"]) == (2, 6, 1, 1)
    assert "more than 5 records" in told["rows"][0]["reason"]


def test_truth_may_come_years_later(client):
    store = client.app.site.store
    (id_,) = predicted(client, "orders", {"order_id": "a"})
    old = msgspec.structs.replace(record(client, id_), id="0" * 32, time_us=1, version="1999")
    store.insert([old])

    assert given(client, "orders", [{"id": old.id, "truth": "no"}])["added"] == 1
    assert given(client, "orders", [{"key": "a", "truth": "yes"}])["records"] == 2
    page = store.page(RecordQuery(has_feedback=True, until_us=2), limit=5).records
    assert [one.id for one in page] == [old.id]


def test_the_key_of_a_model_must_be_a_field_of_it(shop, tmp_path):
    model = f"{shop}:orders"

    for table, words in (("orders", "isn't a field"), ("parcels", "isn't served")):
        settings = Settings(home=f"{tmp_path}/home", feedback={table: Feedback(key="customer")})
        with pytest.raises(SetupError, match=words) as raised:
            podium.App(model, settings=settings)
        assert "order" in raised.value.hint


def packed(folder: Path, version: str, labels: list[str]) -> Path:
    inputs = pd.DataFrame({"x": np.arange(40.0)})
    truth = pd.Series([labels[n % len(labels)] for n in range(40)])
    model = DecisionTreeClassifier(max_depth=6).fit(inputs, truth)
    path = folder / f"{version}.podium"
    podium.pack(model, inputs, truth, name="moods", version=version, path=path)
    return path


@pytest.fixture
def moods(tmp_path: Path) -> Iterator[tuple[Client, str, str, str]]:
    """A second version with another class, and records of both and of one that is gone."""
    app = podium.App(packed(tmp_path, "1", ["bad", "good"]), home=str(tmp_path / "home"))
    client = Client(app)
    (old,) = predicted(client, "moods", {"x": 1.0}, podium_key="both")
    app.swap(packed(tmp_path, "2", ["good", "great"]))
    (new,) = predicted(client, "moods", {"x": 1.0}, podium_key="both")
    assert app.site.store is not None
    gone = msgspec.structs.replace(
        record(client, new), id="0" * 32, time_us=NOON_US, bundle_digest="ab" * 32, version="0"
    )
    app.site.store.insert([gone])
    yield client, old, new, gone.id
    app.close()


def test_truth_is_checked_by_the_version_that_gave_the_record(moods):
    client, old, new, gone = moods
    rows = [
        {"id": id_, "truth": truth} for id_, truth in ((old, "bad"), (new, "bad"), (gone, "great"))
    ]

    told = given(client, "moods", rows)

    assert (told["added"], told["refused"]) == (2, 1)
    assert "good, great" in told["rows"][0]["reason"]
    assert truths(client, old, new, gone) == ["bad", None, "great"]

    def status(id_: str, truth: str) -> int:
        body = msgspec.json.encode({"truth": truth})
        return client.request("PUT", f"/api/records/{id_}/feedback", body=body).status

    assert [status(old, "great"), status(old, "bad"), status(gone, "bad")] == [422, 200, 422]
    page = client.get(f"/records/{old}").text
    assert 'value="bad"' in page
    assert 'value="great"' not in page
    assert client.send_form(f"/records/{old}/feedback", {"truth": "great"}).status == 422
    assert client.send_form(f"/records/{old}/feedback", {"truth": "good"}).status == 303


def test_a_key_of_several_versions_reaches_those_that_take_the_truth(moods):
    client, old, new, gone = moods

    told = given(client, "moods", [{"key": "both", "truth": "great"}])

    assert (told["added"], told["records"], told["refused"]) == (1, 2, 0)
    (row,) = told["rows"]
    assert row["outcome"] == "partial"
    assert "bad, good" in row["reason"]
    assert truths(client, old, new, gone) == [None, "great", "great"]
    assert given(client, "moods", [{"key": "both", "truth": "good"}])["records"] == 3
    assert given(client, "moods", [{"key": "both", "truth": "so-so"}])["refused"] == 1


def test_a_bundle_that_comes_back_checks_again(moods, tmp_path):
    client, old, _, _ = moods
    (tmp_path / "home" / "registry.db").rename(tmp_path / "away.db")
    assert given(client, "moods", [{"id": old, "truth": "great"}])["added"] == 1

    (tmp_path / "away.db").rename(tmp_path / "home" / "registry.db")

    assert given(client, "moods", [{"id": old, "truth": "great"}])["refused"] == 1


def test_records_are_listed_and_deleted_by_their_key(client):
    (id_,) = predicted(client, "orders", {"order_id": "a=1"})
    (other,) = predicted(client, "orders", {"order_id": "a"})

    page = client.get("/models/orders/records?business_key=a%3D1").text
    assert id_ in page
    assert other not in page
    where = "/api/models/orders/records?business_key=a%3D1&expect=1"
    assert client.request("DELETE", where).json()["deleted"] == 1
    odd = client.request("DELETE", "/api/models/orders/records?business_key=%00&expect=1")

    assert odd.status == 400
    assert client.app.site.store.get(id_) is None
    assert record(client, other).id == other
