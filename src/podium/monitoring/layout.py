"""Where the counts of a version stand in one row of numbers, in which they are added and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np

from podium.bundle.baseline import Baseline
from podium.errors import InvalidRows
from podium.metrics.families import LATENCY_BOUNDS_US
from podium.monitoring.counts import (
    Counted,
    Counts,
    count_outputs,
    count_table,
    histograms_of,
    known_labels,
    slots_of,
)
from podium.outputs import Outputs
from podium.signature import Signature
from podium.table import Table

LATENCY = Counted("latency")
_PARTS = msgspec.json.Decoder(list[tuple[Counted, int]])


class Layout:
    """What is counted of a version, in order.

    Of each version that is the latency of its requests and the refused cells of each field; of one
    with a baseline also its fields, predictions, scores and probabilities.
    """

    def __init__(self, baseline: Baseline, signature: Signature) -> None:
        self._baseline = baseline
        self._signature = signature
        self._known = {one.name: known_labels(one) for one in signature.fields if one.categories}
        sizes = {LATENCY: len(LATENCY_BOUNDS_US) + 1}
        sizes |= {Counted("refused", one.name): 1 for one in signature.fields}
        for what, histogram in histograms_of(baseline).items():
            if what.kind != "field" or what.name in signature.names:
                sizes[what] = len(slots_of(histogram))
        self.text = msgspec.json.encode(list(sizes.items())).decode()
        self._places = places_of(self.text)
        self.n_slots = sum(sizes.values())

    def count(self, table: Table, outputs: Outputs) -> Counts:
        """Answered rows, counted: shape (n_slots,)."""
        found = count_table(self._baseline, self._signature, table, self._known)
        return self._row(found | count_outputs(self._baseline, self._signature, outputs))

    def count_latencies(self, latencies_ns: Sequence[int]) -> Counts:
        """The time that requests took, counted."""
        at = np.searchsorted(LATENCY_BOUNDS_US, np.array(latencies_ns, np.int64) // 1_000)
        return self._row({LATENCY: np.bincount(at, minlength=len(LATENCY_BOUNDS_US) + 1)})

    def count_refused(self, error: InvalidRows) -> Counts:
        """The cells of refused rows, counted."""
        found: dict[Counted, Counts] = {}
        for cell in error.cells:
            if cell.field is not None:
                what = Counted("refused", cell.field)
                found[what] = found.get(what, np.zeros(1, np.int64)) + 1
        return self._row(found)

    def _row(self, found: Mapping[Counted, Counts]) -> Counts:
        row = np.zeros(self.n_slots, np.int64)
        for what, counts in found.items():
            place = self._places.get(what)
            if place is not None:
                row[place] = counts
        return row


@lru_cache(64)
def places_of(text: str) -> Mapping[Counted, slice]:
    """Where each thing that is counted stands.

    Args:
        text: of a layout, as it is stored beside the counts.

    Raises:
        msgspec.DecodeError: it isn't one.
    """
    places: dict[Counted, slice] = {}
    at = 0
    for what, n_slots in _PARTS.decode(text):
        places[Counted(*what)] = slice(at, at + n_slots)
        at += n_slots
    return places
