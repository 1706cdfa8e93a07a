"""Classes of rows: dataclasses, msgspec structs and typed dicts."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from podium.errors import SignatureError
from podium.runtimes.functions.hints import annotations_of, name_of, unwrapped

ABSENT = object()
_NO_VALUE = (dataclasses.MISSING, msgspec.NODEFAULT, inspect.Parameter.empty)


@dataclass(frozen=True, slots=True)
class Default:
    """What a missing value becomes.

    Attributes:
        create: returns it; `ABSENT` where the key of a typed dict is left out.
        example: it, where it is the same every time and tells something; else None.
    """

    create: Callable[[], Any]
    example: Any = None

    @classmethod
    def of(cls, value: Any, factory: Any = dataclasses.MISSING) -> Default | None:
        """The default that a library's own description holds, or None."""
        if not any(value is one for one in _NO_VALUE):
            return cls(lambda: value, value)
        return None if any(factory is one for one in _NO_VALUE) else cls(factory)


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a class of rows; `is_parameter` is False for one that the class sets by itself."""

    name: str
    annotation: Any
    default: Default | None
    is_parameter: bool = True


def is_row(base: Any) -> bool:
    """Whether an annotation is a class of rows."""
    if not isinstance(base, type):
        return False
    return (
        dataclasses.is_dataclass(base)
        or issubclass(base, msgspec.Struct)
        or typing.is_typeddict(base)
    )


def entries_of(kind: type) -> tuple[Entry, ...]:
    """The fields of a class of rows, in its order.

    Raises:
        SignatureError: there is none, or an annotation can't be resolved.
    """
    hints = annotations_of(kind)
    entries = tuple(_entries(kind, hints))
    if not entries:
        raise SignatureError(f"{name_of(kind)} has no fields", hint="name each one, with its type")
    return entries


def constructor_fields(kind: type) -> tuple[Entry, ...]:
    """The fields that the constructor accepts.

    Raises:
        SignatureError: the constructor requires another argument.
    """
    entries = tuple(one for one in entries_of(kind) if one.is_parameter)
    if typing.is_typeddict(kind):
        return entries
    parameters = inspect.signature(kind).parameters.values()
    variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    names = {one.name for one in entries}
    for one in parameters:
        if one.name not in names and one.default is one.empty and one.kind not in variadic:
            raise SignatureError(
                f"{name_of(kind)} can't be created from its fields alone: it requires {one.name!r}",
                hint="use a class whose constructor takes its fields and nothing else",
            )
    return entries


def _entries(kind: Any, hints: dict[str, Any]) -> Iterator[Entry]:
    if dataclasses.is_dataclass(kind):
        for one in dataclasses.fields(kind):
            default = Default.of(one.default, one.default_factory)
            yield Entry(one.name, hints[one.name], default, one.init)
    elif issubclass(kind, msgspec.Struct):
        for entry in msgspec.structs.fields(kind):
            default = Default.of(entry.default, entry.default_factory)
            yield Entry(entry.name, hints[entry.name], default)
    else:
        for name, annotation in hints.items():
            # If annotations are strings, Python 3.11 takes every key for required.
            is_optional = name in kind.__optional_keys__ or not unwrapped(annotation).is_required
            yield Entry(name, annotation, Default(lambda: ABSENT) if is_optional else None)
