"""Columns as a model takes them, if the data alone suggests something else.

A zip code in a CSV looks like a number, the category "NA" like a missing value, and a file has no
levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from podium.errors import SetupError
from podium.packing.data import FileTable
from podium.packing.owner import frame_of, spread
from podium.runtimes.uses import levels_of, uses_of
from podium.signature import Category, Field, Signature
from podium.signature.cells import Findings, check_columns, printable
from podium.signature.infer import UNSEEN
from podium.signature.labels import label_text
from podium.signature.reading import Written
from podium.table import OBJECT_WITH_NAN, Array, Levels, Table, is_missing

# This many rows show whether a model knows a column's categories.
SAMPLE_ROWS = 200


def recast(estimator: Any, table: Table) -> Table:
    """The table, with columns of categories converted to the categories that the estimator knows.

    Args:
        table: with the columns that the estimator takes, in its order.

    Raises:
        SetupError: a column contains something other than these categories.
    """
    are_texts = {name for name, column in table.columns.items() if column.dtype.kind == "O"}
    levels = levels_of(estimator, table.names, are_texts)
    uses = uses_of(estimator, table.names)
    known_labels = {name: use.labels for name, use in uses.items() if not use.is_text} | dict(
        levels
    )
    texts = table.texts(known_labels) if isinstance(table, FileTable) else {}
    columns, dtypes, declared = dict(table.columns), dict(table.dtypes), dict(table.levels)
    for name, labels in known_labels.items():
        field = Field(
            name=name,
            type="category",
            categories=tuple(Category(label) for label in labels),
            missing="accept",
            unknown="refuse" if name in levels else "warn",
        )
        column = columns[name]
        if name in texts and callable(getattr(estimator, "get_cat_feature_indices", None)):
            recast_table = replace(table, columns=columns)
            columns[name] = _of_catboost(estimator, recast_table, name, texts[name])
        elif name in texts:
            columns[name] = _of_texts(field, column, texts[name])
        elif name in levels or _is_number_for_text(field, column):
            columns[name] = _read(field, column, "values")
        if name in levels:
            is_ordered = name in declared and declared[name].is_ordered
            declared[name], dtypes[name] = Levels(labels, is_ordered), "category"
        elif columns[name] is not column and table.frame == "pandas":
            dtypes[name] = OBJECT_WITH_NAN if is_missing(columns[name]).any() else "object"
    return replace(table, columns=columns, dtypes=dtypes, levels=declared)


def read_again(table: Table, fields: Sequence[Field]) -> Table:
    """Rows of a file with the categories and texts of these fields as written in it."""
    again = [f for f in fields if f.name in table.columns and f.type in ("category", "text")]
    if not isinstance(table, FileTable) or not again:
        return table
    texts = table.texts([field.name for field in again])
    again = [field for field in again if field.name in texts]
    signature = Signature(fields=tuple(again))
    read = check_columns(signature, texts, table.n_rows, "file", Findings(recorded_max=0))
    return replace(table, columns={**table.columns, **read.columns})


def _of_texts(field: Field, column: Array, texts: Sequence[str]) -> Array:
    """A column of a file, read again from the texts of its cells if its type was guessed."""
    is_read = field.unknown == "refuse" or field.label_types == {str}
    return _read(field, texts, "file") if is_read else column


def _of_catboost(estimator: Any, table: Table, name: str, texts: Sequence[str]) -> Array:
    """A column of CatBoost's categories, which are texts; "NA" is one, as none is missing.

    Integers are compared as texts without leading zeros: in training a zip code may have been read
    as a number, too.
    """
    column, written = table.columns[name], np.array([text or None for text in texts], object)
    if list(map(str, column.tolist())) == list(texts):
        return column
    is_number = column.dtype.kind == "i"
    has_number_labels = is_number and _n_recognized(estimator, table, name, column) > _n_recognized(
        estimator, table, name, written
    )
    return column if has_number_labels else written


def _n_recognized(estimator: Any, table: Table, name: str, cells: Array) -> int:
    """For how many of the sampled rows the prediction differs from that for an unknown category."""
    places = spread(table.n_rows, SAMPLE_ROWS)
    frame = frame_of(table.take(places))
    try:
        predicted, unknown = (
            estimator.predict(frame.assign(**{name: some}), prediction_type="RawFormulaVal")
            for some in (cells[places], UNSEEN)
        )
    except Exception:  # noqa: BLE001 - whatever it is: another column may be one that it refuses
        return 0
    return int(np.sum(predicted != unknown))


def _is_number_for_text(field: Field, column: Array) -> bool:
    return field.label_types == {str} and column.dtype.kind in "ifbM"


def _read(field: Field, cells: Sequence[object] | Array, written: Written) -> Array:
    """The cells as categories.

    Raises:
        SetupError: none of them is one, or a number is ambiguous.
    """
    findings = Findings(recorded_max=1)
    signature = Signature(fields=(field,))
    table = check_columns(signature, {field.name: cells}, len(cells), written, findings)
    column = table.columns[field.name]
    is_lost = findings.n_bad > 0 and (field.unknown == "warn" or bool(is_missing(column).all()))
    if is_lost:
        raise _other_values(field, findings.bad[0].value or "")
    return column


def _other_values(field: Field, value: str) -> SetupError:
    labels = ", ".join(repr(printable(label_text(label))) for label in field.labels[:3])
    read_call = f"pd.read_csv(..., dtype={{{field.name!r}: str}}, keep_default_na=False)"
    hint = f"read it as text, as in training: {read_call}" if field.label_types == {str} else ""
    return SetupError(
        f"column {field.name!r} holds {value}, which is none of the categories that the model "
        f"knows: {labels}",
        hint=hint or "give X as the estimator was fitted on",
    )
