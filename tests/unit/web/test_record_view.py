"""What pages of records show, whoever renders them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import podium
from podium.access import ALL, Action, Actor
from podium.errors import InputError, NotAllowed, NotFound
from podium.http import Request
from podium.records.record import Feedback, Record
from podium.records.store import ALL_FILTERS, Page, RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.signature.truth import NOTE_MAX
from podium.testing import Client
from podium.web.feedback import give_feedback
from podium.web.record_list import record_list
from podium.web.record_view import record_detail
from podium.web.site import Site
from podium.web.visible_records import visible_model, visible_models

ADA = Actor("ada", grants={ALL: frozenset(Action)}, id="user:1")
BOB = Actor("bob", grants={"loans": frozenset({Action.SEE_OWN})}, id="user:2")
NOON_US = 1_700_000_000_000_000


class NoOutcomes(MemoryStore):
    """A store that can't look for predictions."""

    features = msgspec.structs.replace(
        MemoryStore.features, filters=ALL_FILTERS - {"outcome", "id_prefix"}
    )

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if query.outcome is not None or query.id_prefix is not None:
            raise InputError("this store can't filter by the prediction or the id")
        return super().page(query, limit=limit, cursor=cursor, **order)


def record(n: int, **changes: object) -> Record:
    answer = {"prediction": "yes", "probabilities": {"no": 0.25, "yes": 0.75}, "warnings": []}
    usual: dict[str, object] = {
        "id": f"{n:032x}",
        "time_us": NOON_US + n,
        "model": "loans",
        "version": "1",
        "inputs": msgspec.json.encode({"age": 0.123456789, "income": "x" * 100, "gone": None}),
        "outputs": msgspec.json.encode(answer),
        "outcome": "yes",
        "source": "api",
        "actor": "ada" if n % 2 else None,
        "owner": "user:2" if n == 2 else None,
    }
    return Record(**(usual | changes))


@pytest.fixture
def app(models_file: Path, tmp_path: Path) -> Iterator[podium.App]:
    store = NoOutcomes()
    store.insert([record(n) for n in range(1, 4)])
    models = (f"{models_file}:{name}" for name in ("loans", "arrival"))
    app = podium.App(*models, home=str(tmp_path), record_store=store)
    yield app
    app.close()


def request(actor: Actor, query: str = "") -> Request:
    return Request("GET", "/", query, actor=actor, is_identified=True)


def test_a_filter_that_the_store_lacks_is_not_offered(app: podium.App) -> None:
    page = Client(app).get("/models/loans/records")
    refused = Client(app).get("/models/loans/records?outcome=yes")

    shown = record_list(app.site, request(ADA))
    assert [field.name for field in shown.fields] == [
        "search",
        "since",
        "until",
        "business_key",
        "role",
    ]
    names = re.findall(r'<(?:input|select)[^>]* name="(\w+)"', page.text)
    assert names == ["search", "since", "until", "business_key", "role", "f1", "o1", "v1"]
    delete = Client(app).get("/openapi.json").json()["paths"]["/api/models/loans/records"]["delete"]
    assert [one["name"] for one in delete["parameters"]] == [
        "search",
        "since",
        "until",
        "min",
        "max",
        "business_key",
        "role",
        "version",
        "owner",
        "expect",
    ]
    assert refused.status == 400
    assert "can&#39;t filter by the prediction" in refused.text


def test_filters_are_those_that_make_sense_for_the_model(app: podium.App) -> None:
    object.__setattr__(app.site, "store", MemoryStore())

    numbers = record_list(app.site, request(ADA, "min=3&since=2023-11-14"), "arrival-delay")
    classes = record_list(app.site, request(ADA, "until=2023-11-14&outcome=no"), "loans")

    assert [one[:3] for one in numbers.fields] == [
        ("search", "Search", "search"),
        ("since", "From (UTC)", "moment"),
        ("until", "To (UTC)", "moment"),
        ("min", "At least", "number"),
        ("max", "At most", "number"),
        ("id", "Id begins with", "text"),
        ("business_key", "Key", "text"),
        ("role", "Role", "choice"),
    ]
    assert [one.value for one in numbers.fields] == ["", "2023-11-14T00:00", "", "3", *[""] * 4]
    assert [one.name for one in classes.fields][1:5] == ["since", "until", "outcome", "id"]
    assert classes.fields[2].value == "2023-11-14T23:59"
    assert (classes.fields[3].kind, classes.fields[3].choices) == (
        "choice",
        (("no", "no"), ("yes", "yes")),
    )


def test_a_search_is_offered_where_the_store_can(app: podium.App) -> None:
    record_store = app.site.store
    assert record_store is not None
    record_store.set_feedback(
        record(2).id, Feedback(truth=b'"no"', time_us=NOON_US, note="By phone")
    )
    client = Client(app)

    page = client.get("/models/loans/records?search=PHONE+by")
    file = client.get("/models/loans/records.csv?search=phone")
    nothing = client.get("/models/loans/records?search=telephone")

    assert re.search(r'<input type="search" id="search" name="search" value="PHONE by"', page.text)
    assert re.findall(r'href="/records/(\w{32})"', page.text) == [record(2).id]
    assert [record(n).id in file.text for n in (1, 2, 3)] == [False, True, False]
    assert "No records match." in nothing.text
    assert record_list(app.site, request(BOB, "search=ada")).records == ()  # ada's are hidden
    assert len(record_list(app.site, request(ADA, "search=ada")).records) == 2


def test_a_search_that_is_too_long_says_so(app: podium.App) -> None:
    page = Client(app).get(f"/models/loans/records?search={'x' * 201}")

    assert "A search has 200 characters at most." in page.text
    assert Client(app).get("/models/loans/records?search=a%00b").status == 400


def test_a_list_shows_the_beginning_of_values_and_the_actor(app: podium.App) -> None:
    shown = record_list(app.site, request(ADA), "loans")

    assert [name for name, _ in shown.models] == ["loans", "arrival-delay"]
    assert shown.columns[:2] == ["Time (UTC)", "Prediction"]
    assert shown.columns[-3:] == ["By", "Feedback", "Record"]
    assert [line.cells[-2] for line in shown.lines] == ["ada", "api", "ada"]
    assert shown.lines[0].cells[0] == "0.1235"
    assert "x" * 60 + "…" in shown.lines[0].cells
    assert {len(shown.columns)} == {len(line.cells) + 3 for line in shown.lines}


def test_one_sees_their_own_records_and_no_other_model(app: podium.App) -> None:
    shown = record_list(app.site, request(BOB))

    names = [name for name, _ in shown.models]
    assert (names, visible_models(app.site, ADA)) == (["loans"], ["loans", "arrival-delay"])
    assert [line.id for line in shown.lines] == [record(2).id]
    with pytest.raises(NotFound, match="arrival-delay"):
        visible_model(app.site, BOB, "arrival-delay")
    with pytest.raises(NotFound):
        record_detail(app.site, request(BOB), record(1).id)


def test_feedback_is_recorded_shown_and_written_down(
    app: podium.App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "podium")
    detail = record_detail(app.site, request(ADA), record(1).id)
    assert (detail.feedback, detail.feedback_values) == ([], {})

    give_feedback(app.site, ADA, detail.record, "no", "by phone")

    shown = record_detail(app.site, request(ADA), record(1).id)
    assert [row for row in shown.feedback if row[0] != "Given"] == [
        ("True value", "no"),
        ("By", "ada"),
        ("Note", "by phone"),
    ]
    assert shown.feedback_values == {"prediction": "no", "podium_note": "by phone"}
    assert [line.cells[-1] for line in record_list(app.site, request(ADA)).lines] == [
        "",
        "",
        "given",
    ]
    page = Client(app).get(f"/records/{record(1).id}").text
    assert "Feedback" in page
    assert "by phone" in page


@pytest.mark.parametrize("note", ["n" * (NOTE_MAX + 1), "\0", "\ud800"])
def test_feedback_that_cannot_be_stored_is_refused(app: podium.App, note: str) -> None:
    detail = record_detail(app.site, request(ADA), record(1).id)

    with pytest.raises(InputError):
        give_feedback(app.site, ADA, detail.record, "no", note)

    assert record_detail(app.site, request(ADA), record(1).id).feedback == []


def test_feedback_requires_permission_and_an_existing_record(app: podium.App) -> None:
    site: Site = app.site
    own = record_detail(site, request(BOB), record(2).id)
    assert not own.may_give_feedback
    with pytest.raises(NotAllowed):
        give_feedback(site, BOB, own.record, "no", "")
    assert site.store is not None
    site.store.delete([own.record])
    with pytest.raises(NotFound, match="meanwhile"):
        give_feedback(site, ADA, own.record, "no", "")


def test_feedback_of_another_shape_is_shown_as_it_is(app: podium.App) -> None:
    assert app.site.store is not None
    truth = Feedback(truth=b'{"a":[1,null]}', time_us=NOON_US)
    app.site.store.set_feedback(record(1).id, truth)

    shown = record_detail(app.site, request(ADA), record(1).id)

    assert shown.feedback[0][0] == "True value"
    assert "null" in shown.feedback[0][1] or "None" in shown.feedback[0][1]
