"""What waits to be counted, in pieces: some rows that one version answered within one hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import InvalidRows
from podium.flow.formats.json_rows import JSON
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.submission import Submission
from podium.flow.version import LoadedVersion
from podium.monitoring.counts import Counts
from podium.monitoring.layout import Layout
from podium.outputs import Outputs, probabilities_in
from podium.records.counted import Role
from podium.records.record import Record
from podium.signature import Signature
from podium.table import Table, column_of

# Half a millisecond, in which the event loop may have to wait.
PIECE_ROWS = 256
# Rows of a table need no Python of their own.
TABLE_ROWS = 2_048
HOUR_US = 3_600_000_000
# Of an id: random ones.
_DIGITS = 8
_OUTPUTS = msgspec.json.Decoder(dict[str, Any])

Rows = NDArray[np.intp]


class Shadowed(NamedTuple):
    """Records of what a shadow predicted."""

    records: Sequence[Record]


class Batch(NamedTuple):
    """What came at once, of one version.

    Attributes:
        found: requests in the sample; of one with several rows, the ids of their records say which
            of them are. Or what a shadow predicted, or why rows were refused.
        time_us: when the first of it came: all of it counts in that hour.
        done_ns: when requests were answered, by the performance counter.
        n_rows: of what is in `found`.
        n_skipped: rows of the requests that aren't in the sample.
        n_halvings: how often rows are halved for the sample.
    """

    version: LoadedVersion
    found: Sequence[Submission] | Shadowed | InvalidRows
    time_us: int
    done_ns: int = 0
    n_rows: int = 0
    n_skipped: int = 0
    n_halvings: int = 0

    @property
    def hour(self) -> int:
        """In hours since 1970, UTC."""
        return self.time_us // HOUR_US


@dataclass
class Piece:
    """Rows that are counted in one go.

    Attributes:
        n_rows: answered rows.
        n_counted: those of them that are in the sample.
        n_refused: rows that were refused.
        typed: rows as they were read, those of `tables` as tables.
        outputs: of all these rows, in whatever order: each is counted by itself.
        shadowed: records of a shadow that are in the sample.
    """

    version: LoadedVersion
    role: Role
    hour: int
    n_rows: int = 0
    n_counted: int = 0
    n_refused: int = 0
    error: InvalidRows | None = None
    latencies_ns: list[int] = field(default_factory=list)
    typed: list[Any] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    outputs: list[Outputs] = field(default_factory=list)
    shadowed: list[Record] = field(default_factory=list)

    def count(self, layout: Layout) -> Counts:
        """The counts of what stands in the layout."""
        counts = np.zeros(layout.n_slots, np.int64)
        if self.error is not None:
            counts += layout.count_refused(self.error)
        if self.latencies_ns:
            counts += layout.count_latencies(self.latencies_ns)
        if self.outputs:
            typed = [self.version.reader.table(self.typed)] if self.typed else []
            counts += layout.count(
                Table.concat([*typed, *self.tables]), Outputs.concat(self.outputs)
            )
        if self.shadowed:
            counts += layout.count(*_of_records(self.version, self.shadowed))
        return counts

    def add(self, batch: Batch, some: Sequence[Submission]) -> None:
        """Add requests with few rows, all of them in the sample."""
        prepared = [one.prepared for one in some]
        self.latencies_ns += [batch.done_ns - one.began_ns for one in prepared]
        self.typed += chain.from_iterable([one.rows or () for one in prepared])
        self.tables += [one.table for one in prepared if one.rows is None]
        # Most often they are all that the model was called with.
        calls = {id(one.batch_outputs): one.batch_outputs for one in some}
        for key, given in calls.items():
            assert given is not None
            rows = [
                place
                for one in some
                if id(one.batch_outputs) == key
                for place in range(one.at, one.at + one.n_rows)
            ]
            whole = len(rows) == len(given.outputs)
            self.outputs.append(given.outputs if whole else given.outputs.rows(np.array(rows)))


def pieces_of(batches: Iterable[Batch]) -> Iterator[Piece]:
    """What waits, in pieces."""
    open_: dict[tuple[LoadedVersion, int], Piece] = {}
    for batch in batches:
        if isinstance(batch.found, InvalidRows):
            yield _of_refused(batch, batch.found)
        elif isinstance(batch.found, Shadowed):
            yield from _of_shadow(batch, batch.found.records)
        else:
            yield from _of_requests(batch, batch.found, open_)
    yield from open_.values()


def without_values(batch: Batch) -> Piece:
    """What comes while too much waits: its rows are counted, but not their values."""
    if isinstance(batch.found, InvalidRows):
        piece = _of_refused(batch, batch.found)
        piece.error = None
        return piece
    role: Role = "shadow" if isinstance(batch.found, Shadowed) else "primary"
    return Piece(batch.version, role, batch.hour, batch.n_rows + batch.n_skipped)


def _of_refused(batch: Batch, error: InvalidRows) -> Piece:
    n_rows = len({cell.row for cell in error.cells})
    return Piece(batch.version, "primary", batch.hour, n_refused=n_rows, error=error)


def _of_shadow(batch: Batch, records: Sequence[Record]) -> Iterator[Piece]:
    rows = _chosen([one.id for one in records], batch.n_halvings)
    sample = [records[at] for at in rows.tolist()]
    yield Piece(batch.version, "shadow", batch.hour, len(records), len(sample), shadowed=sample)


def _of_requests(
    batch: Batch, some: Sequence[Submission], open_: dict[tuple[LoadedVersion, int], Piece]
) -> Iterator[Piece]:
    """Add requests to the piece that is open, and yield pieces that are full."""
    key = batch.version, batch.hour
    piece = open_.get(key) or open_.setdefault(key, Piece(batch.version, "primary", key[1]))
    piece.n_rows += batch.n_rows + batch.n_skipped
    is_small = batch.n_rows <= PIECE_ROWS and not batch.n_halvings
    small = some if is_small else [one for one in some if one.n_rows == 1]
    if small:
        piece.add(batch, small)
        piece.n_counted += batch.n_rows if is_small else len(small)
    if piece.n_counted >= PIECE_ROWS:
        yield open_.pop(key)
    if not is_small:
        for one in some:
            if one.n_rows > 1:
                yield from _of_long(batch, one)


def _of_long(batch: Batch, one: Submission) -> Iterator[Piece]:
    """The rows of one request that are in the sample."""
    chosen, table, outputs = _chosen(one.ids, batch.n_halvings), one.prepared.table, one.outputs
    yield Piece(
        batch.version, "primary", batch.hour, latencies_ns=[batch.done_ns - one.prepared.began_ns]
    )
    for at in range(0, len(chosen), TABLE_ROWS):
        rows = chosen[at : at + TABLE_ROWS]
        part = Piece(batch.version, "primary", batch.hour, n_counted=len(rows))
        part.tables.append(table.take(rows))
        part.outputs.append(outputs.rows(rows))
        yield part


@cache
def endings_of(n_halvings: int) -> tuple[str, ...]:
    """How the ids of records in the sample end: on a number of which so many lowest bits are 0."""
    n_digits = min(n_halvings + 3, 4 * _DIGITS) // 4
    return tuple(f"{n:0{n_digits}x}" for n in range(0, 16**n_digits, 1 << n_halvings))


def _chosen(ids: Sequence[str], n_halvings: int) -> Rows:
    """The places of the rows in the sample, by the ids of their records."""
    if not n_halvings:
        return np.arange(len(ids))
    endings = endings_of(n_halvings)
    places = [at for at, id_ in enumerate(ids) if id_.endswith(endings)]
    return np.array(places, np.intp)


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
    scores = None
    shares = probabilities_in(signature.places, [one.get("probabilities") for one in values])
    if "score" in values[0]:
        scores = np.array([one["score"] for one in values], np.float64)
    return Outputs(found, shares, scores=scores)
