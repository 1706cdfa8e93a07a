"""The elements of lists and arrays in annotations: a batch is a function of whole columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args, get_origin

import numpy as np

from podium.errors import SignatureError
from podium.runtimes.functions.hints import unwrapped

_LISTS = (list, Sequence, MutableSequence, Collection, Iterable)
# What the cells of an array are: its elements as an annotation, and the dtype that is passed.
_ELEMENTS: dict[Any, tuple[Any, str]] = {
    np.float64: (float, "float64"),
    np.float32: (float, "float32"),
    np.floating: (float, "float64"),
    np.int64: (int, "int64"),
    np.integer: (int, "int64"),
    np.bool_: (bool, "bool"),
    np.str_: (str, "str"),
    Any: (float, "float64"),
}


@dataclass(frozen=True, slots=True)
class Element:
    """The type of a batch's element for one row.

    Attributes:
        annotation: of one value; what was declared for the batch applies to its values.
        dtype: of the array; None for a list.
    """

    annotation: Any
    dtype: str | None = None


def element_of(annotation: Any, where: str) -> Element | None:
    """The element of a list or an array; None if an annotation is neither.

    Raises:
        SignatureError: it is an array of a type that no field can have.
    """
    hint = unwrapped(annotation)
    origin, arguments = get_origin(hint.base), get_args(hint.base)
    if hint.base is np.ndarray or origin is np.ndarray:
        scalar = _scalar(arguments)
        if scalar not in _ELEMENTS:
            raise SignatureError(
                f"{where} is an array of {getattr(scalar, '__name__', scalar)}",
                hint="supported are arrays of float64, float32, int64, bool and str",
            )
        element, dtype = _ELEMENTS[scalar]
        return Element(_annotated(element, hint.extras), dtype)
    if origin in _LISTS and len(arguments) == 1:
        return Element(_annotated(arguments[0], hint.extras))
    return None


def _scalar(arguments: tuple[Any, ...]) -> Any:
    """The scalar type in `ndarray[shape, dtype[scalar]]`, as NDArray[scalar] makes it."""
    inner = get_args(arguments[1]) if len(arguments) > 1 else ()
    if not inner or isinstance(inner[0], TypeVar):
        return Any
    return inner[0]


def _annotated(base: Any, extras: tuple[Any, ...]) -> Any:
    return Annotated[(base, *extras)] if extras else base
