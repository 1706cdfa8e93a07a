"""Records whose truth is known, read from the store as the losses of a version.

Memory holds some numbers of each row, never the rows, and of no more rows than ROWS_MAX.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from podium.comparison.parts import RowLosses
from podium.comparison.segments import SegmentReader
from podium.deployments.rows import Version
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages

# Of each version: they tell accuracies apart that differ by less than 1 %.
ROWS_MAX = 100_000
# Answers with thousands of probabilities are long: fewer of them are read.
BYTES_MAX = 2**27
# To find those that belong to rows with a truth, more answers of a shadow are read.
SHADOW_ROWS_MAX = 5 * ROWS_MAX
_PAGE_ROWS = 1_000
_Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows that a version answered, and whose truth is known.

    Attributes:
        losses: shape (n_rows, n_losses); NaN where there is none.
        times: when each was answered, in microseconds since 1970, shape (n_rows,).
        latencies: in microseconds, shape (n_rows,).
        segments: what the reader of segments made of the inputs, shape (n_rows, n_fields).
        places: of the rows in these arrays, by their request and their row in it.
        groups: the rows of one business key have one number; a row without a key has its own.
        truths: as JSON, in the order of the rows.
        n_unusable: rows with a truth that can't be compared with the answer.
        is_cut: there are more.
    """

    losses: _Rows
    times: NDArray[np.int64]
    latencies: _Rows
    segments: _Rows
    places: dict[str, int]
    groups: NDArray[np.int64]
    truths: list[bytes]
    n_unusable: int
    is_cut: bool

    def __len__(self) -> int:
        return len(self.times)

    @property
    def has_groups(self) -> bool:
        """Whether several rows have one business key."""
        return len(np.unique(self.groups)) < len(self)


class _Reader:
    """Rows on their way into a sample."""

    def __init__(self, losses: RowLosses, segments: SegmentReader) -> None:
        self._losses, self._segments = losses, segments
        self._rows, self._times = array("d"), array("q")
        self._latencies, self._fields = array("d"), array("d")
        self._places: dict[str, int] = {}
        self._groups, self._keys = array("q"), dict[str, int]()
        self._truths: list[bytes] = []
        self._n_unusable = 0
        self._is_cut = False

    def read(self, records: Iterator[Record], rows_max: int, bytes_max: int) -> None:
        """Take the first records with a truth that answered a caller."""
        n_rows = n_bytes = 0
        for record in records:
            if record.role != "primary" or record.feedback is None:
                continue
            if n_rows >= rows_max or n_bytes > bytes_max:
                self._is_cut = True
                return
            n_rows += 1
            n_bytes += len(record.inputs) + len(record.outputs)
            self._add(record, record.feedback.truth)

    def sample(self) -> Sample:
        """All that was read."""
        n_rows = len(self._times)
        return Sample(
            np.array(self._rows).reshape(n_rows, -1) if n_rows else np.empty((0, 0)),
            np.array(self._times, np.int64),
            np.array(self._latencies),
            np.array(self._fields).reshape(n_rows, len(self._segments.fields)),
            self._places,
            np.array(self._groups, np.int64),
            self._truths,
            self._n_unusable,
            self._is_cut,
        )

    def _add(self, record: Record, truth: bytes) -> None:
        lost = self._losses.of(record.outputs, truth)
        if lost is None:
            self._n_unusable += 1
            return
        place = len(self._times)
        self._places[_key(record)] = place
        key = record.business_key
        self._groups.append(place if key is None else self._keys.setdefault(key, place))
        self._truths.append(truth)
        self._rows.extend(lost)
        self._times.append(record.time_us)
        self._latencies.append(record.latency_us)
        self._fields.extend(self._segments.read(record.inputs))


def read_sample(
    store: Store,
    version: Version,
    losses: RowLosses,
    segments: SegmentReader,
    *,
    since_us: int | None = None,
    until_us: int | None = None,
    n_parts: int = 1,
) -> Sample:
    """The newest rows with a truth that a version answered, as many as ROWS_MAX.

    Args:
        n_parts: of the time between `since_us` and `until_us`; the newest rows of each are read.

    Raises:
        StoreError: the database fails.
    """
    reader = _Reader(losses, segments)
    edges: list[int | None] = [since_us, until_us]
    if since_us is not None and until_us is not None:
        edges = [since_us + (until_us - since_us) * at // n_parts for at in range(n_parts + 1)]
    for start, end in pairwise(edges):
        query = RecordQuery(
            model=version.model,
            version=version.name,
            since_us=start,
            until_us=end,
            has_feedback=True,
        )
        records = _records(store, query, version)
        reader.read(records, ROWS_MAX // n_parts, BYTES_MAX // n_parts)
    return reader.sample()


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Rows of a sample that another version answered, too.

    Attributes:
        rows: their places in the sample, shape (n_rows,).
        losses: of the other version, shape (n_rows, n_losses).
        latencies: of the other version, in microseconds, shape (n_rows,).
    """

    rows: NDArray[np.int64]
    losses: _Rows
    latencies: _Rows


def read_shadowed(
    store: Store,
    sample: Sample,
    version: Version,
    losses: RowLosses,
    *,
    since_us: int | None = None,
) -> Shadowed | None:
    """What another version answered to the rows of a sample, as their shadow; None where nothing.

    Raises:
        StoreError: the database fails.
    """
    if not len(sample):
        return None
    query = RecordQuery(
        model=version.model,
        version=version.name,
        role="shadow",
        since_us=max(int(sample.times.min()), since_us or 0),
    )
    rows, lost_all, latencies = array("q"), array("d"), array("d")
    left = dict(sample.places)
    n_read = n_bytes = 0
    for record in _records(store, query, version):
        n_read += 1
        n_bytes += len(record.outputs)
        if n_read > SHADOW_ROWS_MAX or n_bytes > BYTES_MAX or not left:
            break
        place = left.pop(_key(record), None)
        if place is None:
            continue
        lost = losses.of(record.outputs, sample.truths[place])
        if lost is not None:
            rows.append(place)
            lost_all.extend(lost)
            latencies.append(record.latency_us)
    if not rows:
        return None
    return Shadowed(
        np.array(rows, np.int64), np.array(lost_all).reshape(len(rows), -1), np.array(latencies)
    )


def _records(store: Store, query: RecordQuery, version: Version) -> Iterator[Record]:
    """The records of a version, newest first. Several versions may share a name."""
    for page in iter_pages(store, query, rows=_PAGE_ROWS):
        for record in page:
            if record.bundle_digest in (None, version.digest):
                yield record


def _key(record: Record) -> str:
    return f"{record.request_id or record.id}/{record.row_index}"
