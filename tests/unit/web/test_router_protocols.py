"""A protocol of another system: one object says how it is asked and answered, in every lane."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import msgspec
import pytest

import podium
from podium.access import Action
from podium.errors import MalformedBody
from podium.flow.answer import predictions_of
from podium.flow.format import Decoded, DecodeLimits, ResponseData
from podium.flow.request import PredictRequest, RequestContext
from podium.http import Problem, Request, Response
from podium.records.store import RecordQuery
from podium.signature import Signature
from podium.testing import Client
from podium.web.router import Route, ServingProtocol


class Instances:
    """Rows as objects under `instances`; answers as a list under `predictions`."""

    name = "instances"

    def decode(self, body: bytes, media: str, signature: Signature, *, rows_max: int) -> Decoded:
        try:
            rows = msgspec.json.decode(body)["instances"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise MalformedBody("there are no instances") from error
        DecodeLimits(frozenset(signature.names), rows_max).check_rows(len(rows))
        columns = {name: [row.get(name) for row in rows] for name in signature.names}
        return Decoded(columns, (), len(rows), "instances", "values")

    def encode(self, data: ResponseData, layout: str, accept: str) -> tuple[bytes, str]:
        found = predictions_of(data.signature, data.outputs)
        return msgspec.json.encode({"predictions": found}), "application/json"


def read(request: Request, values: Mapping[str, str]) -> PredictRequest:
    key = request.headers.get("idempotency-key", "")
    context = RequestContext(source="instances", actor=request.actor, key=key)
    return PredictRequest(request.body, request.media, context, Instances())


def problem(told: Problem) -> Response:
    return Response.json({"error": told.detail}, status=told.status)


PROTOCOL = ServingProtocol(
    "instances",
    "/v1/",
    (
        Route(
            "instances_predict",
            ("POST",),
            "/v1/models/{name}/predict",
            None,
            Action.PREDICT,
            is_prediction=True,
        ),
    ),
    read=read,
    write=lambda response: Response(response.body, 200, response.media),
    problem=problem,
)
ASKED = "/v1/models/halves/predict"


@podium.model
def halves(size: float) -> float:
    """Half of it."""
    return size / 2


@pytest.fixture
def app(tmp_path: Path) -> Iterator[podium.App]:
    app = podium.App(halves, home=str(tmp_path), protocols=[PROTOCOL])
    app.start()
    yield app
    app.close()


@pytest.fixture(params=["in a thread", "on an event loop"])
def ask(app: podium.App, request: pytest.FixtureRequest):
    def ask(path: str, value: object, **headers: str) -> tuple[int, object]:
        body = json.dumps(value).encode()
        sent = {"content-type": "application/json", **headers}
        if request.param == "in a thread":
            reply = Client(app).request("POST", path, body=body, headers=sent)
            return reply.status, json.loads(reply.body)

        async def post() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                return await http.post(path, content=body, headers=sent)

        response = asyncio.run(post())
        return response.status_code, response.json()

    return ask


def test_it_reads_requests_and_writes_responses_in_its_own_form(ask, app):
    answer = ask(ASKED, {"instances": [{"size": 3.0}, {"size": 5.0}]})
    page = app.site.store.page(RecordQuery(), limit=10)

    assert answer == (200, {"predictions": [1.5, 2.5]})
    assert [record.source for record in page.records] == ["instances", "instances"]


@pytest.mark.parametrize(
    ("path", "value", "status", "told"),
    [
        (ASKED, {"rows": []}, 400, "there are no instances"),
        (ASKED, {"instances": [{"size": "much"}]}, 422, "1 value is not accepted"),
        ("/v1/models/doubles/predict", {"instances": []}, 404, "no model is called 'doubles'"),
        ("/v1/nothing", {}, 404, "there is nothing at /v1/nothing"),
    ],
)
def test_it_writes_problems_in_its_own_form(ask, path, value, status, told):
    found, answer = ask(path, value)

    assert (found, list(answer)) == (status, ["error"])
    assert told in answer["error"]


def test_the_api_goes_on_beside_it(ask):
    assert ask("/api/models/halves/predict", {"size": 3.0})[1]["prediction"] == 1.5
    assert ask("/api/nothing", {})[1]["code"] == "not_found"


def test_a_key_of_one_protocol_does_not_count_in_another(ask):
    body = {"instances": [{"size": 3.0}]}
    first = ask(ASKED, body, **{"idempotency-key": "k"})
    again = ask(ASKED, body, **{"idempotency-key": "k"})
    status, other = ask("/api/models/halves/predict", body, **{"idempotency-key": "k"})

    assert first == again == (200, {"predictions": [1.5]})
    assert status == 422
    assert other["code"] in ("invalid_rows", "idempotency_key_reused")


def test_its_requests_are_counted(ask, app):
    ask(ASKED, {"instances": [{"size": 3.0}, {"size": 5.0}]})
    ask(ASKED, {"rows": []})
    text = Client(app).get("/metrics").text

    counted = [
        line.rpartition(" ") for line in text.splitlines() if "podium_requests_total{" in line
    ]
    by_outcome = {
        re.search('outcome="(.+?)"', one)[1]: number for one, _, number in counted if number != "0"
    }
    assert by_outcome == {"ok": "1", "invalid": "1"}


@pytest.mark.parametrize(("path", "status"), [(ASKED, 200), ("/v1/nothing", 413)])
def test_it_takes_long_bodies_where_it_predicts(tmp_path, path, status):
    rows = [{"size": float(i)} for i in range(300)]
    body = json.dumps({"instances": rows}).encode()
    app = podium.App(
        halves, home=str(tmp_path), protocols=[PROTOCOL], body_max_bytes=1_000, is_local=True
    )

    reply = Client(app).request("POST", path, body=body)

    app.close()
    assert reply.status == status


@pytest.mark.parametrize(("path", "status"), [(ASKED, 200), ("/models/halves", 403)])
def test_it_can_be_called_from_a_page_of_an_allowed_origin(tmp_path, path, status):
    origin = "https://shop.example"
    app = podium.App(halves, home=str(tmp_path), protocols=[PROTOCOL], allowed_origins=[origin])

    body = json.dumps({"instances": [{"size": 3.0}]}).encode()
    reply = Client(app).request("POST", path, body=body, headers={"origin": origin})

    app.close()
    assert reply.status == status
