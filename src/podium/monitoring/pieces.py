"""What waits to be counted, in pieces: some rows that one version answered within one hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import InvalidRows
from podium.flow.formats.json_rows import JSON
from podium.flow.job import BatchOutputs
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.monitoring.counts import Counts
from podium.monitoring.counts_file import Role
from podium.monitoring.layout import Layout
from podium.outputs import Outputs
from podium.records.record import Record
from podium.signature import Signature
from podium.signature.labels import label_text
from podium.table import Table, column_of

# About a millisecond, in which the event loop may have to wait.
PIECE_ROWS = 512
# Rows of a table need no Python of their own.
TABLE_ROWS = 2_048
HOUR_US = 3_600_000_000
# Of an id: random ones.
_DIGITS = 8
_OUTPUTS = msgspec.json.Decoder(dict[str, Any])

Rows = NDArray[np.intp]


class Refused(NamedTuple):
    """Rows that the signature, or the model, refused."""

    error: InvalidRows
    time_us: int


class Shadowed(NamedTuple):
    """Records of what a shadow predicted."""

    records: Sequence[Record]


class Batch(NamedTuple):
    """What came at once, of one version.

    Attributes:
        done_ns: when requests were answered, by the performance counter.
    """

    version: LoadedVersion
    found: Sequence[Submission] | Refused | Shadowed
    done_ns: int = 0


@dataclass
class Piece:
    """Rows that are counted in one go.

    Attributes:
        n_rows: answered rows.
        n_counted: those of them that are in the sample.
        n_refused: rows that were refused.
        answered: requests, and which of their rows are in the sample; None for all.
        shadowed: records of a shadow that are in the sample.
    """

    version: LoadedVersion
    role: Role
    hour: int
    n_rows: int = 0
    n_counted: int = 0
    n_refused: int = 0
    error: InvalidRows | None = None
    answered: list[tuple[Submission, Rows | None]] = field(default_factory=list)
    latencies_us: list[int] = field(default_factory=list)
    shadowed: list[Record] = field(default_factory=list)

    def count(self, layout: Layout) -> Counts:
        """The counts of what stands in the layout."""
        counts = np.zeros(layout.n_slots, np.int64)
        if self.error is not None:
            counts += layout.count_refused(self.error)
        if self.latencies_us:
            counts += layout.count_latencies(self.latencies_us)
        if self.answered:
            counts += layout.count(self._table(), self._outputs())
        if self.shadowed:
            counts += layout.count(*_of_records(self.version, self.shadowed))
        return counts

    def _table(self) -> Table:
        typed: list[Any] = []
        tables = []
        for one, chosen in self.answered:
            rows = one.prepared.rows
            if rows is None:
                table = one.prepared.table
                tables.append(table if chosen is None else table.take(chosen))
            else:
                typed += rows if chosen is None else [rows[at] for at in chosen.tolist()]
        if typed:
            tables.append(self.version.reader.table(typed))
        return Table.concat(tables)

    def _outputs(self) -> Outputs:
        """The outputs, in the order of the calls that they come from: each is counted by itself."""
        calls: dict[int, tuple[BatchOutputs, list[Rows]]] = {}
        for one, chosen in self.answered:
            given = one.batch_outputs
            assert given is not None
            rows = np.arange(one.n_rows) if chosen is None else chosen
            calls.setdefault(id(given), (given, []))[1].append(rows + one.at)
        some = [given.outputs.rows(np.concatenate(rows)) for given, rows in calls.values()]
        return Outputs.concat(some)


def pieces_of(batches: Iterable[Batch], n_halvings: int) -> Iterator[Piece]:
    """What waits, in pieces.

    Args:
        n_halvings: how often the rows are halved for the sample; the ids of records decide which.
    """
    open_: dict[tuple[LoadedVersion, int], Piece] = {}
    for version, found, done_ns in batches:
        if isinstance(found, Refused):
            yield _of_refused(version, found)
        elif isinstance(found, Shadowed):
            yield from _of_shadow(version, found.records, n_halvings)
        else:
            for one in found:
                yield from _of_request(version, one, done_ns, n_halvings, open_)
    yield from open_.values()


def without_values(batch: Batch) -> Iterator[Piece]:
    """What comes while too much waits: its rows are counted, but not their values."""
    version, found, _ = batch
    if isinstance(found, Refused):
        piece = _of_refused(version, found)
        piece.error = None
        yield piece
    elif isinstance(found, Shadowed):
        for one in found.records:
            yield Piece(version, "shadow", one.time_us // HOUR_US, 1)
    else:
        for request in found:
            yield Piece(version, "primary", request.prepared.time_us // HOUR_US, request.n_rows)


def _of_refused(version: LoadedVersion, found: Refused) -> Piece:
    n_rows = len({cell.row for cell in found.error.cells})
    hour = found.time_us // HOUR_US
    return Piece(version, "primary", hour, n_refused=n_rows, error=found.error)


def _of_shadow(
    version: LoadedVersion, records: Sequence[Record], n_halvings: int
) -> Iterator[Piece]:
    for hour, group in groupby(records, lambda one: one.time_us // HOUR_US):
        some = list(group)
        chosen = _chosen([one.id for one in some], n_halvings)
        sample = [some[at] for at in chosen.tolist()]
        yield Piece(version, "shadow", hour, len(some), len(sample), shadowed=sample)


def _of_request(
    version: LoadedVersion,
    one: Submission,
    done_ns: int,
    n_halvings: int,
    open_: dict[tuple[LoadedVersion, int], Piece],
) -> Iterator[Piece]:
    """Add a request to the piece that is open, and yield pieces that are full."""
    prepared = one.prepared
    key = version, prepared.time_us // HOUR_US
    piece = _opened(open_, key)
    piece.n_rows += one.n_rows
    piece.latencies_us.append((done_ns - prepared.began_ns) // 1_000)
    if not n_halvings and one.n_rows <= TABLE_ROWS:
        parts: Iterable[Rows | None] = (None,)
    else:
        rows = _chosen(one.ids, n_halvings)
        parts = (rows[at : at + TABLE_ROWS] for at in range(0, len(rows), TABLE_ROWS))
    for part in parts:
        piece = _opened(open_, key)
        piece.answered.append((one, part))
        piece.n_counted += one.n_rows if part is None else len(part)
        if piece.n_counted >= PIECE_ROWS:
            yield open_.pop(key)


def _opened(open_: dict[tuple[LoadedVersion, int], Piece], key: tuple[LoadedVersion, int]) -> Piece:
    piece = open_.get(key)
    if piece is None:
        piece = open_[key] = Piece(key[0], "primary", key[1])
    return piece


def _chosen(ids: Sequence[str], n_halvings: int) -> Rows:
    """The places of the rows in the sample, by the ids of their records."""
    if not n_halvings:
        return np.arange(len(ids))
    mask = (1 << n_halvings) - 1
    return np.array(
        [at for at, id_ in enumerate(ids) if not int(id_[-_DIGITS:], 16) & mask], np.intp
    )


def _of_records(version: LoadedVersion, records: Sequence[Record]) -> tuple[Table, Outputs]:
    body = b"[" + b",".join([one.inputs for one in records]) + b"]"
    prepared = prepare(version, PredictRequest(body, JSON, RequestContext(is_bulk=True)))
    values = [_OUTPUTS.decode(one.outputs) for one in records]
    return prepared.table, outputs_of(version.signature, values)


def outputs_of(signature: Signature, values: Sequence[Mapping[str, Any]]) -> Outputs:
    """Recorded outputs, as the model returned them.

    Args:
        values: as records have them.
    """
    predictions = [one["prediction"] for one in values]
    if len(signature.outputs) > 1:
        columns = [[row[output.name] for row in predictions] for output in signature.outputs]
        found = np.stack([column_of(cells) for cells in columns], axis=1)
    else:
        found = column_of(predictions)
    shares = scores = None
    if "probabilities" in values[0] and len(signature.outputs) == 1:
        names = [label_text(label) for label in signature.output.classes]
        shares = np.array([[one["probabilities"][name] for name in names] for one in values])
    if "score" in values[0]:
        scores = np.array([one["score"] for one in values], np.float64)
    return Outputs(found, shares, scores=scores)
