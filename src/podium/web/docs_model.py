"""The API of one model: programs to copy, a request to try, its fields and a response."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from podium.access import NOBODY, Action, may_anything
from podium.errors import PodiumError
from podium.flow.accept import quality
from podium.flow.format import ResponseData
from podium.flow.formats import encode
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.json_rows import JSON, LINES
from podium.flow.run import run
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.policy.authority import require
from podium.signature.accepted import accepted
from podium.signature.cells import check_table
from podium.signature.schema import describe
from podium.table import Table
from podium.web import render, routes
from podium.web.examples import Row, example_rows, text_bodies
from podium.web.form_page import predict_address
from podium.web.numbers import headline
from podium.web.pages import read_form
from podium.web.problems import PHRASES
from podium.web.site import Site
from podium.web.snippets import json_lines, snippets

# What a request may be written in, by its name in the URL, and how each is called.
KINDS = {"row": "One row", "rows": "Several rows", "csv": "CSV", "ndjson": "NDJSON"}
_MEDIA = {"row": JSON, "rows": JSON, "csv": CSV, "ndjson": LINES}
SECTIONS = (
    ("code", "Programs"),
    ("try", "Try it"),
    ("fields", "Fields"),
    ("response", "Response"),
)
# Longer answers are cut: a page of them is nothing to read.
SHOWN_MAX = 20_000
_SHOWN = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after")


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to a request that was tried.

    Attributes:
        time_ms: from its arrival to the response, without the network.
        is_cut: whether `text` is only its beginning.
    """

    status: int
    reason: str
    media: str
    n_bytes: int
    time_ms: float
    headers: Mapping[str, str]
    text: str
    is_cut: bool


def show(site: Site, request: Request, name: str) -> Response:
    """How to call a model: `GET /docs/{name}`, with an example written as `?as=csv`."""
    version = _version(site, request, name)
    kind = request.query.get("as", "")
    kind = kind if kind in KINDS else "row"

    def made() -> Response:
        return _page(site, request, version, kind, _examples(version)[kind])

    # A function may return something else for the example each time.
    if version.bundle.runtime_name == "python":
        return made()
    names = tuple(site.visible(request.actor))
    basis = (version.bundle.digest, version.bundle.is_started, names)
    return render.cached_page(site, request, ("docs", name, kind), basis, made)


def send(site: Site, request: Request, name: str) -> Response:
    """The answer to a request that was typed: `POST /docs/{name}`.

    It goes the way of every request to the API, with the token that was given, or as the person
    who sends the form. A script that prefers JSON gets the part of the page that changes.

    Raises:
        UnsupportedMedia: the body isn't the form.
    """
    version = _version(site, request, name)
    _, typed = read_form(request, programs=f"/api/models/{name}/predict")
    kind = typed.get("kind", "")
    kind = kind if kind in KINDS else "row"
    answer = _answer(site, request, name, typed, kind)
    accept = request.headers.get("accept", "")
    if quality(accept, "application/json") > quality(accept, "text/html"):
        return Response.json({"html": render.part("docs_answer.html", answer=answer)})
    return _page(site, request, version, kind, typed.get("body", ""), answer)


def _version(site: Site, request: Request, name: str) -> LoadedVersion:
    """The champion of a model on which the actor has any permission.

    Raises:
        PodiumError: they have none, or it can't be loaded.
    """
    if not may_anything(request.actor, name):
        require(request.actor, Action.PREDICT, name)
    return site.champion(name, request.actor)


def _answer(site: Site, request: Request, name: str, typed: Mapping[str, str], kind: str) -> Answer:
    """The API's answer."""
    headers = {"host": request.headers.get("host", ""), "content-type": _MEDIA[kind]}
    sent = replace(
        request,
        path=f"/api/models/{name}/predict",
        query_string="",
        headers=headers,
        body=typed.get("body", "").encode(),
        verdict=None,
        form_token=None,
    )
    token = typed.get("token", "").strip()
    if token and site.takes_tokens:
        headers["authorization"] = f"Bearer {token.removeprefix('Bearer ')}"
        sent = replace(sent, actor=NOBODY, is_identified=False, is_bulk=False)
    began = time.perf_counter()
    response = routes.respond(site, sent)
    time_ms = (time.perf_counter() - began) * 1e3
    assert isinstance(response.body, bytes)  # predictions aren't sent in pieces
    text = _readable(response.body.decode("utf-8", "replace"), response.media)
    shown = {name: value for name, value in response.headers.items() if name in _SHOWN}
    return Answer(
        response.status,
        PHRASES.get(response.status) or HTTPStatus(response.status).phrase,
        response.media,
        len(response.body),
        time_ms,
        shown,
        text[:SHOWN_MAX],
        len(text) > SHOWN_MAX,
    )


def _readable(text: str, media: str) -> str:
    """The text of a body; JSON in lines."""
    if "json" not in media or len(text) > SHOWN_MAX:
        return text
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)


def _page(
    site: Site,
    request: Request,
    version: LoadedVersion,
    kind: str,
    body: str,
    answer: Answer | None = None,
) -> Response:
    signature, card = version.signature, version.card
    row, table = example_rows(signature)[0], text_bodies(signature)[CSV]
    address = predict_address(request, version.name)
    values: dict[str, Any] = {
        "model": version,
        "title": card.label,
        "description": card.description,
        "headline": headline(card),
        "fields": [
            {"name": field.name, "accepted": accepted(field), "about": describe(field)}
            for field in signature.fields
        ],
        "snippets": snippets(address, row, table, has_token=site.takes_tokens),
        "example": _example_response(site, version, row),
        "models": list(site.visible(request.actor).values()),
        "here": version.name,
        "sections": SECTIONS,
        "kinds": KINDS,
        "kind": kind,
        "media": _MEDIA[kind],
        "body": body,
        "answer": answer,
    }
    return render.page(site, request, "docs_model.html", **values)


def _examples(version: LoadedVersion) -> dict[str, str]:
    """Bodies to begin with, by kind."""
    rows, texts = example_rows(version.signature), text_bodies(version.signature)
    return {
        "row": json_lines(rows[0]),
        "rows": f"[{', '.join(map(json_lines, rows))}]",
        "csv": texts[CSV],
        "ndjson": texts[LINES],
    }


def _example_response(site: Site, version: LoadedVersion, row: Row) -> str:
    """The model's real response to the example; a placeholder if it isn't available now."""
    if not version.bundle.is_started:
        return "(the model is being loaded)"
    try:
        table, warnings = check_table(version.signature, Table.of([row]))
        outputs = replace(run(version.bundle.runtime, table), warnings=warnings)
    except PodiumError:
        return "(the model has no prediction for this example)"
    ids = ["0193c2b5e7a07cc98f1d6d9e4f5a6b7c"] if site.store is not None else []
    data = ResponseData(version.name, version.version, version.signature, outputs, ids)
    body, _ = encode(data, "object", "application/json")
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
