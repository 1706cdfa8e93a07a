"""What annotations tell of a function's fields and outputs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import numpy as np

from podium.errors import SignatureError
from podium.signature import Category, Field, FieldType, Output, Range

_KNOWN = (
    "float, int, bool, str, datetime.date, datetime.datetime, Literal[...], an Enum, "
    "any of these `| None`, and Annotated[..., podium.Range(...), 'a text of help']"
)
_TYPES: dict[Any, FieldType] = {
    float: "float",
    int: "integer",
    bool: "boolean",
    str: "text",
    dt.date: "date",
    dt.datetime: "datetime",
}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One field, and how the function wants its values.

    Attributes:
        make: turns a plain value into what the function takes, an Enum's member for one.
        default: for a missing value; `inspect.Parameter.empty` where there is none.
    """

    field: Field
    make: Callable[[Any], Any] | None = None
    default: Any = inspect.Parameter.empty


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, resolved.

    Raises:
        SignatureError: one names something that can't be found.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise SignatureError(
            f"the annotations of {function.__qualname__} can't be resolved: {error}",
            hint="name types that can be imported where the function is defined",
        ) from error


def parameter(name: str, hint: Any, default: Any = inspect.Parameter.empty) -> Parameter:
    """The field that an annotation tells.

    Raises:
        SignatureError: it isn't one that is understood.
    """
    base, extras = _unpacked(hint)
    optional, base = _optional(base)
    if extras == [] and get_origin(base) is typing.Annotated:
        base, extras = _unpacked(base)
    values = _typed(name, base)
    for extra in extras:
        values |= _said_by(extra)
    if optional or default is not inspect.Parameter.empty:
        values["missing"] = "accept"
    make = _member_of(base) if isinstance(base, type) and issubclass(base, enum.Enum) else None
    return Parameter(Field(name=name, **values), make, default)


def row_parameters(kind: type) -> list[Parameter]:
    """The fields of a dataclass, a msgspec struct or a TypedDict."""
    hints = hints_of(kind)
    defaults: dict[str, Any] = {}
    if dataclasses.is_dataclass(kind):
        for one in dataclasses.fields(kind):
            if one.default is not dataclasses.MISSING:
                defaults[one.name] = one.default
    elif issubclass(kind, msgspec.Struct):
        for entry in msgspec.structs.fields(kind):
            if entry.default is not msgspec.NODEFAULT:
                defaults[entry.name] = entry.default
    empty = inspect.Parameter.empty
    return [parameter(name, hint, defaults.get(name, empty)) for name, hint in hints.items()]


def is_row(hint: Any) -> bool:
    """Whether an annotation is a class of rows."""
    if not isinstance(hint, type):
        return False
    is_struct = issubclass(hint, msgspec.Struct)
    return dataclasses.is_dataclass(hint) or is_struct or typing.is_typeddict(hint)


def element_of(hint: Any) -> Any | None:
    """What a list, sequence or array holds; None where an annotation is none of these."""
    base, extras = _unpacked(hint)
    origin, arguments = get_origin(base), get_args(base)
    if origin is np.ndarray:
        kind = get_args(arguments[1])[0] if len(arguments) > 1 and get_args(arguments[1]) else None
        numbers = {np.float64: float, np.int64: int, np.bool_: bool}
        return _annotated(float if kind is None else numbers.get(kind, float), extras)
    if isinstance(origin, type) and issubclass(origin, Sequence) and arguments:
        return _annotated(arguments[0], extras)
    return None


def is_array(hint: Any) -> bool:
    """Whether an annotation is a numpy array."""
    return get_origin(_unpacked(hint)[0]) is np.ndarray


def outputs_of(name: str, hint: Any) -> tuple[Output, ...]:
    """The outputs that a return annotation tells."""
    base, extras = _unpacked(hint)
    if is_row(base):
        outputs = [outputs_of(key, inner)[0] for key, inner in hints_of(base).items()]
        return tuple(outputs)
    said = {k: v for extra in extras for k, v in _said_by(extra).items() if k != "bounds"}
    origin, arguments = get_origin(base), get_args(base)
    if base in (float, int):
        return (Output(name=name, task="regression", **said),)
    if origin is dict and len(arguments) == 2 and get_origin(arguments[0]) is Literal:
        classes = get_args(arguments[0])
        said |= {"classes": classes, "has_probabilities": True}
        return (Output(name=name, task="classification", **said),)
    classes = _classes(base)
    if classes:
        return (Output(name=name, task="classification", classes=classes, **said),)
    return (Output(name=name, task="value", **said),)


def _classes(base: Any) -> tuple[Any, ...]:
    if base is bool:
        return (False, True)
    if get_origin(base) is Literal:
        return get_args(base)
    if isinstance(base, type) and issubclass(base, enum.Enum):
        return tuple(member.value for member in base)
    return ()


def _typed(name: str, base: Any) -> dict[str, Any]:
    if base in _TYPES:
        return {"type": _TYPES[base]}
    classes = _classes(base)
    if classes and all(isinstance(one, (str, int, float, bool)) for one in classes):
        return {"type": "category", "categories": tuple(Category(one) for one in classes)}
    what = "no annotation" if base is inspect.Parameter.empty else f"the annotation {base!r}"
    raise SignatureError(f"parameter {name!r} has {what}, which tells no field", hint=_KNOWN)


def _said_by(extra: Any) -> dict[str, Any]:
    if isinstance(extra, Range):
        return {"bounds": extra}
    if isinstance(extra, str):
        return {"description": extra}
    if isinstance(extra, Field):
        return {n: v for n, v in msgspec.structs.asdict(extra).items() if n in _SAID and v}
    if isinstance(extra, msgspec.Meta):
        return _said_by_meta(extra)
    return {}


_SAID = ("title", "description", "unit", "step", "bounds", "seen", "max_length")


def _said_by_meta(meta: msgspec.Meta) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if meta.ge is not None or meta.le is not None:
        said["bounds"] = Range(meta.ge, meta.le)
    if meta.max_length is not None:
        said["max_length"] = meta.max_length
    if meta.title is not None:
        said["title"] = meta.title
    if meta.description is not None:
        said["description"] = meta.description
    return said


def _unpacked(hint: Any) -> tuple[Any, list[Any]]:
    if get_origin(hint) is typing.Annotated:
        base, *extras = get_args(hint)
        return base, extras
    return hint, []


def _annotated(base: Any, extras: list[Any]) -> Any:
    return typing.Annotated[(base, *extras)] if extras else base


def _optional(base: Any) -> tuple[bool, Any]:
    if get_origin(base) not in (Union, types.UnionType):
        return False, base
    some = [one for one in get_args(base) if one is not type(None)]
    if len(some) != 1:
        return False, base
    return True, some[0]


def _member_of(kind: type[enum.Enum]) -> Callable[[Any], Any]:
    return kind
