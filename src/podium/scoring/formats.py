"""The format of a file, and its reader and writer."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Literal, TypeAlias

from podium.errors import MalformedBody, SetupError
from podium.scoring.delimited import DelimitedReader, DelimitedWriter
from podium.scoring.excel import ExcelReader, ExcelWriter
from podium.scoring.ipc import ArrowReader, ArrowWriter
from podium.scoring.lines import LinesReader, LinesWriter
from podium.scoring.parquet import ParquetReader, ParquetWriter
from podium.scoring.plain import Dialect
from podium.scoring.remote import open_url, url_of
from podium.scoring.rows import (
    Buffered,
    Chunk,
    Encoded,
    Pace,
    Predicted,
    Reader,
    Unit,
    Writer,
    unit_of,
)

Format: TypeAlias = Literal["csv", "tsv", "ndjson", "parquet", "arrow", "excel"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xlsx": "excel",
}
_BUFFER = 2**18
SUPPORTED = (
    ".csv, .tsv, .ndjson, .parquet, .arrow, .feather or .xlsx (the first three also with .gz)"
)
# Arrow files aren't read from strangers: what is wrong in one can be more than an error.
UPLOADED = ".csv, .tsv, .ndjson, .parquet or .xlsx (the first three also with .gz)"
_TEXTS: tuple[Format, ...] = ("csv", "tsv", "ndjson")


@dataclass
class Source:
    """A file that is being read.

    Attributes:
        name: of the file, for errors.
        format: of the file.
        reader: of its rows.
        size: in bytes; None if unknown.
    """

    name: str
    format: Format
    reader: Reader
    size: int | None
    _raw: io.RawIOBase

    @property
    def text_format(self) -> Format:
        """The format for a pipe: that of this file, if it is a text format."""
        return self.format if self.format in _TEXTS else "csv"

    def chunks(self) -> Iterator[Chunk]:
        """The file's rows.

        Raises:
            SetupError: reading fails.
            MalformedBody: its content doesn't match its name.
        """
        chunks = self.reader.chunks()
        while True:
            with _reading(self.name):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def units(self, pace: Pace) -> Iterator[tuple[Unit, int]]:
        """The same in units for threads, each with the number of bytes read up to its end.

        Raises:
            PodiumError: as `chunks`.
        """
        if isinstance(self.reader, DelimitedReader):
            units = self.reader.units(pace)
            while True:
                with _reading(self.name):
                    unit = next(units, None)
                if unit is None:
                    return
                yield unit, self.n_bytes()
        yield from _pieces(self.chunks(), pace, self.n_bytes)

    def n_bytes(self) -> int:
        """The number of bytes read so far."""
        return self._raw.tell() if self.size is not None else 0


def _pieces(
    chunks: Iterator[Chunk], pace: Pace, n_bytes: Callable[[], int]
) -> Iterator[tuple[Unit, int]]:
    """Chunks in pieces, each with the number of bytes that its rows and those before it took."""
    before = 0
    for chunk in chunks:
        at, after = 0, n_bytes()
        while at < chunk.n_rows or not at:
            piece = chunk.rows(slice(at, at + pace.n_rows))
            at += max(piece.n_rows, 1)
            yield unit_of(piece), before + (after - before) * at // max(chunk.n_rows, 1)
        before = after


def format_of(path: PurePath) -> tuple[Format, bool]:
    """The format according to the file's name, and whether it is compressed.

    Raises:
        SetupError: the format is unknown.
    """
    is_gzip = path.suffix.lower() == ".gz"
    suffix = (path.with_suffix("") if is_gzip else path).suffix.lower()
    format_ = FORMATS.get(suffix)
    if format_ is None or (is_gzip and format_ not in _TEXTS):
        is_folder = isinstance(path, Path) and path.is_dir()
        problem = "a folder" if is_folder else "not of a supported format"
        raise SetupError(f"{path} is {problem}", hint=f"use a file {SUPPORTED}")
    return format_, is_gzip


@contextmanager
def open_source(name: str, *, called: str = "") -> Iterator[Source]:
    """A file that is read by its name or URL; `-` is standard input.

    Args:
        called: what it is called in errors, if it has another name for people.

    Raises:
        SetupError: it can't be read.
        MalformedBody: its content doesn't match its name.
    """
    with ExitStack() as stack:
        with _reading(name):
            source = _opened(name, called, stack)
        yield source


def writer_of(file: BinaryIO, format_: Format, source: Source, *, is_gzip: bool = False) -> Writer:
    """A writer for rows of this source in a format."""
    if is_gzip:
        # Its header contains neither name nor time: the same rows make the same file.
        packed = gzip.GzipFile("", "wb", fileobj=file, mtime=0)
        return _GzipWriter(writer_of(packed, format_, source), packed)  # type: ignore[arg-type]  # written like any
    if format_ == "parquet":
        return ParquetWriter(file, getattr(source.reader, "schema", None))
    if format_ == "arrow":
        return ArrowWriter(file, getattr(source.reader, "schema", None))
    if format_ == "excel":
        return ExcelWriter(file)
    if format_ == "ndjson":
        return LinesWriter(file)
    dialect = Dialect("\t" if format_ == "tsv" else ",")
    if isinstance(source.reader, DelimitedReader) and source.format == format_:
        dialect = source.reader.dialect
    return DelimitedWriter(file, dialect)


class _GzipWriter:
    """Compresses the output of another writer."""

    def __init__(self, inner: Writer, packed: gzip.GzipFile) -> None:
        self._inner = inner
        self._packed = packed

    def encode(self, chunk: Chunk, predicted: Sequence[Predicted]) -> Encoded:
        """What the other writer makes of a chunk."""
        return self._inner.encode(chunk, predicted)

    def write(self, encoded: Encoded) -> None:
        """Write the rows."""
        self._inner.write(encoded)

    def close(self) -> None:
        """Write the rest; the underlying file stays open."""
        self._inner.close()
        self._packed.close()


def _opened(name: str, called: str, stack: ExitStack) -> Source:
    url = url_of(name)
    if name == "-":
        return _standard_input(stack)
    if url is not None:
        format_of(url.path)  # before anything is opened
        file = stack.enter_context(open_url(url))
        return _source(file, url.path, url.path.name, file.size)
    path = Path(name)
    raw = stack.enter_context(path.open("rb", buffering=0))
    return _source(raw, path, called or path.name, os.fstat(raw.fileno()).st_size or None)


def _source(raw: io.RawIOBase, path: PurePath, name: str, size: int | None) -> Source:
    format_, is_gzip = format_of(path)
    stream: Any = io.BufferedReader(raw, _BUFFER)
    if is_gzip:
        stream = gzip.GzipFile(fileobj=stream)
    file: Buffered = io.BufferedReader(stream, _BUFFER)
    return Source(name, format_, _reader(file, name, format_), size, raw)


def _standard_input(stack: ExitStack) -> Source:
    name = "standard input"
    raw = stack.enter_context(os.fdopen(os.dup(0), "rb", buffering=0))
    if raw.isatty():
        print("reading CSV from the keyboard, the names first; Ctrl-D ends it", file=sys.stderr)
    file = io.BufferedReader(raw, _BUFFER)
    begin = file.peek(4)[:4]
    kind = {b"PAR1": "Parquet", b"PK\x03\x04": "Excel", b"ARRO": "Arrow"}.get(begin)
    if kind is not None:
        raise SetupError(
            f"{kind} can't be read from a pipe: its index is at its end",
            hint="give the file name instead of -",
        )
    format_: Format = "ndjson" if begin.lstrip(b"\xef\xbb\xbf \n").startswith(b"{") else "csv"
    return Source(name, format_, _reader(file, name, format_), None, raw)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Add the file's name to errors in this block."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise MalformedBody(
            f"{name} can't be decompressed: {error}", hint="is it complete? Try: gzip -t"
        ) from error
    except OSError as error:
        hint = "give its files one by one" if Path(name).is_dir() else "is its name right?"
        name = str(url_of(name) or name)
        raise SetupError(f"{name} can't be read: {error.strerror or error}", hint=hint) from error


def _reader(file: Buffered, name: str, format_: Format) -> Reader:
    if format_ == "parquet":
        return ParquetReader(file, name)
    if format_ == "arrow":
        return ArrowReader(file, name)
    if format_ == "excel":
        return ExcelReader(file, name)
    if format_ == "ndjson":
        return LinesReader(file)
    return DelimitedReader(file, name, "\t" if format_ == "tsv" else None)
