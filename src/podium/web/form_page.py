"""The page of a model: its form, and beside it the result of a prediction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from podium.access import Action, allowed
from podium.errors import BadCell, InvalidRows, Overloaded, PodiumError, RateLimited, TimedOut
from podium.flow.answer import values_of
from podium.flow.formats.json_rows import JSON
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, Prepared, RequestContext
from podium.flow.response import PredictResponse
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.outputs import Outputs, warning_value
from podium.records.record import Record
from podium.signature import Label, Signature
from podium.signature.infer import json_value
from podium.signature.truth import feedback_signature
from podium.table import Table
from podium.web import render
from podium.web.about import about_of
from podium.web.among import among_answers
from podium.web.curve_chart import Curves, curves_of
from podium.web.form import texts, widgets
from podium.web.form_groups import grouped, is_dense
from podium.web.matters import matters_of
from podium.web.numbers import headline
from podium.web.result import curl_command, result_of
from podium.web.site import Site
from podium.web.whatif import has_curves, shown_fields, what_if
from podium.web.why import why_of

# With 400 fields the page includes two examples, 40 kB.
EXAMPLE_CELLS_MAX = 800
# A page doesn't wait longer for its explanation, which is computed on, and there when it is reloaded.
EXPLANATION_WAIT_S = 2.0
_EXAMPLE = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Pasted:
    """What came of a row that was pasted into the form.

    Attributes:
        text: that was pasted, if it has to be mended.
        problem: why it was refused, and what to do; or "".
        notes: what became of it, in sentences.
    """

    text: str = ""
    problem: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """One prediction, as a page shows it.

    Attributes:
        inputs: the row as plain JSON values.
        outputs: as a record holds them: prediction, probabilities, warnings.
        record_id: of its record; "" if nothing was recorded.
        is_current: whether the version of the page made it.
        is_trial: whether it was only tried what the model would answer.
        curves: how the answer depends on the fields; None if that isn't known.
        row: as the version of the page takes it; None if that isn't known.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    record_id: str = ""
    is_current: bool = True
    is_trial: bool = False
    curves: Curves | None = None
    row: Table | None = None


def response_result(answer: PredictResponse) -> Answered:
    """The prediction in the response to one row."""
    inputs, outputs = _values(answer.version.signature, answer.table, answer.outputs)
    record_id = answer.ids[0] if answer.ids else ""
    curves = _curves(answer.version, answer.table)
    return Answered(inputs, outputs, record_id, curves=curves, row=answer.table)


def recorded_result(record: Record, version: LoadedVersion) -> Answered:
    """The prediction in a record, for a page of this version."""
    is_current, row = record.version == version.version, None
    if is_current:
        with suppress(InvalidRows):  # a page without curves is still the result
            row = row_of(version, record.inputs)
    return Answered(
        msgspec.json.decode(record.inputs),
        msgspec.json.decode(record.outputs),
        record.id,
        is_current,
        curves=None if row is None else _curves(version, row),
        row=row,
    )


def row_of(version: LoadedVersion, inputs: bytes) -> Table:
    """The row of a record, as a version takes it.

    Raises:
        InvalidRows: it doesn't.
    """
    return prepare(version, PredictRequest(inputs, JSON, RequestContext())).table


def trial_result(version: LoadedVersion, prepared: Prepared) -> Answered:
    """What a version would answer to a row; nothing is recorded.

    Raises:
        ModelError: the model failed.
    """
    found = what_if(version, prepared.table, shown_fields(version))
    answer = replace(found.answer, warnings=prepared.warnings)
    inputs, outputs = _values(version.signature, prepared.table, answer)
    curves = curves_of(version, prepared.table, found)
    return Answered(inputs, outputs, is_trial=True, curves=curves)


def _curves(version: LoadedVersion, row: Table) -> Curves | None:
    if not has_curves(version):
        return None
    with suppress(PodiumError):  # the answer itself is there
        return curves_of(version, row, what_if(version, row, shown_fields(version)))
    return None


def _values(
    signature: Signature, table: Table, outputs: Outputs
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One row as plain values, and its outputs as a record holds them."""
    (value,) = values_of(signature, outputs)
    answer = msgspec.to_builtins(value)
    answer["warnings"] = [warning_value(one) for one in outputs.warnings]
    (row,) = table.rows()
    return {field.name: json_value(row[field.name], field) for field in signature.fields}, answer


def form_page(
    site: Site,
    request: Request,
    version: LoadedVersion,
    values: Mapping[str, str],
    *,
    answered: Answered | None = None,
    errors: Sequence[BadCell] = (),
    pasted: Pasted | None = None,
    status: int = 200,
) -> Response:
    """The form of a model.

    Args:
        values: in the form, as texts by field name.
        answered: the prediction to show beside it.
        errors: the cells that were refused.
        pasted: what came of a row that was pasted.
    """
    signature = version.signature
    noted = {} if answered is None else _warnings(answered)
    fields = widgets(signature, values, errors, warnings=noted, is_dense=is_dense(signature))
    shown = {widget.name for widget in fields if widget.error}
    return render.page(
        site,
        request,
        "model.html",
        status=status,
        model=version,
        widgets=fields,
        groups=grouped(signature, fields),
        is_dense=is_dense(signature),
        pasted=pasted,
        is_filled=bool(values),
        errors=[str(cell) for cell in errors if cell.field not in shown],
        examples=_json([texts(signature, row) for row in _examples(signature)]),
        next_example=_next_example(request),
        headline=headline(version.card),
        about=about_of(version.bundle),
        matters=matters_of(version.bundle),
        **_shown(request, version, answered),
        **explained(site, request, version, answered),
    )


def _warnings(answered: Answered) -> dict[str, str]:
    """What was noted about the inputs, by field."""
    return {one["field"]: one["message"] for one in answered.outputs.get("warnings", ())}


def predict_address(request: Request, name: str) -> str:
    """The full URL of a model's API."""
    return f"{request.origin}{request.url(f'/api/models/{name}/predict')}"


def explained(
    site: Site, request: Request, version: LoadedVersion, answered: Answered | None
) -> dict[str, Any]:
    """Why the answer is as it is, for those who may know: `why`, or the `why_not` in words."""
    nothing = {"why": None, "why_not": ""}
    if answered is None or answered.row is None or site.explanations is None:
        return nothing
    if not allowed(request.actor, Action.EXPLAIN, version.name) or not has_curves(version):
        return nothing
    try:
        site.explanations.take(request.actor, request.address)
        found = site.explanations.explain(
            version, answered.row, store=site.store, wait_s=EXPLANATION_WAIT_S
        )
    except (RateLimited, Overloaded, TimedOut) as error:
        return nothing | {"why_not": f"Not explained now: {error.message}; {error.hint}."}
    except PodiumError:  # the answer itself is there
        return nothing
    return {"why": why_of(version.signature, found, answered.inputs), "why_not": ""}


def _shown(request: Request, version: LoadedVersion, answered: Answered | None) -> dict[str, Any]:
    """What the page shows of a prediction."""
    if answered is None:
        names = ("result", "among", "record_id", "curl", "truth", "curves")
        return dict.fromkeys(names) | {"is_trial": False}
    signature, name = version.signature, version.name
    baseline = version.bundle.baseline
    # The caller owns the record, but not every actor may look up their own records.
    may_open = allowed(request.actor, Action.SEE_OWN, name)
    may_tell = answered.record_id and allowed(request.actor, Action.FEEDBACK, name)
    form = widgets(feedback_signature(signature), {}, prefix="t") if may_tell else None
    known = answered.is_current
    return {
        "result": result_of(signature, answered.outputs, is_current=known),
        "among": among_answers(signature, baseline, answered.outputs) if known else None,
        "record_id": answered.record_id if may_open else None,
        "curl": curl_command(predict_address(request, name), answered.inputs),
        "truth": (answered.record_id, form) if form else None,
        "curves": answered.curves,
        "is_trial": answered.is_trial,
    }


def whatif_part(version: LoadedVersion, answered: Answered) -> str:
    """The part of the page that changes with the values of the form, as HTML."""
    known = result_of(version.signature, answered.outputs)
    return render.part("whatif.html", curves=answered.curves, result=known)


def example_number(request: Request) -> int:
    """The number of the requested example; 0 for none."""
    number = request.query.get("example", "")
    return int(number) if _EXAMPLE.fullmatch(number) else 0


def _examples(signature: Signature) -> Sequence[Mapping[str, Label | None]]:
    """The examples in a page; at least one, however many fields there are."""
    return signature.examples[: max(1, EXAMPLE_CELLS_MAX // len(signature.fields))]


def _next_example(request: Request) -> int:
    return example_number(request) % 10**6 + 1


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
