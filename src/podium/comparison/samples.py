"""Records whose truth is known, read from the store as the losses of a version.

Memory holds some numbers of each row, never the rows, and of no more rows than ROWS_MAX.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from podium.comparison.losses import RowLosses
from podium.comparison.segments import SegmentReader
from podium.deployments.rows import Version
from podium.records.record import Record
from podium.records.store import RecordQuery, Store, iter_pages

# Of each version, the newest: they tell accuracies apart that differ by less than 1 %.
ROWS_MAX = 100_000
# Answers with thousands of probabilities are long: fewer of them are read.
BYTES_MAX = 2**28
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
        truths: as JSON, in the order of the rows.
        n_unusable: rows with a truth that can't be compared with the answer.
        is_cut: there are more, older ones.
    """

    losses: _Rows
    times: NDArray[np.int64]
    latencies: _Rows
    segments: _Rows
    places: dict[str, int]
    truths: list[bytes]
    n_unusable: int
    is_cut: bool

    def __len__(self) -> int:
        return len(self.times)


def read_sample(
    store: Store,
    version: Version,
    losses: RowLosses,
    segments: SegmentReader,
    *,
    since_us: int | None = None,
    until_us: int | None = None,
) -> Sample:
    """The newest rows with a truth that a version answered.

    Raises:
        StoreError: the database fails.
    """
    query = RecordQuery(
        model=version.model,
        version=version.name,
        since_us=since_us,
        until_us=until_us,
        has_feedback=True,
    )
    rows, times, latencies, fields = array("d"), array("q"), array("d"), array("d")
    places: dict[str, int] = {}
    truths: list[bytes] = []
    n_unusable = n_bytes = 0
    is_cut = False
    for record in _records(store, query, version):
        if record.role != "primary" or record.feedback is None:
            continue
        if len(times) >= ROWS_MAX or n_bytes > BYTES_MAX:
            is_cut = True
            break
        n_bytes += len(record.inputs) + len(record.outputs)
        lost = losses.of(record.outputs, record.feedback.truth)
        if lost is None:
            n_unusable += 1
            continue
        places[_key(record)] = len(times)
        truths.append(record.feedback.truth)
        rows.extend(lost)
        times.append(record.time_us)
        latencies.append(record.latency_us)
        fields.extend(segments.read(record.inputs))
    return Sample(
        np.array(rows).reshape(len(times), -1) if times else np.empty((0, 0)),
        np.array(times, np.int64),
        np.array(latencies),
        np.array(fields).reshape(len(times), len(segments.fields)),
        places,
        truths,
        n_unusable,
        is_cut,
    )


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
        place = left.pop(_key(record), None) if record.role == "shadow" else None
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
