"""Records of the rows of one request know each other, whichever way the request took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import podium
from podium.access import NOBODY
from podium.flow.formats.json_rows import JSON
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.response import EncodedResponse
from podium.hosts.predicted import predicted
from podium.records.record import Record
from podium.records.store import RecordQuery


@podium.model
def double(x: float) -> float:
    """Twice as much."""
    return 2 * x


@pytest.fixture
def app(tmp_path: Path) -> Iterator[podium.App]:
    made = podium.App(double, home=str(tmp_path))
    yield made
    made.close()


def in_a_thread(app: podium.App, request: PredictRequest) -> EncodedResponse:
    return app.service.respond(app.deployments["double"].traffic, request)


def on_a_loop(app: podium.App, request: PredictRequest) -> EncodedResponse:
    async def respond() -> EncodedResponse:
        return await app.service.respond_async(app.deployments["double"].traffic, request)

    return asyncio.run(respond())


def recorded(app: podium.App) -> list[Record]:
    """All records, the oldest first."""
    assert app.site.store is not None
    page = app.site.store.page(RecordQuery(), limit=1_000)
    return sorted(page.records, key=lambda record: record.id)


@pytest.mark.parametrize("respond", [in_a_thread, on_a_loop])
@pytest.mark.parametrize("rows", [{"x": 1.0}, [{"x": 1.0}], [{"x": float(n)} for n in range(300)]])
def test_the_rows_of_a_request_share_its_id_in_their_order(
    app: podium.App, respond: Callable[..., EncodedResponse], rows: Any
):
    body = msgspec.json.encode(rows)

    for _ in range(2):
        respond(app, PredictRequest(body, JSON))

    records, n_rows = recorded(app), 1 if isinstance(rows, dict) else len(rows)
    first, second = records[:n_rows], records[n_rows:]
    for some in (first, second):
        assert {one.request_id for one in some} == {some[0].id}
        assert [one.row_index for one in some] == list(range(n_rows))
        assert [msgspec.json.decode(one.inputs) for one in some] == (
            [rows] if isinstance(rows, dict) else rows
        )
    digest = app.deployments["double"].choose().bundle.digest
    assert {(one.role, one.bundle_digest) for one in records} == {("primary", digest)}


@pytest.mark.parametrize("respond", [in_a_thread, on_a_loop])
def test_a_request_that_is_sent_again_with_its_key_is_the_same_one(
    app: podium.App, respond: Callable[..., EncodedResponse]
):
    request = PredictRequest(b'[{"x":1},{"x":2}]', JSON, RequestContext(key="once"))

    respond(app, request)
    respond(app, request)

    first, second = recorded(app)
    assert (first.request_id, second.request_id) == (first.id, first.id)


def test_rows_of_python_are_one_request(app: podium.App):
    traffic = app.deployments["double"].traffic

    found = predicted(app.service, traffic, [{"x": 1.0}, {"x": 2.0}], actor=NOBODY)

    assert isinstance(found, list)
    assert [one.request_id for one in recorded(app)] == [found[0].id] * 2
