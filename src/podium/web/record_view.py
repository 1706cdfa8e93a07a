"""The content of pages about records, for every host: a list, one record, a file, and feedback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from podium.access import Action, Actor, allowed
from podium.errors import InputError
from podium.flow.version import LoadedVersion
from podium.http import Request
from podium.records.export import iter_csv
from podium.records.history import earlier_statements
from podium.records.record import Record
from podium.records.store import Page
from podium.signature import Signature
from podium.signature.labels import label_text, plain_text
from podium.signature.truth import feedback_signature, values_by_output
from podium.web.deleting import may_delete
from podium.web.form import texts
from podium.web.numbers import moment_text, number_text, with_unit
from podium.web.record_filters import (
    FilterField,
    Filters,
    Place,
    filter_fields,
    filters_of,
    place_of,
    query_for,
)
from podium.web.result import Result, result_of
from podium.web.site import Site
from podium.web.visible_records import record_store, visible_model, visible_models, visible_record

PAGE_ROWS = 50
FIELDS_SHOWN = 5
# A list shows the beginning of texts; the page of the record shows all of them.
TEXT_MAX = 60
# The note in a form for feedback, beside a field for each output.
NOTE = "podium_note"
_DECODER = msgspec.json.Decoder()


class Line(NamedTuple):
    """A record in a list, in the order of its columns."""

    day: str
    time: str
    outcome: str
    unit: str
    cells: list[str]
    by: str
    feedback: str
    id: str


@dataclass(frozen=True, slots=True)
class RecordList:
    """Some records of a model, newest first; the rest is computed when the page is rendered."""

    site: Site
    actor: Actor
    version: LoadedVersion
    filters: Filters
    place: Place
    page: Page

    @property
    def models(self) -> list[str]:
        """The models that the actor may choose from."""
        return visible_models(self.site, self.actor)

    @property
    def fields(self) -> list[FilterField]:
        """The filters of the form."""
        outputs = self.version.signature.outputs
        return filter_fields(self.filters, outputs, record_store(self.site).features)

    @property
    def may_delete(self) -> bool:
        """Whether the actor may delete the filtered records."""
        return may_delete(self.site, self.actor, self.version.name)

    @property
    def columns(self) -> list[str]:
        """The headings of the columns."""
        inputs = [field.label for field in self.version.signature.fields[:FIELDS_SHOWN]]
        return ["Time (UTC)", "Prediction", *inputs, "By", "Feedback", "Record"]

    @property
    def lines(self) -> list[Line]:
        """The records as lines."""
        signature = self.version.signature
        names = signature.names[:FIELDS_SHOWN]
        is_regression = signature.output.task == "regression"
        lines = []
        for record in self.page.records:
            inputs: dict[str, Any] = _DECODER.decode(record.inputs)
            outcome, unit = short(record.outcome), ""
            if is_regression and record.outcome_number is not None:
                outcome, unit = number_text(record.outcome_number), signature.output.unit
            cells = [brief(inputs.get(name)) for name in names]
            day, _, time_of_day = moment_text(record.time_us).partition(" ")
            feedback = "given" if record.feedback else ""
            by = record.actor or record.source
            lines.append(Line(day, time_of_day, outcome, unit, cells, by, feedback, record.id))
        return lines

    @property
    def is_narrowed(self) -> bool:
        """Whether other records may exist besides these and older ones."""
        return self.filters.are_used or self.place.number > 1

    @property
    def scope(self) -> str:
        """What a link acts on: `Download all`."""
        return "these" if self.filters.are_used else "all"

    @property
    def nothing(self) -> str:
        """The text if there is no record."""
        return "No records match." if self.is_narrowed else "No predictions yet."

    def pager(self, base: str, **fixed: str) -> dict[str, str]:
        """The URLs of the newest, the newer and the older records; "" if there are none."""
        places = {
            "newest": Place() if self.place.number > 1 else None,
            "newer": self.place.newer,
            "older": self.place.older(self.page.cursor) if self.page.cursor else None,
        }
        return {
            name: self.filters.address(base, **fixed, **place.parameters) if place else ""
            for name, place in places.items()
        }


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """One record.

    Attributes:
        version: the one that is served now.
        outputs: the outputs.
        inputs: label, value and unit of each; its name if the signature no longer has it.
    """

    record: Record
    version: LoadedVersion
    outputs: Mapping[str, Any]
    inputs: list[tuple[str, str, str]]
    result: Result
    may_delete: bool
    may_give_feedback: bool
    truth_rule: Signature

    @property
    def answers(self) -> list[tuple[str, str]]:
        """The outputs as labels and texts, for pages that draw no bars."""
        result = self.result
        rows = [(part.label, with_unit(part.value, part.unit)) for part in result.parts]
        if len(rows) == 1:
            rows = [("Prediction", rows[0][1])]
        rows += [("Prediction", result.code)] if result.code else []
        if "score" in self.outputs:
            rows.append(("Score", _text(self.outputs["score"])))
        bars = (*result.bars, *result.more)
        rows += [(f"Probability of {bar.label}", bar.percent) for bar in bars]
        return rows + [("Warning", f"{label}: {text}") for label, text in result.warnings]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Its id, version, time and source."""
        record = self.record
        source = f"{record.source}, {record.actor}" if record.actor else record.source
        request, digest = record.request_id, record.bundle_digest
        return [
            ("Id", record.id),
            *([("Request", f"{request}, row {record.row_index + 1}")] if request else []),
            *([("Key", record.business_key)] if record.business_key else []),
            *([("Role", record.role)] if record.role != "primary" else []),
            ("Time", f"{moment_text(record.time_us)} UTC"),
            ("Model", f"{record.model}, version {record.version}"),
            *([("Bundle", f"sha256:{digest}")] if digest else []),
            ("Answered in", f"{number_text(record.latency_us / 1_000)} ms"),
            ("Source", source),
        ]

    @property
    def feedback(self) -> list[tuple[str, str]]:
        """The feedback, and who gave it; nothing if there is none."""
        feedback = self.record.feedback
        if feedback is None:
            return []
        return self._feedback_rows(
            msgspec.json.decode(feedback.truth), feedback.time_us, feedback.actor, feedback.note
        )

    @property
    def earlier_feedback(self) -> list[list[tuple[str, str]]]:
        """What was said before it was corrected, the latest first."""
        return [
            self._feedback_rows(one.truth, one.time_us, one.actor, one.note)
            for one in reversed(earlier_statements(self.record.feedback))
        ]

    def _feedback_rows(
        self, truth: Any, time_us: int, actor: str | None, note: str
    ) -> list[tuple[str, str]]:
        named = values_by_output(self.truth_rule, truth)
        labels = {output.name: output.label for output in self.truth_rule.outputs}
        rows = [(labels.get(name, name), _text(value)) for name, value in named.items()]
        if len(rows) <= 1:
            rows = [("True value", _text(truth))]
        rows.append(("Given", f"{moment_text(time_us)} UTC"))
        rows += [("By", actor)] if actor else []
        return rows + ([("Note", note)] if note else [])

    @property
    def feedback_values(self) -> dict[str, Any]:
        """The values in the form for feedback: one for each output, and the note."""
        feedback = self.record.feedback
        if feedback is None:
            return {}
        truth = msgspec.json.decode(feedback.truth)
        return values_by_output(self.truth_rule, truth) | {NOTE: feedback.note}

    @property
    def feedback_texts(self) -> dict[str, str]:
        """The same for the form on our own pages, as texts."""
        values = dict(self.feedback_values)
        note = values.pop(NOTE, "")
        signature = self.truth_rule
        names = feedback_signature(signature).names
        row = {
            name: values.get(output.name)
            for name, output in zip(names, signature.outputs, strict=False)
        }
        plain = {k: v for k, v in row.items() if isinstance(v, (bool, int, float, str))}
        return texts(feedback_signature(signature), {**plain, names[-1]: note})


class RecordFile(NamedTuple):
    """Records as a CSV file."""

    name: str
    body: Iterator[bytes]


def record_list(site: Site, request: Request, model: str = "") -> RecordList:
    """The records of a model, or of the first one, that the parameters of a URL select.

    Raises:
        NotFound: none are stored, or the actor may see those of no such model.
        InputError: the store doesn't support the filter, or the cursor is invalid.
        StoreError: the store fails.
    """
    version, store = visible_model(site, request.actor, model), record_store(site)
    filters = filters_of(version.name, request.query, request.actor)
    place = place_of(request.query)
    page = store.page(query_for(store, filters), limit=PAGE_ROWS, cursor=place.after or None)
    return RecordList(site, request.actor, version, filters, place, page)


def record_file(site: Site, request: Request, model: str = "") -> RecordFile:
    """The same records, and all older ones, as a file; the download is audited.

    Raises:
        InputError: a filter is invalid; without it the file would contain other records.
        PodiumError: as `record_list`.
    """
    version, store = visible_model(site, request.actor, model), record_store(site)
    filters = filters_of(version.name, request.query, request.actor)
    if filters.problems:
        raise InputError(filters.problems[0].rstrip("."), hint="correct the filter")
    output = version.signature.output
    labels = [label_text(label) for label in output.classes if output.has_probabilities]
    body = iter_csv(
        store, query_for(store, filters), version.signature.names, labels, output.extras
    )
    site.authority.audit(request.actor, "records_exported", model=version.name)
    return RecordFile(f"{version.name}-records.csv", body)


def record_detail(site: Site, request: Request, record_id: str) -> RecordDetail:
    """One record.

    Raises:
        NotFound: there is none that the actor may see.
        StoreError: the store fails.
    """
    record, version = visible_record(site, request.actor, record_id)
    outputs: dict[str, Any] = msgspec.json.decode(record.outputs)
    is_current = record.version == version.version
    return RecordDetail(
        record,
        version,
        outputs,
        _inputs(version, msgspec.json.decode(record.inputs)),
        result_of(version.signature, outputs, is_current=is_current),
        may_delete(site, request.actor, record.model),
        allowed(request.actor, Action.FEEDBACK, record.model),
        site.truth_rules.of(record, version.bundle),
    )


def _inputs(version: LoadedVersion, inputs: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    known = {field.name: field for field in version.signature.fields}
    return [
        (known[name].label, _text(value), known[name].unit if value is not None else "")
        if name in known
        else (name, _text(value), "")
        for name, value in inputs.items()
    ]


def brief(value: Any) -> str:
    """A value in a list: the page of the record has every digit."""
    return number_text(value) if isinstance(value, float) else short(_text(value))


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return plain_text(value) if isinstance(value, (bool, int, float, str)) else str(value)


def short(text: str) -> str:
    """The beginning of a text, as a list shows it."""
    return f"{text[:TEXT_MAX]}…" if len(text) > TEXT_MAX else text
