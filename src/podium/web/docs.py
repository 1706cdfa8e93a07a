"""The docs page: how each model is asked, in the languages that people ask in."""

from __future__ import annotations

import json
import shlex
from typing import Any

from podium.errors import PodiumError
from podium.flow.decode import CSV
from podium.flow.deployment import Deployment
from podium.flow.encode import Answered, encode
from podium.flow.run import run
from podium.signature.cells import accepted, check_table
from podium.signature.schema import describe
from podium.table import Outputs, Table
from podium.web import render
from podium.web.examples import Row, example_rows, text_bodies
from podium.web.http import Request, Response
from podium.web.pages import predict_address
from podium.web.result import curl_command, known_by
from podium.web.site import Site

# Status, code, and when: what a caller of the API can meet.
ERRORS = (
    (400, "malformed_body", "the body isn't what its content type says"),
    (400, "input", "the request can't be answered for another reason"),
    (400, "bad_host", "there isn't exactly one valid Host header"),
    (400, "bad_path", "the address holds .., NUL, a backslash or an encoded slash"),
    (400, "bad_length", "the Content-Length is no length, or is given twice"),
    (403, "cross_site", "another site's page made the browser send it"),
    (401, "not_authenticated", "nobody knows who asks: log in, or send a token that is valid"),
    (403, "not_allowed", "who asks may not do this"),
    (404, "not_found", "no model is called so; the hint names those there are"),
    (405, "method_not_allowed", "predictions are asked with POST; Allow names what is answered"),
    (411, "length_required", "the Content-Length is missing"),
    (413, "too_large", "the body is too long, or holds too many rows"),
    (414, "uri_too_long", "the address is longer than 8,192 bytes"),
    (415, "unsupported_media", "the content type isn't read here"),
    (415, "encoded_body", "the body is compressed"),
    (421, "host_not_allowed", "the server isn't known under this name"),
    (422, "invalid_rows", "some values are not accepted; cells lists them"),
    (429, "rate_limited", "who asks has asked too often: Retry-After says when to try again"),
    (431, "headers_too_large", "there are more than 64 headers, or 16,384 bytes of them"),
    (422, "idempotency_key_reused", "the Idempotency-Key came with another request before"),
    (422, "quarantined", "these rows ended the server's process twice"),
    (500, "model", "the model failed on these rows"),
    (500, "internal", "a fault of the server's; instance names it in the log"),
    (503, "store", "the answer couldn't be recorded; try again"),
    (503, "overloaded", "more waits than can be answered in time: try again after Retry-After"),
    (504, "timed_out", "the model didn't answer in time"),
)


def index(site: Site, request: Request) -> Response:
    """How to ask each model: `GET /docs`."""
    visible = tuple(site.visible(request.actor).values())

    def made() -> Response:
        models = [_model(request, one) for one in visible]
        return render.page(site, request, "docs.html", models=models, errors=ERRORS)

    # What a function answers to the example may be another thing each time.
    if any(one.bundle.runtime_name == "python" for one in visible):
        return made()
    are_started = tuple(one.bundle.is_started for one in visible)
    return render.kept_page(site, request, ("docs",), (visible, are_started), made)


def _model(request: Request, deployment: Deployment) -> dict[str, Any]:
    signature, card = deployment.signature, deployment.card
    row = example_rows(signature)[0]
    address = predict_address(request, deployment.name)
    return {
        "name": deployment.name,
        "title": card.title or deployment.name,
        "description": card.description,
        "known_by": known_by(card),
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
        "answer": _answer(deployment, row),
    }


def _answer(deployment: Deployment, row: Row) -> str:
    """What the model really answers to the example; a word where it can't now."""
    if not deployment.bundle.is_started:
        return "(the model is being loaded)"
    try:
        table, warnings = check_table(deployment.signature, Table.of([row]))
        outputs = run(deployment.bundle.runtime, table)
    except PodiumError:
        return "(the model has no answer to this example)"
    outputs = Outputs(outputs.predictions, outputs.probabilities, warnings)
    ids = ["0193c2b5e7a07cc98f1d6d9e4f5a6b7c"] if deployment.store is not None else []
    answered = Answered(deployment.name, deployment.version, deployment.signature, outputs, ids)
    body, _ = encode(answered, "object", "application/json")
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
