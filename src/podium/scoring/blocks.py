"""A text in blocks of whole lines, and what must be known of a block before Arrow may read it."""

from __future__ import annotations

import codecs
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podium.errors import MalformedBody
from podium.scoring.rows import Buffered

# The longest line: a file without line ends would be read into memory at once.
LINE_BYTES_MAX = 64_000_000
_READ_BYTES = 2**16
_NEWLINE, _QUOTE = 10, 34
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # of Excel's "Unicode text"


class Blocks:
    """The bytes of a file, cut at line ends.

    Attributes:
        n_lines: how many lines were cut off so far.
    """

    def __init__(self, file: Buffered, name: str) -> None:
        self._file = file
        self._name = name
        self._rest = b""
        self._is_ended = False
        self.n_lines = 0

    def read(self, n_bytes: int) -> bytes:
        """About so many bytes, to the end of a line; none at the end of the file.

        Raises:
            MalformedBody: a line is too long.
        """
        wanted = n_bytes = min(n_bytes, LINE_BYTES_MAX - 1)
        while True:
            self._fill(wanted)
            is_last = self._is_ended and len(self._rest) <= n_bytes
            end = len(self._rest) if is_last else self._end(n_bytes)
            if (end or len(self._rest)) >= LINE_BYTES_MAX:
                raise MalformedBody(
                    f"line {self.n_lines + 1} of {self._name} is longer than {LINE_BYTES_MAX:,} bytes",
                    hint="does it have line ends?",
                )
            if end or self._is_ended:
                block, self._rest = self._rest[: end or None], self._rest[end:] if end else b""
                self.n_lines += n_lines_of(block)
                return block
            # Twice as much each time: so a long line isn't searched again and again.
            wanted = max(2 * len(self._rest), wanted)

    def put_back(self, rest: bytes) -> None:
        """Read these bytes again, which are whole lines, before the others."""
        self._rest = rest + self._rest
        self.n_lines -= n_lines_of(rest)

    def _fill(self, n_bytes: int) -> None:
        """Read until there are so many bytes, or no more; what a pipe has already comes first."""
        parts, size = [self._rest], len(self._rest)
        while size < n_bytes and not self._is_ended:
            more = self._file.read1(max(n_bytes - size, _READ_BYTES))
            self._is_ended = not more
            parts.append(more)
            size += len(more)
        self._rest = b"".join(parts)

    def _end(self, n_bytes: int) -> int:
        """Where the last line ends that ends within so many bytes, else the next one; 0 if none."""
        rest = self._rest
        end = rest.rfind(b"\n", 0, n_bytes) + 1 or rest.find(b"\n", n_bytes) + 1
        # Without the last byte, which may be the first half of a line end.
        last = len(rest) - 1
        return (
            end
            or rest.rfind(b"\r", 0, min(n_bytes, last)) + 1
            or rest.find(b"\r", n_bytes, max(last, 0)) + 1
        )


def n_lines_of(block: bytes) -> int:
    """How many lines a block has; a line may also end with a carriage return alone."""
    n_ends = block.count(b"\n")
    if b"\r" in block:
        n_ends += block.count(b"\r") - block.count(b"\r\n")
    return n_ends + (not block.endswith((b"\n", b"\r")) if block else 0)


def text_of(block: bytes, name: str, n_lines: int) -> io.StringIO:
    """The text of a block, whose line ends stay as they are.

    Args:
        n_lines: before it, for the error.

    Raises:
        MalformedBody: it isn't UTF-8.
    """
    try:
        return io.StringIO(block.decode(), newline="")
    except UnicodeDecodeError as error:
        n_before = n_lines + block.count(b"\n", 0, error.start)
        where = f", somewhere after line {n_before}" if n_before else ""
        encoding = "UTF-16" if block.startswith(_UTF16_MARKS) and not n_lines else "WINDOWS-1252"
        raise MalformedBody(
            f"{name} isn't UTF-8{where}",
            hint=f"save it as UTF-8, or convert it: iconv -f {encoding} -t UTF-8 old.csv > new.csv",
        ) from error


def plainly_quoted(block: bytes, delimiter: str) -> bytes | None:
    """The block with quotes around those cells alone that need them; None if quotes are odd.

    A quote is plain if it begins or ends a whole cell without line ends or more quotes. By induction
    each odd quote then opens a cell, and the next one closes it: see `_pairs`.
    """
    if b'"' not in block:
        return block
    if b"\r" in block.replace(b"\r\n", b"\n"):
        return None
    content = np.frombuffer(block, np.uint8)
    separates = (content == _NEWLINE) | (content == ord(delimiter))
    pairs = _pairs(content, separates)
    if pairs is None:
        return None
    opened, closed = pairs
    n_before: NDArray[Any] = np.cumsum(content == ord(delimiter))
    is_needless = n_before[opened] == n_before[closed]
    if not is_needless.any():
        return block
    stays = np.ones(len(content), np.bool_)
    stays[opened[is_needless]] = stays[closed[is_needless]] = False
    return content[stays].tobytes()


def _pairs(
    content: NDArray[np.uint8], separates: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Where quotes open and close; None unless all of them are plain."""
    quotes = np.flatnonzero(content == _QUOTE)
    if len(quotes) % 2:
        return None
    opened, closed = quotes[::2], quotes[1::2]
    begins = separates[opened - 1] | (opened == 0)
    after = np.minimum(closed + 1, len(content) - 1)
    returns = (content[after] == ord("\r")) & (
        content[np.minimum(after + 1, len(content) - 1)] == 10
    )
    ends = separates[after] | returns | (closed == len(content) - 1)
    n_lines: NDArray[Any] = np.cumsum(content == _NEWLINE)
    is_plain = begins.all() and ends.all() and (n_lines[opened] == n_lines[closed]).all()
    return (opened, closed) if is_plain else None
