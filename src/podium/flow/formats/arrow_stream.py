"""What an Arrow stream would expand to, computed from its metadata without expanding anything.

A few bytes can stand for gigabytes: columns without buffers, compressed zeros, runs, lists of
lists, a thousand columns, or strings that share one buffer. So every message is inspected first,
and pyarrow receives only messages that passed.

Source: https://arrow.apache.org/docs/format/Columnar.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from podium.errors import BadCell, InvalidRows, MalformedBody, TooLarge
from podium.flow.formats.flatbuffer import FlatTable
from podium.signature.cells import printable

# The memory that a stream may take, in bytes and as a multiple of its own length.
DECODED_MAX_BYTES = 2**26
DECODED_MAX_TIMES = 4
# The least that each part of the metadata costs, whatever it claims.
_PART_BYTES = 1_024
_POINTER_BYTES = 8
# Up to this many columns more than the model has fields are reported as unknown; a stream with
# even more isn't read.
_MORE_COLUMNS = 1_000
_CONTINUED = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _ROWS = 1, 2, 3
_NULL, _TIMESTAMP = 1, 10
# By number in Schema.fbs: integers, floats, strings, booleans, decimals, dates, ...
_READ = {_NULL, 2, 3, 5, 6, 7, 8, _TIMESTAMP, 20, 24}
# ... and types that nest, repeat, or that no field accepts.
_OTHERS = {
    4: "binary",
    9: "time",
    11: "interval",
    12: "list",
    13: "struct",
    14: "union",
    15: "fixed-size binary",
    16: "fixed-size list",
    17: "map",
    18: "duration",
    19: "large binary",
    21: "large list",
    22: "run-end encoded",
    23: "binary view",
    25: "list view",
    26: "large list view",
}
_ACCEPTED = "numbers, booleans, texts, dates, timestamps, decimals, or dictionaries of them"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that was inspected.

    Attributes:
        names: of the columns.
        body: its messages and nothing else.
    """

    names: tuple[str, ...]
    n_rows: int
    body: bytes


class Budget:
    """The memory that a stream may still take."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def spend(self, n_bytes: int) -> None:
        """Deduct an amount.

        Raises:
            TooLarge: there isn't enough left.
            MalformedBody: the amount is invalid.
        """
        if n_bytes < 0:
            raise _not_whole()
        self._left -= n_bytes
        if self._left < 0:
            raise TooLarge(
                f"the stream would take more than {self._most} bytes of memory",
                hint="send fewer columns, fewer rows or shorter texts at once",
            )


def budget_of(body: bytes) -> Budget:
    """The memory that the stream in a body may take."""
    return Budget(max(DECODED_MAX_BYTES, DECODED_MAX_TIMES * len(body)))


def look(body: bytes, n_fields: int, check_rows: Callable[[int], None], budget: Budget) -> Stream:
    """Inspect a stream.

    Args:
        n_fields: the number of the model's fields.
        check_rows: raises for too many rows.

    Raises:
        MalformedBody: it isn't an Arrow stream, or two columns have the same name.
        InvalidRows: a column has a type that isn't supported.
        TooLarge: it has more rows or columns, or would take more memory, than is allowed.
    """
    try:
        return _Look(budget, check_rows).stream(body, n_fields + _MORE_COLUMNS)
    except ValueError as error:  # includes invalid UTF-8
        raise _not_whole() from error


def _not_whole() -> MalformedBody:
    return MalformedBody("the body isn't a complete Arrow stream")


class _Look:
    def __init__(self, budget: Budget, check_rows: Callable[[int], None]) -> None:
        self._budget = budget
        self._check_rows = check_rows
        self._n_rows = 0

    def stream(self, body: bytes, columns_max: int) -> Stream:
        names: tuple[str, ...] | None = None
        parts: list[bytes] = []
        for metadata, rest in _messages(body):
            self._budget.spend(_PART_BYTES)
            message = FlatTable.root(metadata)
            kind, header = message.number(1, "B"), message.table(2)
            length = message.number(3, "q")
            if header is None or not 0 <= length <= len(rest):
                raise ValueError("a message without a header, or without its end")
            self._pay_pairs(message, 4)
            if names is None:
                if kind != _SCHEMA:
                    raise ValueError("the first message isn't a schema")
                names = self._schema(header, columns_max)
            elif kind == _ROWS:
                self._n_rows += self._batch(header, rest[:length])
                self._check_rows(self._n_rows)
            elif kind == _DICTIONARY:
                self._dictionary(header, rest[:length])
            else:
                raise ValueError("a message that doesn't belong to a table")
            size = len(metadata).to_bytes(4, "little")
            parts += [b"\xff\xff\xff\xff", size, metadata, bytes(rest[:length])]
        if names is None:
            raise ValueError("there is no schema")
        return Stream(names, self._n_rows, b"".join(parts))

    def _schema(self, schema: FlatTable, columns_max: int) -> tuple[str, ...]:
        self._pay_pairs(schema, 2)
        names: dict[str, None] = {}
        odd: list[BadCell] = []
        for n, field in enumerate(schema.tables(1)):
            if n >= columns_max:
                raise TooLarge(
                    f"more than {columns_max} columns were sent",
                    hint="send the fields of the model only",
                )
            raw = field.text(0)
            self._budget.spend(_PART_BYTES + len(raw))
            name = raw.decode()
            if name in names:
                raise MalformedBody("two columns have the same name", hint="rename one of them")
            names[name] = None
            problem = self._problem(field)
            if problem:
                odd.append(
                    BadCell(
                        field=printable(name),
                        problem=problem,
                        accepted=_ACCEPTED,
                        code="wrong_type",
                    )
                )
        if odd:
            raise InvalidRows(odd[:100], n_cells=len(odd))
        return tuple(names)

    def _problem(self, field: FlatTable) -> str:
        """Why a column isn't supported; "" if it is."""
        number, type_ = field.number(2, "B"), field.table(3)
        keys = self._pay_pairs(field, 6)
        if any(key.startswith(b"ARROW:extension") for key in keys):
            return "is of an extension type"
        if type_ is not None and number == _TIMESTAMP:
            self._budget.spend(len(type_.text(1)))
        if number not in _READ or next(field.tables(5), None) is not None:
            return f"is of the Arrow type {_OTHERS.get(number, number)!r}"
        return ""

    def _dictionary(self, header: FlatTable, body: memoryview) -> None:
        data = header.table(1)
        if data is None:
            raise ValueError("a dictionary without values")
        if header.number(2, "B"):
            raise MalformedBody(
                "a dictionary is sent in several parts", hint="write each dictionary in one part"
            )
        # Its values may become Python objects, which are larger than they are here.
        self._budget.spend(_POINTER_BYTES * self._batch(data, body))

    def _batch(self, batch: FlatTable, body: memoryview) -> int:
        """The length of a batch, which all of its columns must have."""
        n_rows = batch.number(0, "q")
        if n_rows < 0 or any(length != n_rows for length, _ in batch.pairs(1)):
            raise ValueError("columns of different lengths")
        is_compressed = batch.table(3) is not None
        for at, length in batch.pairs(2):
            if at < 0 or length < 0 or at + length > len(body):
                raise ValueError("a buffer outside its message")
            self._budget.spend(length)
            if is_compressed and length:
                size = int.from_bytes(body[at : at + 8], "little", signed=True)
                if size != -1:  # it was left uncompressed
                    self._budget.spend(size)
        return n_rows

    def _pay_pairs(self, table: FlatTable, slot: int) -> list[bytes]:
        """Pay for the keys of a list of names and values, each of which would be copied."""
        keys = []
        for pair in table.tables(slot):
            key, value = pair.text(0), pair.text(1)
            self._budget.spend(_PART_BYTES + len(key) + len(value))
            keys.append(key)
        return keys


def _messages(body: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Each message's metadata, and the rest of the body after it."""
    rest = memoryview(body)
    while len(rest) >= 4:
        size = int.from_bytes(rest[:4], "little")
        rest = rest[4:]
        if size == _CONTINUED:
            size = int.from_bytes(rest[:4], "little")
            rest = rest[4:]
        if not size:
            return
        if size > len(rest):
            raise ValueError("a message without its end")
        metadata, rest = bytes(rest[:size]), rest[size:]
        yield metadata, rest
        rest = rest[FlatTable.root(metadata).number(3, "q") :]
