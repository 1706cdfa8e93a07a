"""Ground truth by the API and on the page of a record: who may give it, and what it must be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.access import ALL, Action, Actor
from podium.errors import StoreError
from podium.records.record import Record
from podium.testing import Client
from podium.testing.client import Reply
from podium.testing.stores.samples import NOON_US
from podium.web import feedback, feedback_rows

ACTORS = {
    "ada": Actor("ada", "Ada", {ALL: frozenset(Action)}, id="user:1"),
    "giver": Actor("giver", "Giver", {"loans": frozenset({Action.FEEDBACK})}, id="user:2"),
    "reader": Actor("reader", "Reader", {"loans": frozenset({Action.SEE})}, id="user:3"),
    "asker": Actor("asker", "Asker", {"loans": frozenset({Action.PREDICT})}, id="user:5"),
    "both": Actor(
        "both", "Both", {"loans": frozenset({Action.PREDICT, Action.FEEDBACK})}, id="user:6"
    ),
    "other": Actor("other", "Other", {"optional": frozenset(Action)}, id="user:4"),
}
MANY = "/api/models/loans/feedback"


def id_of(number: int) -> str:
    return f"{number:032x}"


def path_of(number: int) -> str:
    return f"/api/records/{id_of(number)}/feedback"


def record(number: int, **said: Any) -> Record:
    values: dict[str, Any] = {
        "id": id_of(number),
        "time_us": NOON_US + number,
        "model": "loans",
        "version": "of-last-year",
        "inputs": b'{"age":41}',
        "outputs": b'{"prediction":"yes","probabilities":{"no":0.25,"yes":0.75},"warnings":[]}',
        "outcome": "yes",
        "owner": "user:9",
    }
    return Record(**(values | said))


@pytest.fixture
def client(models_file: Path, tmp_path: Path, log: Any) -> Iterator[Client]:
    """An app with ten records of loans, and one of another model."""
    models = (f"{models_file}:{name}" for name in ("loans", "optional"))
    app = podium.App(*models, home=str(tmp_path), identify=log)
    client = Client(app)
    assert app.site.store is not None
    app.site.store.insert([record(n) for n in range(10)] + [record(99, model="optional")])
    yield client
    app.close()


def put(client: Client, number: int, value: object, who: str = "giver") -> Reply:
    body = msgspec.json.encode(value)
    return client.request("PUT", path_of(number), body=body, headers={"x-who": who})


def truth_of(client: Client, number: int) -> tuple[Any, str | None, str] | None:
    store = client.app.site.store
    assert store is not None
    found = store.get(id_of(number))
    assert found is not None
    told = found.feedback
    return None if told is None else (msgspec.json.decode(told.truth), told.actor, told.note)


def test_feedback_does_not_require_permission_to_see_the_record(client, log):
    reply = put(client, 1, {"truth": "no", "note": "by phone"})

    assert reply.json() == {"id": id_of(1), "truth": "no", "note": "by phone"}
    assert truth_of(client, 1) == ("no", "giver", "by phone")
    assert log.events == [("giver", "feedback_given", {"model": "loans", "record": id_of(1)})]
    assert client.get(f"/records/{id_of(1)}", x_who="giver").status == 404


def test_a_correction_replaces_earlier_feedback(client):
    put(client, 1, {"truth": "no", "note": "by phone"})

    put(client, 1, {"truth": "yes"}, "ada")

    assert truth_of(client, 1) == ("yes", "ada", "")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"truth": "maybe"}, "truth"),
        ({"truth": None}, "truth"),
        ({"truth": {"prediction": "no"}}, "truth"),
        ({}, "truth"),
        ({"truth": "no", "note": "n" * 1_001}, "note"),
        ({"truth": "no", "note": "a\0b"}, "note"),
        ({"truth": "no", "comment": ""}, "comment"),
    ],
)
def test_what_is_no_truth_of_the_model_is_refused_with_what_is(client, log, value, field):
    reply = put(client, 1, value)

    assert (reply.status, reply.json()["code"]) == (422, "invalid_rows")
    assert {cell["field"] for cell in reply.json()["cells"]} >= {field}
    assert truth_of(client, 1) is None
    assert log.events == []


def test_an_invalid_label_is_refused_with_the_valid_ones(client):
    (cell,) = put(client, 1, {"truth": "maybe"}).json()["cells"]

    assert cell["value"] == "maybe"
    assert "no" in cell["accepted"]
    assert "yes" in cell["accepted"]
    assert "row" not in cell


@pytest.mark.parametrize(
    ("number", "who", "status"),
    [
        (50, "giver", 404),
        (99, "giver", 404),
        (1, "other", 404),
        (1, "nobody", 401),
        (1, "reader", 403),
        (99, "ada", 422),
    ],
)
def test_records_that_are_not_there_for_the_caller_take_none(client, log, number, who, status):
    assert put(client, number, {"truth": "no", "extra": 1}, who).status == status
    assert log.events == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'[{"truth":"no"},{"truth":"no"}]', b'"no"'])
def test_a_body_that_is_no_feedback_is_refused(client, body):
    reply = client.request("PUT", path_of(1), body=body, headers={"x-who": "giver"})

    assert 400 <= reply.status < 500
    assert truth_of(client, 1) is None


ROWS = [
    {"id": id_of(1), "truth": "no", "note": "by phone"},
    {"id": id_of(2), "truth": "maybe"},
    {"id": id_of(50), "truth": "no"},
    {"id": id_of(99), "truth": "no"},
    {"id": id_of(1), "truth": "yes"},
    {"id": id_of(3), "truth": "yes"},
    {"id": "\u202ewhat", "truth": "yes"},
]


def as_csv(rows: list[dict[str, str]]) -> bytes:
    lines = [",".join((row["id"], row["truth"], row.get("note", ""))) for row in rows]
    return "\n".join(["id,truth,note", *lines]).encode()


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", msgspec.json.encode(ROWS)),
        ("text/csv", as_csv(ROWS)),
        ("application/x-ndjson", b"\n".join(map(msgspec.json.encode, ROWS))),
    ],
)
def test_each_of_many_rows_is_added_or_reported(client, log, media, body):
    reply = client.post(MANY, body=body, content_type=media, x_who="giver")

    told = reply.json()
    rows = [(one["row"], one["outcome"]) for one in told.pop("rows")]
    assert told == {"added": 2, "records": 2, "unknown": 3, "refused": 2, "remaining": 0}
    assert rows == [
        (1, "refused"),
        (2, "unknown"),
        (3, "unknown"),
        (4, "refused"),
        (6, "unknown"),
    ]
    assert truth_of(client, 1) == ("no", "giver", "by phone")
    assert truth_of(client, 3) == ("yes", "giver", "")
    assert (truth_of(client, 2), truth_of(client, 99)) == (None, None)
    assert log.events == [("giver", "feedback_given", {"model": "loans", "records": "2"})]


def test_the_reasons_name_what_is_accepted_and_the_earlier_row(client):
    rows = client.post(MANY, ROWS, x_who="giver").json()["rows"]

    reasons = {one["row"]: one.get("reason") for one in rows}
    assert "no" in reasons[1]
    assert "yes" in reasons[1]
    assert "row 0" in reasons[4]
    assert "\u202e" not in rows[-1]["id"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"id,note\n" + id_of(1).encode() + b",x\n", 422),
        (b"id,truth,name\n" + id_of(1).encode() + b",no,x\n", 422),
        (b"id,truth\n" + id_of(1).encode() + b"\n", 422),
        (b"id,truth\n", 422),
        (b"\xff\xfe", 400),
    ],
)
def test_a_table_of_another_form_adds_nothing(client, body, status):
    reply = client.post(MANY, body=body, content_type="text/csv", x_who="giver")

    assert reply.status == status
    assert truth_of(client, 1) is None


def test_what_there_was_no_time_for_is_counted(client, monkeypatch):
    monkeypatch.setattr(feedback, "FEEDBACK_S", -1.0)
    monkeypatch.setattr(feedback_rows, "CHUNK_ROWS", 3)

    told = client.post(MANY, [{"id": id_of(n), "truth": "no"} for n in range(10)], x_who="ada")

    counts = {"added": 3, "records": 3, "unknown": 0, "refused": 0, "remaining": 7, "rows": []}
    assert told.json() == counts
    assert [truth_of(client, n) is not None for n in (2, 3)] == [True, False]


def test_a_store_that_fails_half_way_is_reported(client, log, monkeypatch):
    store = client.app.site.store
    rows = [{"id": id_of(n), "truth": "no"} for n in range(10)]
    real = store.set_feedback_many
    monkeypatch.setattr(feedback_rows, "CHUNK_ROWS", 4)

    def fails(truths: dict[str, Any], **said: Any) -> frozenset[str]:
        if id_of(fails_at) in truths:
            raise StoreError("gone")
        return real(truths, **said)

    monkeypatch.setattr(store, "set_feedback_many", fails)
    fails_at = 5
    told = client.post(MANY, rows, x_who="ada").json()
    fails_at = 0
    failed = client.post(MANY, rows, x_who="ada")

    assert (told["added"], told["remaining"]) == (4, 6)
    assert failed.status == 503
    assert len(log.events) == 1


@pytest.mark.parametrize(
    ("who", "status"), [("nobody", 401), ("other", 404), ("reader", 403), ("giver", 200)]
)
def test_many_are_taken_from_whom_one_is(client, who, status):
    assert client.post(MANY, ROWS, x_who=who).status == status


def form_of(client: Client, number: int, who: str = "ada") -> str:
    page = client.get(f"/records/{id_of(number)}", x_who=who)
    assert page.status == 200
    return page.text


def send(client: Client, number: int, who: str = "ada", **values: str) -> Reply:
    return client.send_form(f"/records/{id_of(number)}/feedback", values, x_who=who)


def test_the_page_of_a_record_takes_the_truth_and_shows_it(client, log):
    assert f'action="/records/{id_of(1)}/feedback"' in form_of(client, 1)

    reply = send(client, 1, truth="no", note="by phone\r\nand post")

    assert (reply.status, reply.headers["location"]) == (303, f"/records/{id_of(1)}#feedback")
    assert truth_of(client, 1) == ("no", "ada", "by phone\nand post")
    page = form_of(client, 1)
    assert re.search(r"<dt><bdi>True value</bdi></dt><dd dir=\"auto\">no</dd>", page)
    assert re.search(r'value="no" checked', page)
    assert "by phone\nand post</textarea>" in page
    assert log.events[-1][1] == "feedback_given"


def test_a_truth_that_is_not_accepted_stays_in_the_form(client):
    reply = send(client, 1, truth="maybe", note="<b>")

    assert reply.status == 422
    assert "One value is not accepted" in reply.text
    assert 'value="maybe" checked' in reply.text
    assert "&lt;b&gt;" in reply.text
    assert truth_of(client, 1) is None


def test_the_form_is_there_for_those_with_the_right(client):
    assert "/feedback" not in form_of(client, 1, "reader")
    assert send(client, 1, "reader", truth="no").status == 403
    assert send(client, 1, "reader", truth="maybe").status == 403
    assert send(client, 1, "nobody", truth="no").status == 303
    assert send(client, 1, "other", truth="no").status == 404
    assert truth_of(client, 1) is None


def test_whoever_gives_feedback_without_seeing_the_record_has_a_form_of_their_own(client):
    put(client, 1, {"truth": "no", "note": "secret"}, "ada")
    where = f"/records/{id_of(1)}/feedback"

    form = client.get(where, x_who="giver")
    wrong = send(client, 1, "giver", truth="maybe")
    saved = send(client, 1, "giver", truth="yes")
    after = client.get(saved.headers["location"], x_who="giver")

    assert (form.status, wrong.status, saved.status, after.status) == (200, 422, 303, 200)
    assert f'action="{where}"' in form.text
    assert "One value is not accepted" in wrong.text
    assert "Saved." in after.text
    for page in (form, wrong, after):
        assert "secret" not in page.text
        assert ">41<" not in page.text
    assert truth_of(client, 1) == ("yes", "giver", "")
    assert client.get(where, x_who="ada").headers["location"] == f"/records/{id_of(1)}#feedback"
    assert client.get(where, x_who="reader").status == 403
    assert client.get(where, x_who="other").status == 404


LOAN = {"age": "41", "income": "1", "member": "true", "plan": "pro", "rooms": "2"}
LOAN |= {"note": "", "since": "2024-03-01"}


@pytest.mark.parametrize(("who", "links"), [("asker", 0), ("both", 1), ("ada", 1)])
def test_right_after_a_prediction_the_true_value_can_be_given(client, who, links):
    page = client.send_form("/models/loans", LOAN, follows=True, x_who=who)

    assert page.status == 200
    found = re.findall(r'action="/records/([0-9a-f]{32})/feedback"', page.text)
    assert len(found) == links
    ids = re.findall(r' id="([^"]*)"', page.text)
    assert len(ids) == len(set(ids))
    for record_id in found:
        reply = client.send_form(f"/records/{record_id}/feedback", {"truth": "no"}, x_who=who)
        assert reply.status == 303
        assert client.get(reply.headers["location"].partition("#")[0], x_who=who).status == 200


def test_the_page_of_a_record_shows_what_was_said_before(client):
    for truth, note in (("no", "by phone"), ("yes", "<i>by post</i>")):
        put(client, 1, {"truth": truth, "note": note}, "ada")
    put(client, 1, {"truth": "no"}, "giver")

    page = form_of(client, 1)

    assert "Before its correction (2)" in page
    assert "by phone" in page
    assert "&lt;i&gt;by post" in page


def test_a_record_by_the_api_has_its_feedback_and_what_was_said_before(client):
    for truth in ("no", "yes"):
        put(client, 1, {"truth": truth, "note": "by phone"}, "ada")

    told = client.get(f"/api/records/{id_of(1)}", x_who="reader").json()

    assert (told["id"], told["inputs"], told["outputs"]["prediction"]) == (
        id_of(1),
        {"age": 41},
        "yes",
    )
    said = told["feedback"]
    assert (said["truth"], said["actor"], said["note"]) == ("yes", "ada", "by phone")
    assert [(one["truth"], one["note"]) for one in said["earlier"]] == [("no", "by phone")]
    for who, status in (("giver", 404), ("other", 404), ("nobody", 401)):
        assert client.get(f"/api/records/{id_of(1)}", x_who=who).status == status


def test_the_page_takes_forms_only(client):
    reply = client.post(f"/records/{id_of(1)}/feedback", {"truth": "no"}, x_who="ada")

    assert reply.status == 415
    assert f"/api/records/{id_of(1)}/feedback" in reply.text


@pytest.fixture
def two_outputs(tmp_path: Path) -> Iterator[tuple[Client, str]]:
    """An app whose model answers a price and a weight, and the id of a record."""
    inputs = pd.DataFrame({"length": np.arange(40.0)})
    outputs = pd.DataFrame({"price": np.arange(40.0), "weight": 2 * np.arange(40.0)})
    model = LinearRegression().fit(inputs, outputs)
    path = tmp_path / "parcels.podium"
    podium.pack(model, inputs, outputs, name="parcels", path=path)
    app = podium.App(path, home=str(tmp_path / "home"))
    client = Client(app)
    yield client, client.post("/api/models/parcels/predict", {"length": 3.0}).json()["id"]
    app.close()


def test_several_outputs_take_an_object_or_a_column_each(two_outputs):
    client, id_ = two_outputs
    path = f"/api/records/{id_}/feedback"

    def sent(truth: object) -> tuple[int, Any]:
        body = msgspec.json.encode({"truth": truth})
        reply = client.request("PUT", path, body=body)
        return reply.status, reply.json()

    status, told = sent({"price": 1.5, "weight": 2})
    assert (status, told["truth"]) == (200, {"price": 1.5, "weight": 2.0})
    for truth in (3, {"price": 1.5, "size": 2}, {"price": 1.5}):
        status, told = sent(truth)
        assert (status, len(told["cells"])) == (422, 1)
    csv = f"id,truth.price,truth.weight\n{id_},4,5\n".encode()
    added = client.post("/api/models/parcels/feedback", body=csv, content_type="text/csv").json()
    assert added["added"] == 1
    page = client.get(f"/records/{id_}").text
    assert re.search(r'name="truth.price" value="4"', page)
    assert re.search(r'name="truth.weight" value="5"', page)
