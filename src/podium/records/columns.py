"""The columns of a record in a table, derived from its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec.structs import fields

from podium.records.record import Feedback, Record


class RecordColumn(NamedTuple):
    """One column.

    Attributes:
        type: of the values in the table: str, int, float, or bytes for JSON.
        default: msgspec.NODEFAULT where the record must have a value.
    """

    name: str
    type: type
    is_nullable: bool
    default: Any


def _columns(
    kind: type[msgspec.Struct], *, prefix: str = "", is_optional: bool = False
) -> Iterator[RecordColumn]:
    """The columns of a struct; a nested struct is flattened."""
    for field in fields(kind):
        hints = get_args(field.type) or (field.type,)
        is_literal = get_origin(field.type) is Literal
        python_type: type = (
            str if is_literal else next(hint for hint in hints if hint is not NoneType)
        )
        is_nullable = is_optional or NoneType in hints
        if issubclass(python_type, msgspec.Struct):
            yield from _columns(python_type, prefix=f"{field.name}_", is_optional=is_nullable)
        else:
            yield RecordColumn(f"{prefix}{field.name}", python_type, is_nullable, field.default)


COLUMNS = tuple(_columns(Record))
NAMES = tuple(column.name for column in COLUMNS)
FEEDBACK_NAMES = tuple(f"feedback_{name}" for name in Feedback.__struct_fields__)


def names_of(kind: type) -> tuple[str, ...]:
    """The names of the record's own columns of a type, without those of its feedback."""
    plain = [column for column in COLUMNS if column.name not in FEEDBACK_NAMES]
    return tuple(column.name for column in plain if column.type is kind)
