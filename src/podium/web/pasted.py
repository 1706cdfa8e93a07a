"""A row that somebody pastes into a form: from a spreadsheet, a CSV or an API's JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from podium.errors import BadCell, MalformedBody
from podium.signature import Field, Label, Signature
from podium.signature.cells import printable
from podium.signature.delimited import delimiter_of
from podium.signature.infer import json_value
from podium.signature.labels import folded, label_text
from podium.signature.names import INDEXES
from podium.signature.reading import Written, written_with
from podium.web.form import text_of
from podium.web.form_cells import read_cell

# So many names are listed; of 400 missing ones nobody reads all.
NAMES_MAX = 5


@dataclass(frozen=True, slots=True)
class PastedRow:
    """The first of the rows that were pasted, as far as it belongs to the model.

    Attributes:
        values: as texts by field name, for a form.
        errors: the values that the form would refuse.
        unknown: the names that no field has.
        missing: the labels of the required fields that the row doesn't have.
        n_rows: how many rows were pasted.
    """

    values: Mapping[str, str]
    errors: tuple[BadCell, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    n_rows: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should know, in sentences."""
        n = len(self.values)
        notes = [f"{n:,} {'field was' if n == 1 else 'fields were'} filled in."]
        if self.n_rows > 1:
            notes.append(f"The first of {self.n_rows:,} rows was taken.")
        if self.missing:
            notes.append(f"The row has no value for {_listed(self.missing)}.")
        if self.unknown:
            notes.append(f"The model has no field for {_listed(self.unknown)}.")
        return tuple(notes)


def pasted_row(signature: Signature, text: str) -> PastedRow:
    """The values for a form in a pasted text.

    Args:
        text: a JSON object, or an array of them; or lines of cells, divided by tabs, commas or
            semicolons: a header and rows, a name and a value in each line, or all values in the
            order of the fields.

    Raises:
        MalformedBody: it is none of these, or none of its names is a field's.
    """
    text = text.strip("\ufeff\r\n")
    if not text.strip():
        raise _nothing()
    if text.lstrip()[0] in "{[":
        row, n_rows = _of_json(signature, text)
        return _matched(signature, row, n_rows, "values")
    delimiter = "\t" if "\t" in text else delimiter_of(text)
    row, n_rows = _of_lines(signature, text, delimiter)
    return _matched(signature, row, n_rows, written_with(delimiter))


def _nothing() -> MalformedBody:
    return MalformedBody("nothing was pasted", hint="copy a row, with its header, and paste it")


def _of_json(signature: Signature, text: str) -> tuple[Mapping[str, Any], int]:
    try:
        pasted = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise MalformedBody(
            f"this isn't valid JSON: {error}", hint='paste an object, as in {"age": 41}'
        ) from error
    if isinstance(pasted, dict) and pasted and all(isinstance(v, list) for v in pasted.values()):
        n_rows = max(map(len, pasted.values()))  # an object of columns
        return {name: cells[0] if cells else None for name, cells in pasted.items()}, n_rows
    rows = pasted if isinstance(pasted, list) and pasted else [pasted]
    if isinstance(rows[0], dict):
        return rows[0], len(rows)
    if len(rows) == len(signature.fields):
        return dict(zip(signature.names, rows, strict=True)), 1
    raise MalformedBody("this JSON isn't a row", hint='paste an object, as in {"age": 41}')


def _of_lines(signature: Signature, text: str, delimiter: str) -> tuple[Mapping[str, Any], int]:
    try:
        cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [line for line in cells if any(line)]
    except csv.Error as error:
        raise MalformedBody(f"these aren't lines of cells: {error}") from error
    if not lines:
        raise _nothing()
    known = _names(signature)
    n_across = _n_known(known, lines[0])
    firsts = [line[0] for line in lines]
    if all(len(line) <= 2 for line in lines) and _n_known(known, firsts) > n_across:
        return {line[0]: line[-1] if len(line) == 2 else "" for line in lines}, 1
    if n_across * 2 >= len([name for name in lines[0] if name]):
        if len(lines) == 1:
            raise MalformedBody(
                "there are names of fields, and no values", hint="copy a row below them, too"
            )
        return dict(zip(lines[0], lines[1], strict=False)), len(lines) - 1
    n_fields = len(signature.fields)
    if len(lines[0]) != n_fields:
        raise MalformedBody(
            f"the first line has {len(lines[0])} cells, which aren't the names of fields",
            hint=f"copy the header with the row, or the values of all {n_fields} fields in order",
        )
    return dict(zip(signature.names, lines[0], strict=True)), len(lines)


def _names(signature: Signature) -> dict[str, Field]:
    """The fields by their names and labels, ignoring case; what two fields share is nobody's."""
    by_name: dict[str, Field | None] = {}
    for field in signature.fields:
        for text in {folded(field.name), folded(field.label)}:
            by_name[text] = None if text in by_name else field
    exact = {folded(field.name): field for field in signature.fields}
    return exact | {text: field for text, field in by_name.items() if field is not None}


def _n_known(known: Mapping[str, Field], names: Sequence[str]) -> int:
    return sum(folded(name) in known for name in names)


def _matched(
    signature: Signature, row: Mapping[str, Any], n_rows: int, written: Written
) -> PastedRow:
    known, exact = _names(signature), {field.name: field for field in signature.fields}
    values: dict[str, str] = {}
    errors: list[BadCell] = []
    unknown: list[str] = []
    for name, value in row.items():
        field = exact.get(name) or known.get(folded(name))
        if field is None:
            unknown += [] if name in INDEXES else [printable(name)]
        elif (field.name not in values or name == field.name) and value not in (None, ""):
            text, error = _text(field, value, written)
            if not text or (error is not None and error.code == "missing"):
                continue  # files have many spellings of a missing value
            values[field.name] = text
            errors += [] if error is None else [error]
    if not values and unknown:
        raise MalformedBody(
            f"no field of the model is called {_listed(unknown)}",
            hint=f"the names are {_listed(signature.names)}",
        )
    required = [f for f in signature.fields if f.is_required and f.name not in values]
    return PastedRow(
        values, tuple(errors), tuple(unknown), tuple(f.label for f in required), n_rows
    )


def _text(field: Field, value: object, written: Written) -> tuple[str, BadCell | None]:
    cleaned, error = read_cell(field, value, written)
    if error is None:
        return text_of(field, json_value(cleaned, field)), None
    is_plain = isinstance(value, (bool, int, float, str))
    plain = label_text(cast("Label", value)) if is_plain else msgspec.json.encode(value).decode()
    return plain, error


def _listed(names: Sequence[str]) -> str:
    """A few of the names, and how many more there are."""
    shown = ", ".join(names[:NAMES_MAX])
    n_more = len(names) - NAMES_MAX
    return shown if n_more <= 0 else f"{shown} and {n_more:,} more"
