"""The home page, and the form of each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from podium.errors import BadCell, InvalidRows, NotFound
from podium.flow.answer import predictions_of, probabilities_of, warning_value
from podium.flow.deployment import Deployment
from podium.flow.predict import Answer, Ask, predict_now
from podium.signature.infer import json_value
from podium.web import render
from podium.web.form import texts, widgets
from podium.web.http import Request, Response
from podium.web.result import curl_command, known_by, result_of
from podium.web.site import Site


def home(site: Site, request: Request) -> Response:
    """The models: `GET /`."""
    models = [(one, known_by(one.card)) for one in site.deployments.values()]
    return render.page(site, request, "home.html", models=models)


def model(site: Site, request: Request, name: str) -> Response:
    """The form, empty, with an example or with the inputs of a record: `GET /models/{name}`."""
    deployment = site.deployment(name)
    return _form_page(site, request, deployment, _values(site, request, deployment))


def predict(site: Site, request: Request, name: str) -> Response:
    """The form sent: `POST /models/{name}`. What was typed stays, whatever came of it."""
    deployment = site.deployment(name)
    ask = Ask(request.body, request.media, source="form")
    try:
        answer = predict_now(deployment, ask)
    except InvalidRows as error:
        return _form_page(
            site, request, deployment, _typed(request), errors=error.cells, status=422
        )
    return _form_page(site, request, deployment, _typed(request), answer=answer)


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
    others = [str(cell) for cell in errors if cell.field not in shown]
    return render.page(
        site,
        request,
        "model.html",
        status=status,
        deployment=deployment,
        widgets=fields,
        errors=others,
        examples_json=_json([texts(row) for row in signature.examples]),
        known_by=known_by(deployment.card),
        **_answered(request, deployment, answer),
    )


def _answered(request: Request, deployment: Deployment, answer: Answer | None) -> dict[str, Any]:
    """What the page shows of an answer."""
    if answer is None:
        return {"result": None, "record_id": None, "curl": None}
    signature = deployment.signature
    probabilities = probabilities_of(signature.output, answer.outputs)
    value = {
        "prediction": predictions_of(signature, answer.outputs)[0],
        "probabilities": probabilities[0] if probabilities else None,
        "warnings": [warning_value(one) for one in answer.outputs.warnings],
    }
    (row,) = answer.table.rows()
    plain = {field.name: json_value(row[field.name], field.type) for field in signature.fields}
    return {
        "result": result_of(signature, msgspec.to_builtins(value)),
        "record_id": answer.ids[0] if answer.ids else None,
        "curl": curl_command(predict_address(request, deployment.name), plain),
    }


def predict_address(request: Request, name: str) -> str:
    """The whole address of a model's API."""
    return f"{request.origin}{request.url(f'/api/models/{name}/predict')}"


def _values(site: Site, request: Request, deployment: Deployment) -> dict[str, str]:
    """What stands in the form at first."""
    examples = deployment.signature.examples
    number = request.query.get("example", "")
    if number.isdigit() and examples:
        return texts(examples[(int(number[:6]) - 1) % len(examples)])
    record_id = request.query.get("from", "")
    if record_id and site.store is not None:
        record = site.store.get(record_id)
        if record is None or record.model != deployment.name:
            raise NotFound("there is no such record of this model")
        return texts(msgspec.json.decode(record.inputs))
    return {}


def _typed(request: Request) -> dict[str, str]:
    pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
