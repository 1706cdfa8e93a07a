"""A column of many strings in a tenth of the memory of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import msgspec

_DECODER = msgspec.msgpack.Decoder(list[str])


class PackedCells(Sequence[str]):
    """Strings that are added and read in chunks; all but the last chunk are packed."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._last: list[str] = []
        self._n_packed = 0

    def add(self, chunk: list[str]) -> None:
        """Add some strings."""
        if self._last:
            self._packed.append(msgspec.msgpack.encode(self._last))
            self._n_packed += len(self._last)
        self._last = chunk

    def __len__(self) -> int:
        return self._n_packed + len(self._last)

    def __iter__(self) -> Iterator[str]:
        for chunk in self._packed:
            yield from _DECODER.decode(chunk)
        yield from self._last

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        return list(self)[at]
