"""The list of records: conditions on fields, orders, columns and totals, all in its address."""

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
from podium.web import record_list

LOANS = "/models/loans/records"
NOON_US = 1_700_000_000_000_000


def record(n: int, **changes: Any) -> Record:
    outcome = "yes" if n % 3 else "no"
    answer = {"prediction": outcome, "probabilities": {"no": 0.25, "yes": 0.75}, "warnings": []}
    inputs = {"age": n, "income": None if n % 2 else 1000.5 - n}
    usual: dict[str, Any] = {
        "id": f"{n:032x}",
        "time_us": NOON_US + n * 60_000_000,
        "model": "loans",
        "version": "1" if n < 100 else "2",
        "inputs": msgspec.json.encode(inputs),
        "outputs": msgspec.json.encode(answer),
        "outcome": outcome,
    }
    return Record(**(usual | changes))


@pytest.fixture(scope="module")
def client(models_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Has 160 records of one model."""
    app = podium.App(f"{models_file}:loans", home=str(tmp_path_factory.mktemp("list")))
    assert app.site.store is not None
    app.site.store.insert([record(n) for n in range(160)])
    yield Client(app)
    app.close()


def ids(client: Client, target: str) -> list[int]:
    reply = client.get(target)
    assert reply.status == 200, reply.text
    return [int(one, 16) for one in re.findall(r'href="/records/([0-9a-f]{32})"', reply.text)]


def links(client: Client, target: str, pattern: str) -> list[str]:
    found = re.findall(rf'<a href="([^"]*)"{pattern}', client.get(target).text)
    return [unescape(one) for one in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("f1=in.age&o1=is&v1=7", [7]),
        ("f1=in.age&o1=ge&v1=3&f2=in.age&o2=le&v2=5", [5, 4, 3]),
        ("f1=in.income&o1=any&f2=in.age&o2=le&v2=4", [4, 2, 0]),
        ("f1=in.income&o1=none&f2=in.age&o2=le&v2=4&outcome=no", [3]),
        ("f1=out.p.yes&o1=ge&v1=0.9", []),
        ("f1=rec.version&o1=is&v1=2&f2=in.age&o2=le&v2=101", [101, 100]),
        ("f1=in.age&o1=le&v1=2&sort=in.age", [0, 1, 2]),
        ("f1=in.age&o1=le&v1=2&sort=time", [0, 1, 2]),
        ("f1=in.age&o1=le&v1=4&sort=-in.income", [0, 2, 4, 3, 1]),
        ("f3=in.age&o3=is&v3=9", [9]),
    ],
)
def test_records_are_found_by_any_field(client: Client, query: str, expected: list[int]):
    assert ids(client, f"{LOANS}?{query}") == expected


def test_the_pages_of_a_sorted_list_lead_on_and_back(client: Client):
    pages = [f"{LOANS}?sort=in.age"]
    while older := links(client, pages[-1], ' rel="next"'):
        pages += older

    assert [n for page in pages for n in ids(client, page)] == list(range(160))
    assert len(pages) == 4
    (back,) = links(client, pages[-1], ' rel="prev"')
    assert ids(client, back) == ids(client, pages[-2])
    assert links(client, pages[-1], ' rel="first"') == [pages[0]]


def test_the_oldest_first_lead_to_newer_ones(client: Client):
    (older,) = links(client, f"{LOANS}?sort=time", ' rel="next"')

    assert "sort=time" in older
    assert ids(client, f"{LOANS}?sort=time")[:2] == [0, 1]
    assert ids(client, older)[:2] == [50, 51]
    assert ">Newer</a>" in client.get(older).text


def test_a_heading_sorts_and_says_so(client: Client):
    text = client.get(f"{LOANS}?sort=in.age").text

    assert re.search(r'aria-sort="ascending"><a href="[^"]*sort=-in.age"', text)
    assert ids(client, f"{LOANS}?sort=-in.age")[0] == 159


def test_an_address_says_which_columns_are_shown(client: Client):
    text = client.get(f"{LOANS}?column=rec.version&column=out.p.yes&column=x").text
    headings = re.findall(r"<bdi>([^<]*)</bdi></a></th>", text)

    assert headings == ["Time (UTC)", "Prediction", "Probability of yes", "Version"]
    (older,) = links(client, f"{LOANS}?column=rec.version", ' rel="next"')
    assert "column=rec.version" in older
    assert 'name="column" value="rec.version"' in text


def test_the_menu_of_columns_keeps_the_filters(client: Client):
    text = client.get(f"{LOANS}?choose=columns&outcome=no&f1=in.age&o1=ge&v1=1").text
    picker = text[text.index("picker") :]

    for name, value in (("outcome", "no"), ("f1", "in.age"), ("o1", "ge"), ("v1", "1")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in picker
    assert re.search(r'name="column" value="in.age" checked', picker)
    assert not re.search(r'name="column" value="rec.version" checked', picker)


def test_totals_are_shown_where_everything_was_read(client: Client):
    short, long = f"{LOANS}?f1=in.age&o1=le&v1=5", LOANS

    assert "4 (66.7\u00a0%)" in client.get(short).text
    assert 'class="over-time"' in client.get(short).text
    assert 'class="totals"' not in client.get(long).text
    (totals,) = links(client, long, ">Totals")
    assert "<dd>160</dd>" in client.get(totals).text


def test_a_condition_is_removed_by_its_link(client: Client):
    both = f"{LOANS}?f1=in.age&o1=ge&v1=3&f2=in.age&o2=le&v2=5&column=in.age"
    first, second = links(client, both, ' aria-label="Remove')

    assert ids(client, first) == [5, 4, 3, 2, 1, 0]
    assert ids(client, second)[0] == 159
    assert "column=in.age" in first


def test_what_was_not_looked_through_is_said(client: Client, monkeypatch: pytest.MonkeyPatch):
    scan = record_list.scan
    monkeypatch.setattr(record_list, "scan", lambda *given, **how: scan(*given, most=60, **how))
    target = f"{LOANS}?f1=in.age&o1=le&v1=110"

    text = client.get(target).text
    assert "among the newest 60 records, back to" in text
    (further,) = links(client, target, ">Look further")
    assert ids(client, further)[:2] == [99, 98]
    nothing = f"{LOANS}?f1=in.age&o1=is&v1=3"
    assert "None of the 60 records that were looked through match." in client.get(nothing).text
    for _ in range(2):
        (nothing,) = links(client, nothing, ">Look further") or links(
            client, nothing, ' class="button"[^>]*>Look further'
        )
    assert ids(client, nothing) == [3]


def test_the_file_has_the_same_records(client: Client):
    target = f"{LOANS}?f1=in.age&o1=le&v1=9&f2=in.income&o2=none&sort=in.age"
    (address,) = links(client, target, ">Download these as CSV")

    rows = list(csv.DictReader(io.StringIO(client.get(address).text.lstrip("\ufeff"))))

    assert [row["input.age"] for row in rows] == ["9", "7", "5", "3", "1"]


def test_conditions_never_delete_more_than_they_show(client: Client):
    query = "f1=in.age&o1=is&v1=7"

    assert "/delete" not in client.get(f"{LOANS}?{query}").text
    refused = client.get(f"{LOANS}/delete?{query}")
    assert refused.status == 400
    assert "can&#39;t be filtered by &#39;f1&#39;" in refused.text


@pytest.mark.parametrize(
    "query",
    [
        "f1=in.age&o1=is&v1=%3Cscript%3E",
        "f1=%3Cscript%3E&o1=is&v1=1",
        "f1=in.age&o1=%3Cscript%3E&v1=1",
        "f1=in.age&o1=is&v1=%ED%A0%80",
    ],
)
def test_a_hostile_condition_is_a_problem_and_prevents_the_file(client: Client, query: str):
    page, file = client.get(f"{LOANS}?{query}"), client.get(f"{LOANS}.csv?{query}")

    assert (page.status, file.status) == (200, 400)
    assert 'role="alert"' in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "query",
    ["sort=nope", "sort=-", "page=0", "page=-1&sort=in.age", "page=9999999&sort=in.age", "column="],
)
def test_an_odd_address_is_no_fault(client: Client, query: str):
    assert client.get(f"{LOANS}?{query}").status == 200


@pytest.mark.parametrize("query", ["window=x&sort=in.age", "window=%ff&totals=1"])
def test_a_window_that_no_page_gave_is_refused(client: Client, query: str):
    assert client.get(f"{LOANS}?{query}").status == 400
