"""The page of versions: it shows them, asks before it changes anything, and tells who was faster."""

from __future__ import annotations

import re

import pytest

from podium.bundle import Bundle
from podium.testing import Client

PAGE = "/models/sums/versions"


@pytest.fixture
def bundles(two_sums: list[Bundle]) -> list[Bundle]:
    return two_sums


@pytest.fixture
def client(sums_client: Client) -> Client:
    return sums_client


def version(client: Client) -> str:
    return client.post("/api/models/sums/predict", {"x": 1}).json()["version"]


def test_it_shows_the_versions_and_what_happened(client, bundles):
    page = client.get(PAGE)

    assert page.status == 200
    for text in ("v1", "v2", "champion", bundles[1].digest[:12], "served from its file"):
        assert text in page.text
    assert "ada &lt;b&gt;" in page.text
    assert "<script>" not in re.sub(r"<script type.*?>", "", page.text)
    assert page.text.count("Promote…") == 1
    assert "Roll back…" not in page.text


def test_it_promotes_what_was_confirmed_and_rolls_back(client, bundles):
    first, second = (one.digest for one in bundles)
    question = client.get(f"{PAGE}?promote={second}").text
    asked = version(client)
    sent = client.send_form(PAGE, {"version": second, "champion": first, "note": "better"})
    promoted = version(client)
    back = client.send_form(PAGE, {"version": first, "champion": second})
    events = client.app.versions.registry.events("sums", 2)

    assert "Promote version <bdi>v2</bdi>?" in question
    assert asked == "v1"
    assert (sent.status, sent.headers["location"]) == (303, PAGE)
    assert promoted == "v2"
    assert back.status == 303
    assert version(client) == "v1"
    assert [(one.action, one.note) for one in events] == [
        ("rolled_back", ""),
        ("promoted", "better"),
    ]


@pytest.mark.parametrize(
    "form",
    [{"version": "second"}, {"version": "second", "champion": "second"}, {}],
    ids=["no champion", "another champion", "empty"],
)
def test_who_saw_another_champion_changes_nothing(client, bundles, form):
    form = dict.fromkeys(form, bundles[1].digest)

    sent = client.send_form(PAGE, form, accept="text/html")

    assert sent.status == 409
    assert version(client) == "v1"


def test_no_such_version_is_told(client, bundles):
    sent = client.send_form(PAGE, {"version": "nothing", "champion": bundles[0].digest})

    assert sent.status == 404
    assert client.get(f"{PAGE}?promote=nothing").status == 200


def test_a_version_whose_file_is_gone_says_so_and_is_not_offered(client, bundles, tmp_path):
    (tmp_path / "home" / "versions" / f"{bundles[1].digest}.podium").unlink()

    page = client.get(PAGE).text

    assert "can&#39;t be read" in page
    assert "Promote…" not in page


def test_a_form_in_parts_is_read_and_anything_else_is_told(client, bundles):
    first, second = (one.digest for one in bundles)
    lines = []
    for name, value in (("version", second), ("champion", first)):
        lines += ["--b", f'Content-Disposition: form-data; name="{name}"', "", value]
    body = "\r\n".join([*lines, "--b--", ""]).encode()

    sent = client.post(PAGE, body=body, content_type="multipart/form-data; boundary=b")
    promoted = version(client)
    other = client.post(PAGE, {"version": first, "champion": second})

    assert (sent.status, promoted) == (303, "v2")
    assert other.status == 415
    assert version(client) == "v2"
