"""SageMaker's endpoints and its container: answers, errors, and whose signature counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import podium
from podium.errors import NotAuthenticated
from podium.http import Request
from podium.settings import Settings
from podium.testing import Client
from podium.testing.client import Reply

JSON = "application/json"
ENDPOINT = "/endpoints/sums/invocations"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20240301/us-east-1/sagemaker/aws4_request, Signature=0"


@podium.model
def sums(a: float, b: float | None = None) -> float:
    """Their sum."""
    if a < 0:
        raise ValueError(a)
    return a + (b or 0)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[podium.App]:
    app = podium.App(sums, home=str(tmp_path_factory.mktemp("home")))
    app.start()
    yield app
    app.close()


def post(app: podium.App, value: object, path: str = ENDPOINT, **headers: str) -> Reply:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {name.replace("_", "-"): one for name, one in headers.items()}
    return Client(app).request("POST", path, body=body, headers=headers)


def test_rows_get_predictions_as_json(app: podium.App):
    reply = post(app, b"1,2\n3,\n", content_type="text/csv")

    assert (reply.status, reply.media, reply.json()["predictions"]) == (200, JSON, [3, 3])
    assert len(reply.json()["ids"]) == 2


@pytest.mark.parametrize(
    ("accept", "media", "body"),
    [
        ("text/csv", "text/csv; charset=utf-8", b"3.0\n3.0\n"),
        ("text/csv, application/json;q=0.5", "text/csv; charset=utf-8", b"3.0\n3.0\n"),
        ("application/jsonlines", "application/jsonlines", b'{"prediction":3.0,'),
    ],
)
def test_or_as_the_client_prefers(app: podium.App, accept: str, media: str, body: bytes):
    reply = post(app, [[1, 2], [3, None]], accept=accept)

    assert (reply.status, reply.media) == (200, media)
    assert reply.body.startswith(body)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "kind", "text"),
    [
        (ENDPOINT, [["much", 1]], {}, 424, "ModelError", "row 0, a"),
        (ENDPOINT, b"{", {}, 424, "ModelError", "isn't JSON"),
        (ENDPOINT, b"", {"content_type": "x/y"}, 424, "ModelError", "x/y"),
        (ENDPOINT, [[-1, 1]], {}, 424, "ModelError", "model"),
        ("/endpoints/nope/invocations", [], {}, 400, "ValidationError", "Endpoint nope not found."),
        ("/endpoints/sums/async", [], {}, 400, "ValidationError", "there is nothing at"),
        (
            ENDPOINT,
            [[1, 2]],
            {"x_amzn_sagemaker_target_variant": "b"},
            400,
            "ValidationError",
            "no target-variant",
        ),
    ],
)
def test_errors_have_the_form_of_the_runtime(app, path, body, headers, status, kind, text):
    reply = post(app, body, path, **headers)

    assert (reply.status, reply.headers["x-amzn-errortype"]) == (status, kind)
    assert text in reply.json()["Message"]
    if kind == "ModelError":
        assert text in reply.json()["OriginalMessage"]
        assert reply.json()["OriginalStatusCode"] in (400, 415, 422, 500)


def test_a_refusal_counts_under_the_status_that_it_has_elsewhere(tmp_path: Path):
    app = podium.App(sums, home=str(tmp_path), quota_address=60)
    client = Client(app)

    while (last := post(app, [[1, 2]])).status == 200:
        pass

    metrics = client.get("/metrics").text
    app.close()
    assert (last.status, last.headers["x-amzn-errortype"]) == (400, "ThrottlingException")
    refused = [one for one in metrics.splitlines() if 'outcome="refused"' in one and "asgi" in one]
    assert [one.rpartition(" ")[2] for one in refused if "requests" in one] == ["1"]


def owner(request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    if header not in ("", "Bearer pod_1"):
        raise NotAuthenticated(f"no token: {header}")
    return "ada" if header else None


async def owner_awaited(request: Request) -> str | None:
    return owner(request)


@pytest.mark.parametrize("identify", [owner, owner_awaited])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (ENDPOINT, {"authorization": "Bearer pod_1"}, 200),
        (ENDPOINT, {"authorization": "Bearer pod_2"}, 403),
        (ENDPOINT, {}, 403),
        (ENDPOINT, {"authorization": SIGNED}, 403),
        (ENDPOINT, {"authorization": SIGNED, "x-amz-security-token": "pod_1"}, 200),
        (ENDPOINT, {"authorization": SIGNED, "x-amz-security-token": "pod_2"}, 403),
        (ENDPOINT, {"authorization": SIGNED, "x-amz-security-token": "IQoJb3"}, 403),
        (ENDPOINT, {"x-amz-security-token": "pod_1"}, 403),
        ("/api/models/sums/predict", {"authorization": SIGNED}, 401),
    ],
)
def test_a_signature_is_no_token_but_what_is_sent_beside_it_may_be(
    tmp_path: Path, identify, path, headers, status
):
    app = podium.App(sums, home=str(tmp_path), identify=identify)

    async def asked() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            return (await http.post(path, json=[{"a": 1}], headers=headers)).status_code

    found = asyncio.run(asked())

    app.close()
    assert found == status


def test_a_container_answers_without_the_name_of_a_model(tmp_path: Path):
    settings = Settings(home=str(tmp_path), protocols=("sagemaker",))
    app = podium.App(sums, settings=settings)
    client = Client(app)

    good = post(app, b"1,2\n", "/invocations", content_type="text/csv", accept="text/csv")
    bad = post(app, b"x,2\n", "/invocations", content_type="text/csv")

    assert client.get("/ping").status == 200
    assert (good.status, good.body) == (200, b"3.0\n")
    assert (bad.status, list(bad.json())) == (422, ["error"])
    assert client.get("/version").status == 404
    app.close()
