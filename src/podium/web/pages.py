"""The home page, and the form of each model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from podium.errors import BadCell, InvalidRows, NotFound, UnsupportedMedia
from podium.flow.answer import predictions_of, probabilities_of, warning_value
from podium.flow.decode import FORM
from podium.flow.deployment import Deployment
from podium.flow.predict import Answer, Ask, predict_now
from podium.signature.infer import json_value
from podium.web import render
from podium.web.about import about_of
from podium.web.form import texts, widgets
from podium.web.http import Request, Response
from podium.web.record_filters import find_record, may_see
from podium.web.result import among_answers, curl_command, known_by, result_of
from podium.web.site import Site

_LINE_BREAK = re.compile(rb"%0[Dd]%0[Aa]")
_EXAMPLE = re.compile(r"[0-9]{1,6}")


def home(site: Site, request: Request) -> Response:
    """The models: `GET /`."""
    models = [(one, known_by(one.card)) for one in site.visible(request.actor).values()]
    return render.page(site, request, "home.html", models=models)


def model(site: Site, request: Request, name: str) -> Response:
    """The form, empty, with an example or with the inputs of a record: `GET /models/{name}`."""
    deployment = site.deployment(name, request.actor)
    return _form_page(site, request, deployment, _values(site, request, deployment))


def predict(site: Site, request: Request, name: str) -> Response:
    """The form sent: `POST /models/{name}`. What was typed stays, whatever came of it.

    Raises:
        UnsupportedMedia: the body is no form: programs have an address of their own.
    """
    deployment = site.deployment(name, request.actor)
    if request.media != FORM:
        raise UnsupportedMedia(
            "this address takes the form of its page only",
            hint=f"programs send rows to {request.url(f'/api/models/{name}/predict')}",
        )
    # Browsers write every line break of a form as CR LF; models were trained on what was typed.
    body = _LINE_BREAK.sub(b"%0A", request.body)
    typed = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if request.form_token is not None and typed.pop(request.form_token[0], None) is not None:
        body = urlencode(typed).encode()
    ask = Ask(body, FORM, source="form", actor=request.actor.name or None)
    try:
        answer = predict_now(deployment, ask)
    except InvalidRows as error:
        return _form_page(site, request, deployment, typed, errors=error.cells, status=422)
    return _form_page(site, request, deployment, typed, answer=answer)


def predict_address(request: Request, name: str) -> str:
    """The whole address of a model's API."""
    return f"{request.origin}{request.url(f'/api/models/{name}/predict')}"


def _form_page(
    site: Site,
    request: Request,
    deployment: Deployment,
    values: Mapping[str, str],
    *,
    answer: Answer | None = None,
    errors: Sequence[BadCell] = (),
    status: int = 200,
) -> Response:
    signature = deployment.signature
    fields = widgets(signature, values, errors)
    shown = {widget.name for widget in fields if widget.error}
    return render.page(
        site,
        request,
        "model.html",
        status=status,
        deployment=deployment,
        widgets=fields,
        is_filled=bool(values),
        errors=[str(cell) for cell in errors if cell.field not in shown],
        examples=_json([texts(signature, row) for row in signature.examples]),
        next_example=_next_example(request),
        known_by=known_by(deployment.card),
        about=about_of(deployment.bundle),
        **_answered(request, deployment, answer),
    )


def _answered(request: Request, deployment: Deployment, answer: Answer | None) -> dict[str, Any]:
    """What the page shows of an answer."""
    if answer is None:
        return {"result": None, "among": None, "record_id": None, "curl": None}
    signature = deployment.signature
    probabilities = probabilities_of(signature.output, answer.outputs)
    prediction = msgspec.to_builtins(predictions_of(signature, answer.outputs)[0])
    value = {
        "prediction": prediction,
        "probabilities": probabilities[0] if probabilities else None,
        "warnings": [warning_value(one) for one in answer.outputs.warnings],
    }
    (row,) = answer.table.rows()
    plain = {field.name: json_value(row[field.name], field.type) for field in signature.fields}
    return {
        "result": result_of(signature, value),
        "among": among_answers(signature, deployment.bundle.baseline, prediction),
        "record_id": answer.ids[0] if answer.ids else None,
        "curl": curl_command(predict_address(request, deployment.name), plain),
    }


def _values(site: Site, request: Request, deployment: Deployment) -> dict[str, str]:
    """What stands in the form at first."""
    signature = deployment.signature
    number = _example(request)
    if number and signature.examples:
        return texts(signature, signature.examples[(number - 1) % len(signature.examples)])
    record_id = request.query.get("from", "")
    if record_id and site.store is not None:
        record = find_record(site.store, record_id)
        if record is None or record.model != deployment.name or not may_see(request, record):
            raise NotFound(
                "there is no such record of this model",
                hint=f"see {request.url(f'/models/{deployment.name}/records')}",
            )
        return texts(signature, msgspec.json.decode(record.inputs))
    return {}


def _example(request: Request) -> int:
    """The number of the example that is asked for; 0 for none."""
    number = request.query.get("example", "")
    return int(number) if _EXAMPLE.fullmatch(number) else 0


def _next_example(request: Request) -> int:
    return _example(request) % 10**6 + 1


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
