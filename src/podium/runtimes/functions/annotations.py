"""The field that an annotation describes."""

from __future__ import annotations

import datetime as dt
import enum
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from podium.errors import SignatureError
from podium.runtimes.functions.extras import field_attributes
from podium.runtimes.functions.hints import is_number_union, name_of, unwrapped, written
from podium.runtimes.functions.rows import Default, is_row
from podium.signature import Category, Field, FieldType, Label

UNDERSTOOD = (
    "supported are float, int, bool, str, datetime.date, datetime.datetime, Literal[...] and "
    "Enums, any of them with `| None` or in Annotated[...]; a list[...] or NDArray[...] of them for "
    "each parameter of a batch; and a dataclass, TypedDict or msgspec.Struct, or a list of it, as "
    "the only parameter"
)
_TYPES: dict[Any, FieldType] = {
    float: "float",
    int: "integer",
    bool: "boolean",
    str: "text",
    dt.date: "date",
    dt.datetime: "datetime",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field, and the form in which the function receives its values.

    Attributes:
        argument: its name in the function.
        member: converts a value to an Enum member.
        default: replaces a missing value; None leaves it None.
        examples: values that were given as examples.
    """

    field: Field
    argument: str
    member: Callable[[Any], Any] | None = None
    default: Default | None = None
    examples: tuple[Any, ...] = ()


def parameter(
    argument: str,
    annotation: Any,
    where: str,
    *,
    default: Default | None = None,
    description: str = "",
) -> Parameter:
    """The field that an annotation describes.

    Args:
        argument: the parameter's name, which is also the field's, unless a podium.Field sets
            another.
        where: the parameter in words, for errors.
        description: the help text in the docstring, used if the annotation has none.

    Raises:
        SignatureError: it describes none.
    """
    hint = unwrapped(annotation)
    labels = labels_of(hint.base, where)
    type_ = "category" if labels else _type_of(hint.base, where)
    attributes = field_attributes(hint.extras, type_, where)
    examples = tuple(attributes.pop("examples", ()))
    if hint.is_optional or default is not None:
        attributes["missing"] = "accept"
    field = Field(
        **{"name": argument, "description": description} | attributes,
        type=type_,
        categories=tuple(Category(label) for label in labels),
    )
    if default is not None and default.example is not None:
        examples += (default.example,)
    return Parameter(field, argument, member_of(hint.base), default, examples)


def labels_of(base: Any, where: str) -> tuple[Label, ...]:
    """The values of a Literal or an Enum; none for other annotations.

    Raises:
        SignatureError: a value isn't a label.
    """
    if get_origin(base) is Literal:
        values = [one.value if isinstance(one, enum.Enum) else one for one in get_args(base)]
    elif isinstance(base, type) and issubclass(base, enum.Enum):
        values = [member.value for member in base]
        if not values:
            raise SignatureError(
                f"{where} is a {name_of(base)}, which has no members", hint="give the Enum members"
            )
    else:
        return ()
    for value in values:
        if type(value) not in (str, int, float, bool):
            raise SignatureError(
                f"{where} has a category of type {type(value).__name__}",
                hint="categories are texts, numbers or booleans: give the Enum such values",
            )
    return tuple(values)


def member_of(base: Any) -> Callable[[Any], Any] | None:
    """A converter from a value to an Enum member; None if the annotation has no members."""
    if isinstance(base, type) and issubclass(base, enum.Enum):
        return base
    members = [one for one in get_args(base) if isinstance(one, enum.Enum)]
    if get_origin(base) is not Literal or not members:
        return None
    # Not by value alone: 1, 1.0 and True are the same key of a dict.
    by_value = {(type(one.value), one.value): one for one in members}
    return lambda value: by_value.get((type(value), value), value)


def _type_of(base: Any, where: str) -> FieldType:
    if isinstance(base, type) and base in _TYPES:
        return _TYPES[base]
    if is_number_union(base):
        return "float"
    if base is inspect.Parameter.empty:
        raise SignatureError(f"{where} has no annotation", hint=UNDERSTOOD)
    if is_row(base):
        raise SignatureError(
            f"{where} is a {name_of(base)}: a class of rows has to be the only parameter",
            hint="take the row alone, or one value for each of its fields",
        )
    raise SignatureError(
        f"{where} is annotated with {written(base)}, which isn't supported", hint=UNDERSTOOD
    )
