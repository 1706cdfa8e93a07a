"""The records of a model: a list with filters, one record, and a download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from podium.errors import InputError, NotFound
from podium.flow.deployment import Deployment
from podium.records.export import iter_csv, time_text
from podium.records.record import Record
from podium.records.store import Page, Store
from podium.signature.reading import label_text, plain_text
from podium.web import render
from podium.web.http import Request, Response
from podium.web.numbers import number_text
from podium.web.pages import predict_address
from podium.web.record_filters import Filters, Place, filters_of, find_record, may_see, place_of
from podium.web.result import among_answers, curl_command, known_by, result_of
from podium.web.site import Site

PAGE_ROWS = 50
FIELDS_SHOWN = 5
# A list shows how texts begin; the page of the record shows them whole.
TEXT_MAX = 60
# Records of more than this aren't kept with the page that shows them.
KEPT_BYTES = 262_144
_DECODER = msgspec.json.Decoder()


def index(site: Site, request: Request, name: str) -> Response:
    """The records of a model, newest first: `GET /models/{name}/records`."""
    deployment = site.deployment(name, request.actor)
    store = _store(site)
    filters, place = filters_of(name, request.query, request.actor), place_of(request.query)
    page = store.page(filters.query, limit=PAGE_ROWS, cursor=place.after or None)

    def made() -> Response:
        return _made(site, request, deployment, page, filters, place)

    if sum(len(one.inputs) + len(one.outputs) for one in page.records) > KEPT_BYTES:
        return made()
    key = ("records", name, request.query_string)
    return render.kept_page(site, request, key, (deployment, page), made)


def csv(site: Site, request: Request, name: str) -> Response:
    """The same records as a file: `GET /models/{name}/records.csv`.

    Raises:
        InputError: a filter can't be read; without it the file would hold what wasn't wanted.
    """
    deployment = site.deployment(name, request.actor)
    store, signature = _store(site), deployment.signature
    filters = filters_of(name, request.query, request.actor)
    if filters.problems:
        raise InputError(filters.problems[0].rstrip("."), hint="correct the filter")
    labels = signature.output.classes if signature.output.has_probabilities else ()
    body = iter_csv(store, filters.query, signature.names, [label_text(label) for label in labels])
    site.authority.audit(request.actor, "records_exported", model=name)
    headers = {"content-disposition": f'attachment; filename="{name}-records.csv"'}
    return Response(body, 200, "text/csv; charset=utf-8", headers)


def detail(site: Site, request: Request, record_id: str) -> Response:
    """One record: `GET /records/{record_id}`."""
    record = find_record(_store(site), record_id)
    deployment = site.deployments.get(record.model) if record is not None else None
    if record is None or deployment is None or not may_see(request, record):
        raise NotFound("there is no such record", hint="look it up in the records of its model")
    inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
    outputs: dict[str, Any] = msgspec.json.decode(record.outputs)
    return render.page(
        site,
        request,
        "record.html",
        deployment=deployment,
        record=record,
        address=f"{request.origin}{request.url(f'/records/{record.id}')}",
        time=_time(record),
        rows=_values(deployment, inputs),
        result=result_of(deployment.signature, outputs),
        curl=curl_command(predict_address(request, deployment.name), inputs),
        **_known(deployment, record, outputs),
    )


def _made(
    site: Site, request: Request, deployment: Deployment, page: Page, filters: Filters, place: Place
) -> Response:
    """The page of these records."""
    signature = deployment.signature
    base = request.url(f"/models/{deployment.name}/records")

    def to(neighbour: Place | None) -> str | None:
        return None if neighbour is None else filters.address(base, **neighbour.parameters)

    return render.page(
        site,
        request,
        "records.html",
        deployment=deployment,
        fields=signature.fields[:FIELDS_SHOWN],
        lines=_lines(deployment, page.records),
        record_base=request.url("/records/"),
        filters=filters,
        labels=[label_text(label) for label in signature.output.classes],
        is_number=signature.output.task == "regression" and len(signature.outputs) == 1,
        place=place,
        newest=to(Place()),
        newer=to(place.newer),
        older=to(place.older(page.cursor)) if page.cursor else None,
        download=filters.address(base + ".csv"),
    )


def _store(site: Site) -> Store:
    if site.store is None:
        raise NotFound("no records are kept here", hint="the server was started with --no-records")
    return site.store


def _known(deployment: Deployment, record: Record, outputs: dict[str, Any]) -> dict[str, Any]:
    """What is known of the version that answered: nothing, where another one serves now."""
    if record.version != deployment.version:
        return {"known_by": "", "among": None}
    baseline = deployment.bundle.baseline
    among = among_answers(deployment.signature, baseline, outputs["prediction"])
    return {"known_by": known_by(deployment.card), "among": among}


def _values(deployment: Deployment, inputs: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Label, value and unit of each input; its name where the signature lost it."""
    known = {field.name: field for field in deployment.signature.fields}
    return [
        (known[name].label, _text(value), known[name].unit)
        if name in known
        else (name, _text(value), "")
        for name, value in inputs.items()
    ]


def _lines(deployment: Deployment, records: Sequence[Record]) -> list[tuple[Any, ...]]:
    """What the list shows of each: day, time, outcome, unit, inputs, the way in, and the id."""
    output = deployment.signature.output
    names = deployment.signature.names[:FIELDS_SHOWN]
    is_regression = output.task == "regression"
    lines = []
    for record in records:
        inputs: dict[str, Any] = _DECODER.decode(record.inputs)
        outcome, unit = _short(record.outcome), ""
        if is_regression and record.outcome_number is not None:
            outcome, unit = number_text(record.outcome_number), output.unit
        cells = [_short(_text(inputs.get(name))) for name in names]
        time = _time(record)
        lines.append((time[:10], time[11:], outcome, unit, cells, record.source, record.id))
    return lines


def _time(record: Record) -> str:
    """When it was asked, to the second."""
    return time_text(record.time_us)[:19].replace("T", " ")


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return plain_text(value) if isinstance(value, (bool, int, float, str)) else str(value)


def _short(text: str) -> str:
    return f"{text[:TEXT_MAX]}…" if len(text) > TEXT_MAX else text
