"""The home page, and the form of each model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from podium.access import Action, allowed
from podium.errors import BadCell, InvalidRows, NotFound, UnsupportedMedia
from podium.flow.answer import values_of, warning_value
from podium.flow.formats.forms import FORM
from podium.flow.formats.multipart import MULTIPART, fields_of
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.response import PredictResponse
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.signature import Label, Signature
from podium.signature.infer import json_value
from podium.signature.truth import feedback_signature
from podium.web import render
from podium.web.about import about_of
from podium.web.among import among_answers
from podium.web.form import Widget, texts, widgets
from podium.web.numbers import headline
from podium.web.result import curl_command, result_of
from podium.web.site import Site
from podium.web.visible_records import find_record, may_see

_LINE_BREAK = re.compile(rb"%0[Dd]%0[Aa]")
# With 400 fields the page includes two examples, 40 kB.
EXAMPLE_CELLS_MAX = 800
_EXAMPLE = re.compile(r"[0-9]{1,6}")


def home(site: Site, request: Request) -> Response:
    """The models: `GET /`."""
    models = [(one, headline(one.card)) for one in site.visible(request.actor).values()]
    failed = site.failed(request.actor)
    return render.page(site, request, "home.html", models=models, failed=failed)


def model(site: Site, request: Request, name: str) -> Response:
    """The form, empty, with an example or with the inputs of a record: `GET /models/{name}`."""
    version = site.deployment(name, request.actor)
    return _form_page(site, request, version, _values(site, request, version))


def predict(site: Site, request: Request, name: str) -> Response:
    """The submitted form: `POST /models/{name}`. Its values stay, whatever the result.

    Raises:
        UnsupportedMedia: the body isn't a form: programs have a URL of their own.
    """
    traffic = site.traffic(name, request.actor)
    body, typed = read_form(request, programs=f"/api/models/{name}/predict")
    context = RequestContext(source="form", actor=request.actor)
    try:
        answer = site.service.predict(traffic, PredictRequest(body, FORM, context))
    except InvalidRows as error:
        return _form_page(site, request, traffic.champion, typed, errors=error.cells, status=422)
    return _form_page(site, request, answer.version, typed, answer=answer)


def read_form(request: Request, *, programs: str) -> tuple[bytes, dict[str, str]]:
    """One of our forms, urlencoded and without the host's token, and its values by name.

    Args:
        programs: the URL for programs.

    Raises:
        UnsupportedMedia: the body isn't a form: programs have a URL of their own.
    """
    if request.media not in (FORM, MULTIPART):
        raise UnsupportedMedia(
            "this URL accepts only the form of its page",
            hint=f"send rows from programs to {request.url(programs)}",
        )
    is_in_parts = request.media == MULTIPART
    body = urlencode(fields_of(request.body)).encode() if is_in_parts else request.body
    # Browsers send every line break of a form as CR LF; models were trained on the original values.
    body = _LINE_BREAK.sub(b"%0A", body)
    typed = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if request.form_token is not None and typed.pop(request.form_token[0], None) is not None:
        body = urlencode(typed).encode()
    return body, typed


def predict_address(request: Request, name: str) -> str:
    """The full URL of a model's API."""
    return f"{request.origin}{request.url(f'/api/models/{name}/predict')}"


def _form_page(
    site: Site,
    request: Request,
    version: LoadedVersion,
    values: Mapping[str, str],
    *,
    answer: PredictResponse | None = None,
    errors: Sequence[BadCell] = (),
    status: int = 200,
) -> Response:
    signature = version.signature
    fields = widgets(signature, values, errors)
    shown = {widget.name for widget in fields if widget.error}
    return render.page(
        site,
        request,
        "model.html",
        status=status,
        model=version,
        widgets=fields,
        is_filled=bool(values),
        errors=[str(cell) for cell in errors if cell.field not in shown],
        examples=_json([texts(signature, row) for row in _examples(signature)]),
        next_example=_next_example(request),
        headline=headline(version.card),
        about=about_of(version.bundle),
        **_answered(request, version, answer),
    )


def _answered(
    request: Request, version: LoadedVersion, answer: PredictResponse | None
) -> dict[str, Any]:
    """What the page shows of a prediction."""
    if answer is None:
        return {"result": None, "among": None, "record_id": None, "curl": None, "truth": None}
    signature = version.signature
    (answered,) = values_of(signature, answer.outputs)
    value = msgspec.to_builtins(answered)
    value["warnings"] = [warning_value(one) for one in answer.outputs.warnings]
    # The caller owns the record, but not every actor may look up their own records.
    may_open = allowed(request.actor, Action.SEE_OWN, version.name)
    (row,) = answer.table.rows()
    plain = {field.name: json_value(row[field.name], field) for field in signature.fields}
    return {
        "result": result_of(signature, value),
        "among": among_answers(signature, version.bundle.baseline, value),
        "record_id": answer.ids[0] if answer.ids and may_open else None,
        "curl": curl_command(predict_address(request, version.name), plain),
        "truth": _truth_form(request, version, answer),
    }


def _truth_form(
    request: Request, version: LoadedVersion, answer: PredictResponse
) -> tuple[str, list[Widget]] | None:
    """The record and the widgets of the form for feedback, for those who may give it."""
    if not answer.ids or not allowed(request.actor, Action.FEEDBACK, version.name):
        return None
    return answer.ids[0], widgets(feedback_signature(version.signature), {}, prefix="t")


def _values(site: Site, request: Request, version: LoadedVersion) -> dict[str, str]:
    """The initial values of the form."""
    signature = version.signature
    number = _example(request)
    if number and signature.examples:
        return texts(signature, signature.examples[(number - 1) % len(signature.examples)])
    record_id = request.query.get("from", "")
    if record_id and site.store is not None:
        record = find_record(site.store, record_id)
        if record is None or record.model != version.name or not may_see(request.actor, record):
            raise NotFound(
                "there is no such record of this model",
                hint=f"see {request.url(f'/models/{version.name}/records')}",
            )
        return texts(signature, msgspec.json.decode(record.inputs))
    return {}


def _examples(signature: Signature) -> Sequence[Mapping[str, Label | None]]:
    """The examples in a page; at least one, however many fields there are."""
    return signature.examples[: max(1, EXAMPLE_CELLS_MAX // len(signature.fields))]


def _example(request: Request) -> int:
    """The number of the requested example; 0 for none."""
    number = request.query.get("example", "")
    return int(number) if _EXAMPLE.fullmatch(number) else 0


def _next_example(request: Request) -> int:
    return _example(request) % 10**6 + 1


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
