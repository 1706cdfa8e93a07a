"""Traffic on the page of versions and in the API: a version is tried, and that ends again."""

from __future__ import annotations

import pytest

from podium.bundle import Bundle
from podium.testing import Client

PAGE, FORM, API = "/models/sums/versions", "/models/sums/traffic", "/api/models/sums"


@pytest.fixture
def bundles(two_sums: list[Bundle]) -> list[Bundle]:
    return two_sums


@pytest.fixture
def client(sums_client: Client) -> Client:
    return sums_client


def form(bundles: list[Bundle], **values: str) -> dict[str, str]:
    sent = {"version": bundles[1].digest, "champion": bundles[0].digest, "mode": "canary"}
    return sent | {"percent": "100", "key": ""} | values


def test_the_form_starts_a_canary_and_stops_it(client, bundles):
    before = client.get(PAGE).text
    started = client.send_form(FORM, form(bundles, note="retrained"))
    during = client.get(PAGE).text
    answered = client.post(f"{API}/predict", {"x": 1}).json()["version"]
    stopped = client.send_form(FORM, {"stop": "1"})
    after = client.post(f"{API}/predict", {"x": 1}).json()["version"]

    assert "The champion answers all requests." in before
    assert (started.status, started.headers["location"]) == (303, f"{PAGE}#traffic")
    assert "Version <bdi>v2</bdi> answers 100 % of the requests" in during
    assert "Canary of <bdi>v2, 100 %</bdi>" in during
    assert answered == "v2"
    assert stopped.status == 303
    assert after == "v1"
    assert "Ended the rollout of" in client.get(PAGE).text


def test_the_form_offers_the_fields_and_the_versions_that_do_not_answer(client, bundles):
    page = client.get(PAGE).text

    assert f'<option value="{bundles[1].digest}"' in page
    assert f'<option value="{bundles[0].digest}"' not in page
    assert '<option value="x"' in page


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [
        ({"percent": "101"}, 400, "is no share"),
        ({"percent": "many"}, 400, "is no share"),
        ({"percent": "nan"}, 400, "is no share"),
        ({"mode": "both"}, 400, "is no mode"),
        ({"key": "y"}, 400, "has no field"),
        ({"version": "v1"}, 400, "is the champion"),
        ({"version": "v9"}, 404, "has no version"),
        ({"champion": "0" * 64}, 409, "nothing was changed"),
    ],
    ids=str,
)
def test_what_can_not_be_done_is_told_and_changes_nothing(client, bundles, values, status, text):
    sent = client.send_form(FORM, form(bundles, **values))

    assert sent.status == status
    assert text in sent.text
    assert client.app.versions.registry.rollout("sums") is None


def test_the_api_names_a_challenger_tries_it_and_stops(client, bundles):
    named = client.request(
        "PUT", f"{API}/aliases/challenger", body=b'{"version": "v2"}', headers=JSON
    ).json()
    tried = client.request(
        "PUT", f"{API}/traffic", body=b'{"share": 0.25, "key": "x", "note": "try"}', headers=JSON
    ).json()
    stopped = client.request("DELETE", f"{API}/traffic").json()

    assert named["traffic"] is None
    assert [one["aliases"] for one in named["versions"]] == [["challenger"], ["champion"]]
    rollout = tried["traffic"].pop("rollout")
    digest = bundles[1].digest
    assert tried["traffic"] == {"challenger": digest, "share": 0.25, "mode": "canary", "key": "x"}
    assert tried["events"][0]["details"] == {"share": 0.25, "key": "x", "rollout": rollout}
    assert stopped["traffic"] is None
    assert [one["aliases"] for one in stopped["versions"]] == [[], ["champion"]]


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_body"),
        (b"[]", 400, "malformed_body"),
        (b'{"share": "half"}', 400, "malformed_body"),
        (b'{"shares": 1}', 400, "malformed_body"),
        (b'{"version": "v2", "share": 1.5}', 400, "input"),
        (b'{"version": "v2", "mode": "both"}', 400, "input"),
        (b'{"share": 0.5}', 404, "not_found"),
        (b'{"version": "v2", "expect": "0"}', 409, "version_changed"),
    ],
    ids=str,
)
def test_what_the_api_can_not_do_is_told(client, body, status, code):
    sent = client.request("PUT", f"{API}/traffic", body=body, headers=JSON)

    assert (sent.status, sent.json()["code"]) == (status, code)
    assert client.app.versions.registry.rollout("sums") is None


def test_nothing_that_runs_can_not_be_stopped(client):
    sent = client.request("DELETE", f"{API}/traffic")

    assert (sent.status, sent.json()["code"]) == (404, "not_found")
