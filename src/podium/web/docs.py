"""The docs page: how to call each model, in several languages."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

from podium.errors import PodiumError
from podium.flow.format import ResponseData
from podium.flow.formats import encode
from podium.flow.formats.csv_rows import CSV
from podium.flow.run import run
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.signature.accepted import accepted
from podium.signature.cells import check_table
from podium.signature.schema import describe
from podium.table import Table
from podium.web import render
from podium.web.examples import Row, example_rows, text_bodies
from podium.web.form_page import predict_address
from podium.web.numbers import headline
from podium.web.result import curl_command
from podium.web.site import Site

# Status, code and meaning: the problems that the API returns.
ERRORS = (
    (400, "malformed_body", "the body doesn't match its content type"),
    (400, "input", "the request is invalid for another reason"),
    (400, "bad_host", "there isn't exactly one valid Host header"),
    (400, "bad_head", "the request isn't valid HTTP/1.1"),
    (400, "bad_path", "the URL contains .., #, NUL, a backslash or an encoded slash"),
    (400, "bad_length", "the Content-Length isn't a valid length, or is given twice"),
    (403, "cross_site", "a page of another site made the browser send it"),
    (
        401,
        "not_authenticated",
        "the request is anonymous, or its token isn't valid: log in, or send a valid token",
    ),
    (403, "not_allowed", "the user or token lacks the permission"),
    (404, "not_found", "there is no such model; the hint lists those there are"),
    (
        405,
        "method_not_allowed",
        "predictions are requested with POST; Allow lists the supported methods",
    ),
    (408, "request_timeout", "the request took too long to arrive"),
    (409, "count_differs", "the number of matching records differs from the expected one"),
    (409, "version_changed", "another version is the champion than expected"),
    (409, "promotion_refused", "promotion gates refuse the version; force needs a note"),
    (411, "length_required", "the Content-Length is missing"),
    (413, "too_large", "the body is too long, or has too many rows"),
    (414, "uri_too_long", "the URL is longer than 8,192 bytes"),
    (415, "unsupported_media", "the content type isn't supported"),
    (415, "encoded_body", "the body is compressed"),
    (421, "host_not_allowed", "the Host header isn't a name of this server"),
    (422, "invalid_rows", "some values are not accepted; cells lists them"),
    (422, "unanswerable", "the model has no finite prediction for some rows; cells lists them"),
    (426, "upgrade_required", "this URL is a WebSocket"),
    (429, "rate_limited", "the quota is used up: Retry-After says when to try again"),
    (431, "headers_too_large", "there are more than 64 headers, or 16,384 bytes of them"),
    (409, "fixed_versions", "the versions of this model are set in the server's settings"),
    (507, "no_space", "the bundle doesn't fit on the disk of the server; nothing of it was kept"),
    (422, "unusable_version", "the version can't be loaded, or doesn't answer its examples"),
    (422, "incompatible_version", "the version refuses what the champion accepts"),
    (422, "idempotency_key_reused", "the Idempotency-Key was used for a different request before"),
    (422, "quarantined", "these rows crashed a worker process twice"),
    (500, "model", "the model failed on these rows"),
    (500, "internal", "an error of the server; instance identifies it in the log"),
    (503, "store", "the prediction couldn't be recorded; try again"),
    (503, "registry", "the registry of versions can't be used; predictions go on"),
    (503, "accounts", "the accounts can't be read, so nobody can be authenticated; try again"),
    (503, "model_not_loaded", "this model can't be loaded; others are available"),
    (503, "overloaded", "too many requests are queued: try again after Retry-After"),
    (504, "timed_out", "the model took too long"),
    (505, "http_version", "a version of HTTP other than 1.1 and 1.0"),
)


def index(site: Site, request: Request) -> Response:
    """How to call each model: `GET /docs`."""
    visible = tuple(site.visible(request.actor).values())

    def made() -> Response:
        models = [_model(site, request, one) for one in visible]
        return render.page(site, request, "docs.html", models=models, errors=ERRORS)

    # A function may return something else for the example each time.
    if any(one.bundle.runtime_name == "python" for one in visible):
        return made()
    digests = tuple(one.bundle.digest for one in visible)
    are_started = tuple(one.bundle.is_started for one in visible)
    return render.cached_page(site, request, ("docs",), (digests, are_started), made)


def _model(site: Site, request: Request, version: LoadedVersion) -> dict[str, Any]:
    signature, card = version.signature, version.card
    row = example_rows(signature)[0]
    address = predict_address(request, version.name)
    return {
        "name": version.name,
        "title": card.title or version.name,
        "description": card.description,
        "headline": headline(card),
        "fields": [
            {"name": field.name, "accepted": accepted(field), "about": describe(field)}
            for field in signature.fields
        ],
        "requests": [
            {"title": "curl", "text": curl_command(address, row)},
            {"title": "Python", "text": _python(address, row)},
            {"title": "JavaScript", "text": _javascript(address, row)},
            {"title": "Many rows, as CSV", "text": _curl_csv(address, text_bodies(signature)[CSV])},
        ],
        "answer": _example_response(site, version, row),
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


def _python(address: str, row: Row) -> str:
    return (
        "import json\n"
        "import urllib.request\n\n"
        f"row = {_literal(row)}\n"
        "request = urllib.request.Request(\n"
        f"    {address!r},\n"
        "    data=json.dumps(row).encode(),\n"
        '    headers={"Content-Type": "application/json"},\n'
        ")\n"
        "with urllib.request.urlopen(request) as response:\n"
        '    print(json.load(response)["prediction"])'
    )


def _curl_csv(address: str, text: str) -> str:
    return (
        f"curl {shlex.quote(address)} \\\n"
        "  -H 'Content-Type: text/csv' \\\n"
        f"  --data-binary {shlex.quote(text)}"
    )


def _javascript(address: str, row: Row) -> str:
    return (
        f"const response = await fetch({json.dumps(address)}, {{\n"
        '  method: "POST",\n'
        '  headers: {"Content-Type": "application/json"},\n'
        f"  body: JSON.stringify({json.dumps(row, ensure_ascii=False)}),\n"
        "});\n"
        "console.log((await response.json()).prediction);"
    )


def _literal(row: Row) -> str:
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in row.items())
    return "{\n" + lines + "}"
