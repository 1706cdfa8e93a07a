"""The columns of a model's records: its inputs, its outputs, and what is known of each record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from podium.outputs import Place, at_place, joined
from podium.records.record import Record
from podium.signature import Field, Output, Signature
from podium.signature.fields import NUMBERS, TIMES
from podium.signature.labels import plain_text, shown_label
from podium.web.numbers import number_text

Kind: TypeAlias = Literal["number", "moment", "text"]
# The inputs that a list shows, unless others are chosen.
INPUTS_SHOWN = 5
# The most columns that can be chosen: their names are in the address, which has room for 8 KiB.
CHOSEN_MAX = 30
# A list shows the beginning of texts; the page of the record shows all of them.
TEXT_MAX = 60
PARAMETER = "column"
_DECODER = msgspec.json.Decoder()


class Row:
    """A record, of which the inputs and the outputs are decoded when they are first read."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @cached_property
    def inputs(self) -> Mapping[str, Any]:
        """The inputs by name."""
        return dict(_DECODER.decode(self.record.inputs))

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs: `prediction`, `probabilities`, `score`."""
        return dict(_DECODER.decode(self.record.outputs))


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        key: its name in addresses: `in.age`, `out.prediction`, `rec.version`.
        group: of the menu that offers it.
        read: its value in a record; None if it has none.
    """

    key: str
    label: str
    group: str
    kind: Kind
    read: Callable[[Row], Any]
    unit: str = ""

    @property
    def heading(self) -> str:
        """The label with the unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


class ColumnGroup(NamedTuple):
    """Columns that a menu lists together."""

    label: str
    columns: list[Column]


def columns_of(signature: Signature) -> dict[str, Column]:
    """The columns of a model's records by their keys, in the order in which menus list them."""
    columns = [*_inputs(signature.fields), *_outputs(signature), *_FACTS]
    return {column.key: column for column in columns}


def usual_columns(columns: Mapping[str, Column]) -> list[Column]:
    """What a list shows beside the time and the prediction, unless others are chosen."""
    inputs = [one for one in columns.values() if one.group == "Inputs"][:INPUTS_SHOWN]
    return [*inputs, columns["rec.by"], columns["rec.feedback"]]


def chosen_columns(query_string: str, columns: Mapping[str, Column]) -> list[Column]:
    """The columns that an address names, in the order of the menu; none if it names none."""
    pairs = parse_qsl(query_string, errors="replace")
    named = {value for name, value in pairs if name == PARAMETER}
    return [one for key, one in columns.items() if key in named][:CHOSEN_MAX]


def grouped(columns: Sequence[Column]) -> list[ColumnGroup]:
    """The columns under the headings of a menu."""
    groups: dict[str, list[Column]] = {}
    for column in columns:
        groups.setdefault(column.group, []).append(column)
    return [ColumnGroup(*item) for item in groups.items()]


def brief(value: Any) -> str:
    """A value in a list: the page of the record has every digit."""
    return number_text(value) if isinstance(value, float) else short(value_text(value))


def value_text(value: Any) -> str:
    """A value in full."""
    if value is None:
        return "—"
    return plain_text(value) if isinstance(value, (bool, int, float, str)) else str(value)


def short(text: str) -> str:
    """The beginning of a text, as a list shows it."""
    return f"{text[:TEXT_MAX]}…" if len(text) > TEXT_MAX else text


def short_outcome(record: Record) -> str:
    """The prediction of a record that isn't a number, as a list shows it."""
    return short(shown_label(record.outcome))


def _inputs(fields: Sequence[Field]) -> list[Column]:
    return [
        Column(f"in.{one.name}", one.label, "Inputs", _kind(one), _input(one.name), one.unit)
        for one in fields
    ]


def _kind(field: Field) -> Kind:
    if field.type in NUMBERS:
        return "number"
    return "moment" if field.type in TIMES else "text"


def _input(name: str) -> Callable[[Row], Any]:
    return lambda row: row.inputs.get(name)


def _outputs(signature: Signature) -> list[Column]:
    outputs = signature.outputs
    if len(outputs) > 1:
        columns = [
            Column(
                f"out.of.{one.name}",
                one.label,
                "Outputs",
                _task_kind(one),
                _part(one.name),
                one.unit,
            )
            for one in outputs
        ]
        return [*columns, *_shares(signature)]
    (output,) = outputs
    kind = _task_kind(output)
    read = attrgetter("record.outcome_number" if kind == "number" else "record.outcome")
    columns = [Column("out.prediction", "Prediction", "Outputs", kind, read, output.unit)]
    columns += _shares(signature)
    if output.score:
        columns.append(Column("out.score", "Score", "Outputs", "number", _score))
    return columns + [
        Column(
            f"out.d.{label}",
            f"Distance to {shown_label(word)}",
            "Outputs",
            "number",
            _distance(label),
        )
        for label, word in zip(output.distance_labels, output.outcomes, strict=False)
    ]


def _task_kind(output: Output) -> Kind:
    return "number" if output.task == "regression" else "text"


def _part(name: str) -> Callable[[Row], Any]:
    def read(row: Row) -> Any:
        prediction = row.outputs.get("prediction")
        return prediction.get(name) if isinstance(prediction, dict) else None

    return read


def _shares(signature: Signature) -> list[Column]:
    return [
        Column(
            f"out.p.{joined(place, '.')}",
            f"Probability of {joined(place, ': ')}",
            "Outputs",
            "number",
            _share(place),
        )
        for place in signature.places
    ]


def _share(place: Place) -> Callable[[Row], Any]:
    return lambda row: at_place(place, row.outputs.get("probabilities"))


def _score(row: Row) -> Any:
    return row.outputs.get("score")


def _distance(label: str) -> Callable[[Row], Any]:
    return lambda row: at_place(label, row.outputs.get("distances"))


def _truth(row: Row) -> Any:
    feedback = row.record.feedback
    return None if feedback is None else _DECODER.decode(feedback.truth)


def _by(row: Row) -> Any:
    return row.record.actor or row.record.source


def _is_given(row: Row) -> Any:
    return "given" if row.record.feedback else ""


def _latency_ms(row: Row) -> float:
    return row.record.latency_us / 1_000


_FACTS = (
    Column("rec.by", "By", "Record", "text", _by),
    Column("rec.feedback", "Feedback", "Record", "text", _is_given),
    Column("rec.truth", "True value", "Record", "text", _truth),
    Column("rec.version", "Version", "Record", "text", attrgetter("record.version")),
    Column("rec.source", "Source", "Record", "text", attrgetter("record.source")),
    Column("rec.key", "Key", "Record", "text", attrgetter("record.business_key")),
    Column("rec.latency", "Answered in", "Record", "number", _latency_ms, "ms"),
)
