"""Annotations without Annotated, Optional and other wrappers."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from podium.errors import SignatureError

_UNIONS = (Union, types.UnionType)
# They qualify a class's field, and not its values. ReadOnly: Python 3.13.
_QUALIFIERS = (typing.Required, typing.NotRequired, typing.Final, getattr(typing, "ReadOnly", None))
_UNRESOLVABLE = (NameError, AttributeError, TypeError, SyntaxError)


@dataclass(frozen=True, slots=True)
class Hint:
    """One annotation without its wrappers.

    Attributes:
        base: what is left.
        extras: what Annotated adds, the innermost first.
        is_optional: whether None is allowed.
        is_required: false inside NotRequired.
    """

    base: Any
    extras: tuple[Any, ...] = ()
    is_optional: bool = False
    is_required: bool = True


def unwrapped(annotation: Any) -> Hint:
    """The annotation without Annotated, `| None`, NewType, `type` aliases and qualifiers."""
    base, is_optional, is_required = annotation, False, True
    extras: tuple[Any, ...] = ()
    while True:
        origin, arguments = get_origin(base), get_args(base)
        if origin is Annotated:
            base, extras = arguments[0], arguments[1:] + extras
        elif origin in _QUALIFIERS and origin is not None:
            base, is_required = arguments[0], is_required and origin is not typing.NotRequired
        elif origin in _UNIONS and type(None) in arguments:
            base = Union[tuple(one for one in arguments if one is not type(None))]  # noqa: UP007 - dynamic
            is_optional = True
        elif origin is Literal and None in arguments and len(arguments) > 1:
            base = Literal[tuple(one for one in arguments if one is not None)]
            is_optional = True
        elif isinstance(base, typing.NewType):
            base = base.__supertype__
        elif type(base).__name__ == "TypeAliasType":  # `type Age = float`, Python 3.12
            base = base.__value__
        elif type(origin).__name__ == "TypeAliasType":  # `NDArray[np.float64]` of numpy 2.5
            base = origin.__value__[arguments]
        else:
            return Hint(base, extras, is_optional, is_required)


def annotations_of(one: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function or a class, with strings resolved.

    Raises:
        SignatureError: a name in one can't be found.
    """
    try:
        return typing.get_type_hints(one, include_extras=True)
    except _UNRESOLVABLE as error:
        which = _unresolved(one) or "an annotation"
        raise SignatureError(
            f"{which} of {name_of(one)} can't be resolved: {error}",
            hint="use types that are imported, or defined at the top of the module",
        ) from error


def is_number_union(base: Any) -> bool:
    """Whether an annotation is `int | float`, which means float."""
    return get_origin(base) in _UNIONS and set(get_args(base)) == {int, float}


def name_of(one: Any) -> str:
    """The name of a function or a class."""
    return getattr(one, "__name__", None) or repr(one)


def written(annotation: Any) -> str:
    """An annotation roughly as its author wrote it."""
    if isinstance(annotation, type) and not get_args(annotation):
        is_common = annotation.__module__ in ("builtins", "__main__")
        return (
            annotation.__qualname__
            if is_common
            else f"{annotation.__module__}.{name_of(annotation)}"
        )
    return str(annotation).replace("typing.", "")


def _unresolved(one: Any) -> str:
    """The first annotation that can't be resolved by itself."""
    scope = getattr(one, "__globals__", None) or vars(sys.modules[one.__module__])
    try:
        strings = dict(one.__annotations__)
    except NameError:  # from Python 3.14 on they are evaluated only here
        return ""
    for name, annotation in strings.items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        try:
            typing.get_type_hints(alone, globalns=scope)
        except _UNRESOLVABLE:
            return "the return annotation" if name == "return" else f"the annotation of {name!r}"
    return ""
