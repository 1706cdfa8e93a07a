"""Two versions compared, on their page and in the API."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import podium
from podium.gates import Gates
from podium.testing import Client

sys.path.insert(0, str(Path(__file__).parents[1] / "comparison"))
from two_versions import Bench, classifiers_in, labels

ALIAS = "/api/models/loans/aliases/champion"
PAGE, API = "/models/loans/compare", "/api/models/loans/compare"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return classifiers_in(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def bench(bundles, tmp_path: Path) -> Bench:
    return Bench(tmp_path / "home", bundles)


@pytest.fixture
def client(bench: Bench, bundles) -> Iterator[Client]:
    app = podium.App(
        bundles[0],
        home=str(bench.home),
        record_store=bench.store,
        gates={"loans": Gates(segments=("region",))},
    )
    app.versions.registry.promote("loans", "1")
    yield Client(app)
    app.close()


def fill(bench: Bench, n: int = 400) -> None:
    inputs = {"age": [1.0] * n, "region": ["north", "south"] * (n // 2)}
    for version, rate in (("1", 0.4), ("2", 0.05)):
        bench.add(version, labels(n, rate, int(version)), ["yes"] * n, inputs=inputs)


def test_the_api_tells_figures_intervals_gates_and_a_verdict(client, bench):
    fill(bench)

    found = client.get(f"{API}?a=champion&b=2").json()

    assert found["verdict"] == "Version 2 is better than 1."
    assert found["a"] | {"latency_ms": 0} == {
        "version": "1",
        "digest": bench.bundles["1"].digest,
        "aliases": ["champion"],
        "n_truths": 400,
        "latency_ms": 0,
    }
    assert found["improvement"]["decided"] == "b"
    assert found["improvement"]["always_low"] < found["improvement"]["low"] < 0.35
    names = [one["name"] for one in found["differences"]]
    assert names == ["accuracy", "balanced_accuracy", "f1_macro"]
    assert {one["field"] for one in found["segments"]} == {"region"}
    assert [one["status"] for one in found["gates"]] == [*["pass"] * 4, "unknown", "pass"]


def test_versions_that_are_not_there_or_one_are_told(client):
    assert client.get(API).status == 404  # there is no challenger
    assert client.get(f"{API}?b=3").status == 404
    assert client.get(f"{API}?a=1&b=champion").status == 400


def test_the_page_shows_both_side_by_side_and_leads_to_the_promotion(client, bench):
    fill(bench)

    page = client.get(PAGE)

    assert page.status == 200
    for text in (
        "Version 2 is better than 1.",
        "with 95&nbsp;% confidence",
        "Each version answered rows of its own.",
        "It is better: accuracy better by",
        "region = north",
        f"/versions?promote={bench.bundles['2'].digest}",
    ):
        assert text in page.text, text
    other = client.get(f"{PAGE}?a={bench.bundles['2'].digest}&b=1").text
    assert "Version 2 is better than 1." in other
    assert "/versions?promote=" not in other


def test_the_page_says_how_many_truths_are_lacking(client, bench):
    bench.add("1", ["yes"] * 300, ["yes"] * 300)
    bench.add("2", ["yes"] * 37, ["yes"] * 37)

    page = client.get(PAGE).text

    assert "Not enough truths yet: 37 of 200." in page
    assert "There is no verdict before 200 true outcomes" in page


@pytest.mark.parametrize("query", ["", "?a=1&b=1", "?a=&b="])
def test_the_page_is_there_whatever_is_chosen(client, query):
    page = client.get(PAGE + query)

    assert page.status == 200
    assert ("are the same version" in page.text) == (query == "?a=1&b=1")


def test_names_on_the_page_are_escaped(client, bench, tmp_path):
    found = client.get(f"{PAGE}?b=%3Cscript%3E", accept="text/html")

    assert found.status == 404
    assert "<script>" not in re.sub(r"<script type.*?>", "", found.text)


def test_a_model_of_one_version_is_told_so(bundles, tmp_path):
    app = podium.App(bundles[0], home=str(tmp_path))

    page = Client(app).get(PAGE)
    app.close()

    assert "only one version" in page.text


def test_a_challenger_on_the_versions_page_can_be_forced_with_a_note(client, bench):
    registry, (one, two) = client.app.versions.registry, (bench.bundles[n].digest for n in "12")
    for version in "12":
        bench.add(version, labels(300, 0.3, 1), ["yes"] * 300)
    registry.challenge("loans", "2")
    address, form = "/models/loans/versions", {"version": two, "champion": one}

    page = client.get(f"{address}?promote={two}").text
    refused = client.send_form(address, form, accept="text/html")
    without_note = client.send_form(address, form | {"force": "yes"}, accept="text/html")
    forced = {"version": "2", "force": True, "note": "we must"}
    refused_api, api = (
        client.request("PUT", ALIAS, body=msgspec.json.encode(one))
        for one in ({"version": "2"}, forced)
    )

    assert 'name="force"' in page
    assert (refused.status, without_note.status, api.status) == (409, 400, 200)
    assert (refused_api.status, refused_api.json()["code"]) == (409, "promotion_refused")
    assert "isn&#39;t sure" in refused.text
    event = api.json()["events"][0]
    assert (event["note"], event["details"]["forced"]) == ("we must", True)
    assert "against its gates" in client.get(address).text
