"""FastAPI's own document with our operations: whole, without collisions, and true."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pydantic
import pytest

import podium
from podium.access import NOBODY, Action, Actor
from podium.errors import SetupError
from podium.hosts.fastapi import add_operations
from podium.policy.authority import OpenAuthority

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
NAME = podium.load(BUNDLE).name


class Problem(pydantic.BaseModel):
    words: str


@pytest.fixture
def ml(tmp_path: Path) -> Iterator[podium.App]:
    app = podium.App(BUNDLE, home=str(tmp_path))
    yield app
    app.close()


@pytest.fixture
def outer() -> Any:
    """An app whose schema and operation have names of ours."""
    import fastapi

    app = fastapi.FastAPI(openapi_tags=[{"name": "shop"}])

    @app.post("/problems", operation_id="list_models", tags=["shop"])
    def report(problem: Problem) -> Problem:
        return problem

    return app


def sent(outer: Any, method: str, path: str, **options: Any) -> httpx.Response:
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app=outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **options)

    return asyncio.run(answer())


def read(outer: Any) -> Any:
    return sent(outer, "GET", "/openapi.json").json()


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from parts(one)


def test_the_document_has_the_operations_of_both(outer: Any, ml: podium.App) -> None:
    own = outer.openapi()
    outer.mount("/ml", ml)

    add_operations(outer, ml)
    document = read(outer)

    assert document["paths"]["/problems"] == own["paths"]["/problems"]
    assert f"/ml/api/models/{NAME}/predict" in document["paths"]
    problem = document["components"]["schemas"]["Problem"]
    assert problem == own["components"]["schemas"]["Problem"]
    assert "status" in document["components"]["schemas"]["ml.Problem"]["properties"]
    assert [one["name"] for one in document["tags"]][:2] == ["shop", NAME]


def test_every_reference_leads_somewhere_and_no_id_is_there_twice(
    outer: Any, ml: podium.App, tmp_path: Path
) -> None:
    second = podium.App(BUNDLE, home=str(tmp_path / "second"))
    for path, app in (("/ml", ml), ("/deep/er", second)):
        outer.mount(path, app)
        add_operations(outer, app)

    document = read(outer)

    second.close()
    references = [one["$ref"] for one in parts(document) if isinstance(one.get("$ref"), str)]
    schemas = document["components"]["schemas"]
    assert {one.rpartition("/")[2] for one in references} <= schemas.keys()
    ids = [one["operationId"] for one in parts(document["paths"]) if "operationId" in one]
    assert len(ids) == len(set(ids)) > 20
    assert f"/deep/er/api/models/{NAME}" in document["paths"]


def test_what_is_listed_is_there(outer: Any, ml: podium.App) -> None:
    outer.mount("/ml", ml)
    add_operations(outer, ml)
    path = f"/ml/api/models/{NAME}/predict"
    operation = outer.openapi()["paths"][path]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    row = content["examples"]["row"]["value"]

    ml.start()
    answer = sent(outer, "POST", path, json=row)

    assert answer.status_code == 200
    assert "prediction" in answer.json()


def test_tokens_are_asked_for_by_our_operations_alone(outer: Any, tmp_path: Path) -> None:
    class Tokens(OpenAuthority):
        takes_tokens = True

    ml = podium.App(BUNDLE, home=str(tmp_path), identify=Tokens())
    outer.mount("/ml", ml)
    add_operations(outer, ml)

    document = read(outer)

    ml.close()
    assert "security" not in document
    assert "security" not in document["paths"]["/problems"]["post"]
    operation = document["paths"]["/ml/api/models"]["get"]
    assert {"ml.token": []} in operation["security"]
    assert "ml.token" in document["components"]["securitySchemes"]
    assert document["paths"]["/ml/livez"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("actor", "is_listed", "may_manage"),
    [
        (NOBODY, False, False),
        (Actor("ada", "ada", {NAME: frozenset({Action.PREDICT})}), True, False),
    ],
)
def test_an_actor_limits_what_is_listed(
    outer: Any, ml: podium.App, actor: Actor, is_listed: bool, may_manage: bool
) -> None:
    outer.mount("/ml", ml)

    add_operations(outer, ml, actor=actor)

    paths = outer.openapi()["paths"]
    assert (f"/ml/api/models/{NAME}/predict" in paths) is is_listed
    assert (f"/ml/api/models/{NAME}/versions" in paths) is may_manage


def test_an_app_that_is_not_mounted_is_an_error(outer: Any, ml: podium.App) -> None:
    with pytest.raises(SetupError, match="isn't mounted"):
        add_operations(outer, ml)
