"""The columns of exported records: those of every record, and those of a model's signature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from podium.outputs import joined
from podium.records.columns import COLUMNS, RecordColumn
from podium.signature import Field, Output, Signature
from podium.signature.labels import Label

TABLE, SCHEMA = "records", "models"
_TYPES = {
    "float": "DOUBLE",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}
_RECORD_TYPES = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bytes: "JSON"}
_LABEL_TYPES = {int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}


class ExportColumn(NamedTuple):
    """A column of the table of records.

    Attributes:
        source: its name in a store.
        source_type: what it is read as from JSON, in DuckDB's terms.
        expression: its value, from the source.
    """

    name: str
    type: str
    source: str
    source_type: str
    expression: str


def _column(one: RecordColumn) -> ExportColumn:
    kind = _RECORD_TYPES[one.type]
    if one.name.endswith("time_us"):
        expression = f"make_timestamp({one.name})"
        return ExportColumn(one.name[:-3], "TIMESTAMP", one.name, kind, expression)
    if kind == "JSON":  # a text within the JSON of the rows
        return ExportColumn(one.name, kind, one.name, "VARCHAR", f"{one.name}::JSON")
    return ExportColumn(one.name, kind, one.name, kind, one.name)


RECORD_COLUMNS = tuple(map(_column, COLUMNS))


class ModelColumn(NamedTuple):
    """A typed column of one model.

    Attributes:
        source: the column with JSON that it is read from.
        place: of the value in it, as a JSON pointer (RFC 6901) or `$`, the whole.
    """

    name: str
    type: str
    source: str
    place: str

    @property
    def expression(self) -> str:
        """Its value; NULL where the JSON has none, or one of another type."""
        place = text_literal(self.place)
        if self.type == "JSON":
            return f"{self.source} -> {place}"
        return f"try_cast({self.source} ->> {place} AS {self.type})"


def model_columns(signatures: Sequence[Signature]) -> list[ModelColumn]:
    """The columns of a model with these signatures, of which the first decides what differs."""
    columns = [
        column
        for signature in signatures
        for column in (*_inputs(signature.fields), *_outputs(signature))
    ]
    first: dict[tuple[str, str], ModelColumn] = {}
    for column in columns:
        first.setdefault((column.source, column.place), column)
    # To DuckDB names that differ by case are the same.
    taken = {one.name for one in RECORD_COLUMNS}
    return [one._replace(name=_free_name(one.name, taken)) for one in first.values()]


def view_of(model: str, signatures: Sequence[Signature]) -> str:
    """The statement that makes the view of a model's records."""
    typed = [f", {one.expression} AS {quoted(one.name)}\n    " for one in model_columns(signatures)]
    return (
        f"CREATE OR REPLACE VIEW {SCHEMA}.{quoted(model)} AS\n"
        f"SELECT * EXCLUDE (inputs, outputs){''.join(typed)}, inputs, outputs\n"
        f"FROM main.{TABLE} WHERE model = {text_literal(model)}"
    )


def quoted(name: str) -> str:
    """A name in SQL, whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _inputs(fields: Iterable[Field]) -> Iterator[ModelColumn]:
    for field in fields:
        kind = _TYPES.get(field.type) or _type_of(field.labels)
        yield ModelColumn(f"input_{field.name}", kind, "inputs", _pointer(field.name))


def _outputs(signature: Signature) -> Iterator[ModelColumn]:
    outputs = signature.outputs
    is_one = len(outputs) == 1
    for output in outputs:
        kind = _task_type(output)
        name, parts = ("", []) if is_one else (f"_{output.name}", [output.name])
        yield ModelColumn(f"prediction{name}", kind, "outputs", _pointer("prediction", *parts))
        if signature.shared_target:
            name, parts = "", []
        truth = _pointer(*parts) if parts else "$"
        yield ModelColumn(f"truth{name}", kind, "feedback_truth", truth)
    for place in signature.places:
        pointer = _pointer("probabilities", *((place,) if isinstance(place, str) else place))
        yield ModelColumn(f"probability_{joined(place, '_')}", "DOUBLE", "outputs", pointer)
    if is_one and outputs[0].score:
        yield ModelColumn("score", "DOUBLE", "outputs", _pointer("score"))
    for label in outputs[0].distance_labels:
        yield ModelColumn(f"distance_{label}", "DOUBLE", "outputs", _pointer("distances", label))


def _task_type(output: Output) -> str:
    if output.task == "regression":
        return "DOUBLE"
    return "JSON" if output.task == "value" else _type_of(output.classes)


def _type_of(labels: Sequence[Label]) -> str:
    kinds: set[Any] = set(map(type, labels))
    return _LABEL_TYPES.get(kinds.pop(), "VARCHAR") if len(kinds) == 1 else "VARCHAR"


def _pointer(*parts: str) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _free_name(name: str, taken: set[str]) -> str:
    free, number = name, 2
    while free.lower() in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free.lower())
    return free
