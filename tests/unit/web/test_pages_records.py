"""The pages of records: filters, both ways through the pages, one record, the file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest

import podium
from podium.records.record import Record
from podium.testing import Client
from podium.web.record_filters import TRAIL_MAX, Place, filters_of, place_of

FIRST_US = 1_700_000_000_000_000  # 2023-11-14 22:13:20
N_RECORDS = 160


def record(i: int, **said: Any) -> Record:
    outcome = "yes" if i % 3 else "no"
    answer = {"prediction": outcome, "probabilities": {"no": 0.25, "yes": 0.75}, "warnings": []}
    values: dict[str, Any] = {
        "id": f"{i:032x}",
        "time_us": FIRST_US + i * 60_000_000,
        "model": "loans",
        "version": "1",
        "inputs": msgspec.json.encode({"age": i, "note": "=1+1"}),
        "outputs": msgspec.json.encode(answer),
        "outcome": outcome,
        "request_id": f"{i - 1:032x}",
        "row_index": 1,
        "bundle_digest": "ab" * 32,
    }
    return Record(**(values | said))


def delay(i: int) -> Record:
    answer = msgspec.json.encode({"prediction": float(i), "warnings": []})
    return record(
        10_000 + i,
        model="arrival-delay",
        outputs=answer,
        outcome=str(float(i)),
        outcome_number=float(i),
    )


@pytest.fixture(scope="module")
def kept(models_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """What asks an app that keeps 160 records of one model, 5 of another and none of a third."""
    home = str(tmp_path_factory.mktemp("records"))
    app = podium.App(
        *(f"{models_file}:{n}" for n in ("loans", "arrival", "optional", "fragile")), home=home
    )
    client = Client(app)
    assert app.site.store is not None
    app.site.store.insert([record(i) for i in range(N_RECORDS)] + [delay(i) for i in range(5)])
    yield client
    app.close()


def records_of(client: Client, target: str) -> list[str]:
    """The ids of the records that a page lists."""
    reply = client.get(target)
    assert reply.status == 200, reply.text
    return re.findall(r'href="/records/([0-9a-f]{32})"', reply.text)


def link(client: Client, target: str, rel: str) -> str | None:
    """Where a link of the pager leads."""
    found = re.search(rf'href="([^"]*)" rel="{rel}"', client.get(target).text)
    return unescape(found[1]) if found else None


def ids(numbers: range) -> list[str]:
    return [f"{i:032x}" for i in numbers]


def test_the_newest_stand_first(kept: Client):
    assert records_of(kept, "/models/loans/records") == ids(range(159, 109, -1))


def test_the_pages_lead_to_older_records_and_back(kept: Client):
    addresses = ["/models/loans/records"]
    while (older := link(kept, addresses[-1], "next")) is not None:
        addresses.append(older)

    seen = [one for address in addresses for one in records_of(kept, address)]
    assert seen == ids(range(159, -1, -1))
    assert len(addresses) == 4
    back = addresses[-1]
    for expected in reversed(addresses[:-1]):
        back = link(kept, back, "prev")
        assert records_of(kept, back) == records_of(kept, expected)
    assert link(kept, back, "prev") is None
    assert link(kept, addresses[-1], "first") == addresses[0]
    assert "Page 4" in kept.get(addresses[-1]).text


def test_pages_keep_their_filters(kept: Client):
    address: str | None = "/models/loans/records?outcome=yes"
    seen: list[str] = []
    while address is not None:
        assert "outcome=yes" in address
        seen += records_of(kept, address)
        address = link(kept, address, "next")

    assert seen == [one for i, one in enumerate(ids(range(160))) if i % 3][::-1]


def test_a_store_without_a_search_offers_and_accepts_none(kept: Client):
    assert 'name="search"' not in kept.get("/models/loans/records").text

    refused = kept.get("/models/loans/records?search=yes")

    assert refused.status == 400
    assert "store can&#39;t filter records by text" in refused.text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("since=2023-11-15T00:50", range(159, 156, -1)),
        ("until=2023-11-14T22:15", range(2, -1, -1)),
        ("since=2023-11-14T22:15&until=2023-11-14T22:16", range(3, 1, -1)),
        ("until=2023-11-13", range(0)),
        ("since=2023-11-14T23:15%2B01:00&until=2023-11-14T22:15", range(2, 1, -1)),
        ("outcome=maybe", range(0)),
        (f"id={159:032x}", range(159, 158, -1)),
        (f"id=%20{'0' * 30}9%20", range(159, 143, -1)),
    ],
)
def test_records_are_filtered(kept: Client, query, numbers):
    assert records_of(kept, f"/models/loans/records?{query}") == ids(numbers)


@pytest.mark.parametrize(
    ("query", "delays"), [("min=3", [4, 3]), ("max=1", [1, 0]), ("min=2&max=2.5", [2])]
)
def test_numbers_are_filtered_by_their_size(kept: Client, query, delays):
    found = records_of(kept, f"/models/arrival-delay/records?{query}")

    assert found == [f"{10_000 + i:032x}" for i in delays]


def test_classes_are_chosen_from_a_menu_and_numbers_typed(kept: Client):
    classes = kept.get("/models/loans/records?outcome=no").text
    numbers = kept.get("/models/arrival-delay/records?min=1").text

    assert '<option value="no" selected>no</option>' in classes
    assert 'name="min"' not in classes
    assert re.search(r'type="number"[^>]*name="min" value="1"', numbers)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=soon", "“soon” is not a date or time."),
        ("until=2023-02-30", "“2023-02-30” is not a date or time."),
        ("min=nan", "“nan” is not a number."),
        ("max=inf", "“inf” is not a number."),
        ("min=1e999", "“1e999” is not a number."),
        ("id=xyz", "An id has up to 32 hexadecimal digits"),
        ("min=%3Cb%3E", "“&lt;b&gt;” is not a number."),
    ],
)
def test_an_invalid_filter_is_reported_and_stays(kept: Client, query, told):
    reply = kept.get(f"/models/arrival-delay/records?{query}")

    assert reply.status == 200
    assert told in reply.text
    assert 'role="alert"' in reply.text
    assert "records.csv" not in reply.text


@pytest.mark.parametrize("query", ["since=soon", "min=nan", "id=xyz"])
def test_an_invalid_filter_prevents_the_download(kept: Client, query):
    reply = kept.get(f"/models/arrival-delay/records.csv?{query}", accept="application/json")

    assert reply.status == 400
    assert "number" in reply.text or "date" in reply.text or "digits" in reply.text


def test_the_link_to_the_file_has_the_same_filters(kept: Client):
    text = kept.get("/models/loans/records?outcome=no&until=2023-11-14T22:20").text
    (address,) = re.findall(r'href="(/models/loans/records\.csv[^"]*)"', text)

    reply = kept.get(unescape(address))

    rows = list(csv.DictReader(io.StringIO(reply.text.lstrip("\ufeff"))))
    assert [row["input.age"] for row in rows] == ["6", "3", "0"]
    assert {row["input.note"] for row in rows} == {"'=1+1"}
    assert reply.headers["content-disposition"] == 'attachment; filename="loans-records.csv"'


@pytest.mark.parametrize("query", ["after=x", "after=%ff", "after=MTIz&page=3&trail=a.b"])
def test_a_place_that_no_page_gave_is_refused(kept: Client, query):
    assert kept.get(f"/models/loans/records?{query}").status == 400


def test_without_records_the_page_links_to_the_form(kept: Client):
    text = kept.get("/models/optional/records").text

    assert "No predictions yet" in text
    assert 'href="/models/optional"' in text
    assert "<form" not in text


def test_where_no_record_fits_the_filters_stay(kept: Client):
    text = kept.get("/models/loans/records?outcome=maybe").text

    assert "No records match" in text
    assert "<form" in text


def test_one_record_is_shown_whole(kept: Client):
    text = kept.get(f"/records/{7:032x}").text

    for shown in ("Record", f"{7:032x}", "2023-11-14 22:20:20 UTC", "75.0\u00a0%", "=1+1"):
        assert shown in text
    assert f"{6:032x}, row 2" in text
    assert f"sha256:{'ab' * 32}" in text
    assert f'href="/models/loans?from={7:032x}"' in text
    assert "http://127.0.0.1:8000/records/" in text


def test_the_metrics_of_another_version_are_not_shown_with_a_record(models_file, tmp_path):
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = LinearRegression().fit(X, y)
    bundle = podium.pack(model, X, y, name="diabetes", path=tmp_path / "d.podium", holdout=(X, y))
    app = podium.App(bundle, home=str(tmp_path / "home"))
    try:
        answer = msgspec.json.encode({"prediction": 150.0, "warnings": []})
        said = {"model": "diabetes", "outputs": answer, "outcome_number": 150.0}
        app.site.store.insert([record(1, version=bundle.version, **said), record(2, **said)])
        now, before = (Client(app).get(f"/records/{i:032x}").text for i in (1, 2))
    finally:
        app.close()

    assert "held-out rows" in now
    assert "This prediction among those" in now
    assert "held-out rows" not in before
    assert "This prediction among those" not in before


@pytest.mark.parametrize("record_id", ["0", "f" * 32, "F" * 32, "x" * 32, "é", "0" * 33])
def test_a_record_that_is_none_is_not_found(kept: Client, record_id):
    assert kept.get(f"/records/{record_id}").status == 404


@pytest.mark.parametrize(
    "target", ["/models/loans/records", "/models/loans/records.csv", f"/records/{7:032x}"]
)
def test_a_page_says_that_nothing_is_recorded(models_file, tmp_path, target):
    app = podium.App(f"{models_file}:loans", home=str(tmp_path), records=False)
    try:
        client = Client(app)
        reply, form = client.get(target), client.get("/models/loans").text
    finally:
        app.close()

    assert reply.status == 404
    assert "--no-records" in reply.text
    assert "/records" not in form


@pytest.mark.parametrize("target", ["/models/loans/records", "/models/loans/records.csv"])
def test_a_store_that_fails_is_an_error_of_lists_and_files(models_file, tmp_path, target):
    app = podium.App(f"{models_file}:loans", home=str(tmp_path))
    try:
        client = Client(app)
        before = client.get(target)
        for file in tmp_path.glob("podium.db*"):
            file.unlink()
        reply = client.get(target)
    finally:
        app.close()

    assert before.status == 200
    assert reply.status == 503


def test_a_long_answer_is_cut_in_the_list_and_whole_on_its_page(kept: Client):
    words = "word " * 100
    answer = msgspec.json.encode({"prediction": words, "warnings": []})
    kept.app.site.store.insert(
        [record(9, id="e" * 32, model="fragile", outputs=answer, outcome=words)]
    )

    listed = kept.get("/models/fragile/records").text
    whole = kept.get(f"/records/{'e' * 32}").text

    assert words[:60] + "…" in listed
    assert words not in listed
    assert words in whole


def test_a_trail_leads_back_as_far_as_an_address_can_hold():
    place = Place()
    for i in range(100):
        place = place.older(f"cursor{i}")
    n_back = 0
    while (newer := place.newer) is not None:
        place, n_back = newer, n_back + 1

    assert n_back == TRAIL_MAX
    assert place.number == 101 - TRAIL_MAX


def test_a_place_is_what_its_parameters_say():
    place = Place().older("a").older("b").older("c")

    assert place_of(place.parameters) == place
    assert place_of({}) == Place()


@pytest.mark.parametrize("page", ["", "x", "²", "-3", "9" * 50])
def test_the_number_of_a_page_is_never_a_fault(page):
    assert place_of({"after": "a", "page": page}).number >= 2


def test_a_url_contains_only_the_filters_in_use():
    filters = filters_of("loans", {"outcome": "a&b", "min": " ", "other": "1"})

    assert filters.address("/r") == "/r?outcome=a%26b"
    assert filters_of("loans", {}).address("/r") == "/r"
