"""The content of the page of one record, for every host, and its feedback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from podium.access import Action, allowed
from podium.flow.version import LoadedVersion
from podium.http import Request
from podium.records.history import earlier_statements
from podium.records.record import Record
from podium.signature import Signature
from podium.signature.truth import feedback_signature, truth_signature, values_by_target
from podium.web.deleting import may_delete
from podium.web.form import texts
from podium.web.numbers import moment_text, number_text, range_text, with_unit
from podium.web.record_columns import value_text
from podium.web.record_request import RequestRows, rows_beside
from podium.web.result import Result, result_of
from podium.web.site import Site
from podium.web.visible_records import record_store, visible_record

# The note in a form for feedback, beside a field for each output.
NOTE = "podium_note"


_ROLES = {
    "primary": "primary: sent to the caller",
    "shadow": "shadow: computed beside the answer of another version",
    "replay": "replay: computed later",
}


class InputLine(NamedTuple):
    """An input of a record, for people.

    Attributes:
        label: its name, if the signature no longer has it.
        help: what it means, and the values in the training data; "" if nothing is known.
        warning: what was noted about the value when it was predicted; "" if nothing was.
    """

    label: str
    value: str
    unit: str = ""
    help: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """One record.

    Attributes:
        version: the one that is served now.
        outputs: the outputs.
        beside: the rows of its request before it and after it.
    """

    record: Record
    version: LoadedVersion
    outputs: Mapping[str, Any]
    inputs: list[InputLine]
    result: Result
    may_delete: bool
    may_give_feedback: bool
    truth_rule: Signature
    beside: RequestRows

    @property
    def is_live(self) -> bool:
        """Whether the version that made it is the one that is served now."""
        return self.record.version == self.version.version

    @property
    def answers(self) -> list[tuple[str, str]]:
        """The outputs as labels and texts, for pages that draw no bars."""
        result = self.result
        rows = [(part.label, with_unit(part.value, part.unit)) for part in result.parts]
        if len(rows) == 1:
            rows = [("Prediction", rows[0][1])]
        rows += [("Prediction", result.code)] if result.code else []
        if "score" in self.outputs:
            rows.append(("Score", value_text(self.outputs["score"])))
        for shares in result.shares:
            of = f"{shares.of}: " if shares.of else ""
            bars = (*shares.bars, *shares.more)
            rows += [(f"{shares.measure} {of}{bar.label}", bar.percent) for bar in bars]
        return rows + [("Warning", f"{label}: {text}") for label, text in result.warnings]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Its id, version, role, time, source and actor."""
        record = self.record
        now = "live now" if self.is_live else f"{self.version.version} is live now"
        request, digest = record.request_id, record.bundle_digest
        return [
            ("Id", record.id),
            *([("Request", f"{request}, row {record.row_index + 1}")] if request else []),
            *([("Key", record.business_key)] if record.business_key else []),
            ("Role", _ROLES[record.role]),
            ("Time", f"{moment_text(record.time_us)} UTC"),
            ("Model", record.model),
            ("Version", f"{record.version} ({now})"),
            *([("Bundle", f"sha256:{digest}")] if digest else []),
            ("Answered in", f"{number_text(record.latency_us / 1_000)} ms"),
            ("Source", record.source),
            ("By", record.actor or "anonymous"),
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
        named = values_by_target(self.truth_rule, truth)
        labels = {output.name: output.label for output in self.truth_rule.outputs}
        rows = [(labels.get(name, name), value_text(value)) for name, value in named.items()]
        if len(rows) <= 1:
            rows = [("True value", value_text(truth))]
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
        return values_by_target(self.truth_rule, truth) | {NOTE: feedback.note}

    @property
    def feedback_texts(self) -> dict[str, str]:
        """The same for the form on our own pages, as texts."""
        values = dict(self.feedback_values)
        note = values.pop(NOTE, "")
        signature = self.truth_rule
        names = feedback_signature(signature).names
        row = {
            name: values.get(field.name)
            for name, field in zip(names, truth_signature(signature).fields, strict=False)
        }
        plain = {k: v for k, v in row.items() if isinstance(v, (bool, int, float, str))}
        return texts(feedback_signature(signature), {**plain, names[-1]: note})


def record_detail(site: Site, request: Request, record_id: str) -> RecordDetail:
    """One record.

    Raises:
        NotFound: there is none that the actor may see.
        StoreError: the store fails.
    """
    record, version = visible_record(site, request.actor, record_id)
    outputs: dict[str, Any] = msgspec.json.decode(record.outputs)
    is_current = record.version == version.version
    warnings = outputs.get("warnings", ())
    return RecordDetail(
        record,
        version,
        outputs,
        _inputs(version, msgspec.json.decode(record.inputs), warnings, is_current=is_current),
        result_of(version.signature, outputs, is_current=is_current),
        may_delete(site, request.actor, record.model),
        allowed(request.actor, Action.FEEDBACK, record.model),
        site.truth_rules.of(record, version.bundle),
        rows_beside(record_store(site), record, request.actor),
    )


def _inputs(
    version: LoadedVersion,
    inputs: Mapping[str, Any],
    warnings: Iterable[Mapping[str, str]],
    *,
    is_current: bool,
) -> list[InputLine]:
    """The inputs; the ranges are those of the version that is served now, if it made the prediction."""
    known = {field.name: field for field in version.signature.fields}
    noted = {one["field"]: one["message"] for one in warnings}
    lines = []
    for name, value in inputs.items():
        field, warning = known.get(name), noted.get(name, "")
        if field is None:
            lines.append(InputLine(name, value_text(value), warning=warning))
            continue
        seen = range_text(field.seen, field.unit or field.zone) if is_current else ""
        parts = (field.description.strip(), f"Seen in training: {seen}." if seen else "")
        unit = field.unit if value is not None else ""
        words = " ".join(filter(None, parts))
        lines.append(InputLine(field.label, value_text(value), unit, words, warning))
    return lines
