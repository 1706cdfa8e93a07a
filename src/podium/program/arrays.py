"""Arrays in one file: raw, little-endian, each at a multiple of 64 bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import BundleError

ALIGNMENT = 64

# The only supported types: enough for every model, and none of them can contain an object.
ArrayType: TypeAlias = Literal["<f8", "<f4", "<i8", "<i4", "<u4", "|u1"]
Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]
Longs: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]

# What a field of an operation may hold. `Floats` may be of single precision, too.
_ACCEPTED: dict[Any, tuple[ArrayType, ...]] = {
    np.float64: ("<f8", "<f4"),
    np.int32: ("<i4",),
    np.int64: ("<i8",),
    np.uint32: ("<u4",),
    np.uint8: ("|u1",),
}
# An array without numbers takes no space in a file, and could claim any number of rows.
_EMPTY_MAX = 4_000_000
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class ArrayPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The position of an array in the file, its type and its shape."""

    type: ArrayType
    shape: Annotated[tuple[_Count, ...], msgspec.Meta(max_length=3)]
    at: _Count


class ArrayWriter:
    """Collects arrays and numbers them."""

    def __init__(self) -> None:
        self.places: list[ArrayPlace] = []
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: NDArray[Any]) -> int:
        """Add an array; returns its number."""
        dtype = array.dtype.newbyteorder("<")
        content = np.ascontiguousarray(array, dtype).tobytes()
        self.places.append(ArrayPlace(dtype.str, array.shape, self._size))  # type: ignore[arg-type]
        padding = -len(content) % ALIGNMENT
        self._parts += [content, bytes(padding)]
        self._size += len(content) + padding
        return len(self.places) - 1

    def content(self) -> bytes:
        """The file."""
        return b"".join(self._parts)


class ArrayReader:
    """The arrays of a file, without copying them.

    Raises:
        BundleError: an array lies outside of the file.
    """

    def __init__(self, content: bytes, places: Sequence[ArrayPlace]) -> None:
        self._arrays = [_array(content, number, place) for number, place in enumerate(places)]
        self._returned: set[int] = set()
        if sum(array.nbytes for array in self._arrays) > len(content):
            raise BundleError("arrays of the program overlap")

    def get(self, number: object, kind: Any) -> NDArray[Any]:
        """The array with this number, if it has the requested type.

        Raises:
            BundleError: there is none, or it has another type.
        """
        if type(number) is not int or not 0 <= number < len(self._arrays):
            raise BundleError(f"the plan uses array {number!r}, which doesn't exist")
        # Operations copy their arrays: as many as there are, and no more.
        if number in self._returned:
            raise BundleError(f"the plan uses array {number} twice")
        self._returned.add(number)
        array = self._arrays[number]
        types = _ACCEPTED.get(_scalar(kind), ())
        if array.dtype.newbyteorder("<").str not in types:
            raise BundleError(f"array {number} holds {array.dtype}, not {' or '.join(types)}")
        return array


def _scalar(kind: Any) -> Any:
    """The type of the numbers in an array's annotation.

    Annotations of the same array don't always compare equal: from Python 3.13 on, one has a type
    variable for its shape, the other that variable's default.
    """
    _, dtype = get_args(kind)
    return get_args(dtype)[0]


def _array(content: bytes, number: int, place: ArrayPlace) -> NDArray[Any]:
    dtype = np.dtype(place.type)
    count = math.prod(place.shape)
    if place.at % ALIGNMENT or place.at + count * dtype.itemsize > len(content):
        raise BundleError(f"array {number} isn't inside its file")
    if not count and max(place.shape) > _EMPTY_MAX:
        raise BundleError(f"array {number} has {max(place.shape)} empty rows or columns")
    array = np.frombuffer(content, dtype, count, place.at).reshape(place.shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
