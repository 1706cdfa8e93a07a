"""The records of a model: a list with filters, one record, and a download."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from podium.errors import NotFound
from podium.flow.deployment import Deployment
from podium.records.export import iter_csv, time_text
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.signature.reading import label_text
from podium.web import render
from podium.web.http import Request, Response
from podium.web.numbers import number_text, plain_text
from podium.web.pages import predict_address
from podium.web.result import curl_command, known_by, result_of
from podium.web.site import Site

PAGE_ROWS = 50
FIELDS_SHOWN = 5
_ID = re.compile(r"[0-9a-f]{1,32}")
_FILTERS = ("since", "until", "outcome", "min", "max", "id")


def index(site: Site, request: Request, name: str) -> Response:
    """The records of a model, newest first: `GET /models/{name}/records`."""
    store, deployment = _store(site), site.deployment(name)
    query, problems = _query(deployment, request.query)
    page = store.page(query, limit=PAGE_ROWS, cursor=request.query.get("after") or None)
    filters = {key: request.query.get(key, "") for key in _FILTERS}
    said = {key: value for key, value in filters.items() if value}
    base = request.url(f"/models/{name}/records")
    fields = deployment.signature.fields[:FIELDS_SHOWN]
    return render.page(
        site,
        request,
        "records.html",
        deployment=deployment,
        fields=fields,
        rows=[_line(deployment, record) for record in page.records],
        filters=filters,
        problems=problems,
        labels=[label_text(label) for label in deployment.signature.output.classes],
        is_number=deployment.signature.output.task == "regression",
        is_first="after" not in request.query,
        first=_address(base, said),
        older=_address(base, {**said, "after": page.cursor}) if page.cursor else None,
        download=_address(base + ".csv", said),
    )


def csv(site: Site, request: Request, name: str) -> Response:
    """The same records as a file: `GET /models/{name}/records.csv`."""
    store, deployment = _store(site), site.deployment(name)
    query, _ = _query(deployment, request.query)
    signature = deployment.signature
    labels = signature.output.classes if signature.output.has_probabilities else ()
    body = iter_csv(store, query, signature.names, [label_text(label) for label in labels])
    headers = {"content-disposition": f'attachment; filename="{name}-records.csv"'}
    return Response(body, 200, "text/csv; charset=utf-8", headers)


def detail(site: Site, request: Request, record_id: str) -> Response:
    """One record: `GET /records/{record_id}`."""
    store = _store(site)
    record = store.get(record_id) if _ID.fullmatch(record_id) else None
    deployment = site.deployments.get(record.model) if record is not None else None
    if record is None or deployment is None:
        raise NotFound("there is no such record", hint="look it up in the records of its model")
    inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
    known = {field.name: field for field in deployment.signature.fields}
    rows = [
        (
            known[key].label if key in known else key,
            _text(value),
            known[key].unit if key in known else "",
        )
        for key, value in inputs.items()
    ]
    return render.page(
        site,
        request,
        "record.html",
        deployment=deployment,
        record=record,
        time=time_text(record.time_us),
        rows=rows,
        result=result_of(deployment.signature, msgspec.json.decode(record.outputs)),
        known_by=known_by(deployment.card),
        curl=curl_command(predict_address(request, deployment.name), inputs),
    )


def _store(site: Site) -> Store:
    if site.store is None:
        raise NotFound("no records are kept here", hint="the server was started with --no-records")
    return site.store


def _line(deployment: Deployment, record: Record) -> dict[str, Any]:
    inputs: dict[str, Any] = msgspec.json.decode(record.inputs)
    outcome = record.outcome
    if record.outcome_number is not None:
        outcome = number_text(record.outcome_number)
    cells = [_text(inputs.get(field.name)) for field in deployment.signature.fields[:FIELDS_SHOWN]]
    return {"record": record, "time": time_text(record.time_us), "outcome": outcome, "cells": cells}


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return plain_text(value) if isinstance(value, (bool, int, float, str)) else str(value)


def _query(deployment: Deployment, said: Mapping[str, str]) -> tuple[RecordQuery, list[str]]:
    """The filters of a page; what can't be read of them is told and left out."""
    problems: list[str] = []
    prefix = said.get("id", "").strip().lower()
    if prefix and not _ID.fullmatch(prefix):
        problems.append("An id is made of up to 32 of the digits 0 to 9 and a to f.")
        prefix = ""
    return (
        RecordQuery(
            model=deployment.name,
            since_us=_moment(said.get("since", ""), problems, is_end=False),
            until_us=_moment(said.get("until", ""), problems, is_end=True),
            outcome=said.get("outcome") or None,
            outcome_min=_number(said.get("min", ""), problems),
            outcome_max=_number(said.get("max", ""), problems),
            id_prefix=prefix or None,
        ),
        problems,
    )


def _moment(text: str, problems: list[str], *, is_end: bool) -> int | None:
    """A moment in UTC, in microseconds; the end of the day or minute that is named as an end."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        problems.append(f"{text[:40]} is no date or time.")
        return None
    moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment
    if is_end:
        try:
            moment += dt.timedelta(days=1) if len(text) == 10 else dt.timedelta(minutes=1)
        except OverflowError:
            return None
    return int(moment.timestamp() * 1e6)


def _number(text: str, problems: list[str]) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        problems.append(f"{text[:40]} is no number.")
        return None


def _address(base: str, values: Mapping[str, Any]) -> str:
    return f"{base}?{urlencode(values)}" if values else base
