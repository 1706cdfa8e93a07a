"""How predictions differ from the recorded ones: labels, probabilities and numbers."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Mapping
from operator import sub
from typing import Any

import msgspec
import numpy as np

from podium.evaluation.reports import Move, OutputChanges, Transition
from podium.outputs import Probabilities, at_place
from podium.records.record import Record
from podium.signature import Output, Signature
from podium.signature.labels import label_text

LISTED_MAX = 20
# Sums of another batch differ in the last digits; a probability or a number moved where it's more.
ROUNDING = 1e-9


class RecordedOutputs(msgspec.Struct, frozen=True, gc=False):
    """The part of a record's outputs that is compared."""

    prediction: Any
    probabilities: Probabilities | None = None


recorded_outputs = msgspec.json.Decoder(RecordedOutputs)


class Changes:
    """The differences of one output, counted record by record; memory holds a number for each.

    Args:
        output: of the version that is replayed.
    """

    def __init__(self, output: Output, signature: Signature) -> None:
        self._output = output
        self._is_single = len(signature.outputs) == 1
        self._sizes = array("d")
        self._n_changed = 0
        self._transitions: Counter[tuple[str, str]] = Counter()
        self._largest: list[tuple[float, str, Move]] = []

    def add(self, record: Record, before: RecordedOutputs, after: Mapping[str, Any]) -> bool:
        """Compare a record with the new outputs; False where they are of two kinds.

        Args:
            after: `prediction` and `probabilities`, as a record has them.
        """
        old, new = before.prediction, after["prediction"]
        shares, new_shares = before.probabilities, after.get("probabilities")
        if not self._is_single:
            if not isinstance(old, dict) or self._output.name not in old:
                return False
            old, new = old[self._output.name], new[self._output.name]
            shares, new_shares = (at_place(self._output.name, one) for one in (shares, new_shares))
        size = self._size(old, new, shares, new_shares)
        if size is None:
            return False
        self._sizes.append(size)
        if self._output.task != "regression" and old != new:
            self._n_changed += 1
            self._transitions[_text(old), _text(new)] += 1
        if size > ROUNDING and (len(self._largest) < LISTED_MAX or size > self._largest[0][0]):
            move = Move(
                record=record.id,
                time_us=record.time_us,
                version=record.version,
                before=old,
                after=new,
                size=size,
            )
            keep = heapq.heappush if len(self._largest) < LISTED_MAX else heapq.heappushpop
            keep(self._largest, (size, record.id, move))
        return True

    def _size(
        self,
        old: Any,
        new: Any,
        shares: Any,
        new_shares: Any,
    ) -> float | None:
        if self._output.task == "regression":
            is_number = isinstance(old, (int, float)) and not isinstance(old, bool)
            return float(abs(old - new)) if is_number else None
        if shares and new_shares:
            if list(shares) == list(new_shares):
                sizes: list[float] = list(map(abs, map(sub, shares.values(), new_shares.values())))
                return max(sizes)
            labels = {**shares, **new_shares}
            most: float = max(abs(shares.get(o, 0.0) - new_shares.get(o, 0.0)) for o in labels)
            return most
        if self._output.task == "classification" and isinstance(old, (dict, list, type(None))):
            return None
        return float(old != new)

    def report(self) -> OutputChanges:
        """What was counted."""
        sizes = np.frombuffer(self._sizes, np.float64) if self._sizes else np.zeros(0)
        p50, p95 = np.quantile(sizes, (0.5, 0.95)).tolist() if len(sizes) else (0.0, 0.0)
        n_moved = int((sizes > ROUNDING).sum())
        is_number = self._output.task == "regression"
        return OutputChanges(
            name=self._output.name,
            task=self._output.task,
            unit=self._output.unit,
            n_rows=len(sizes),
            n_changed=n_moved if is_number else self._n_changed,
            n_moved=n_moved,
            mean=float(sizes.mean()) if len(sizes) else 0.0,
            p50=p50,
            p95=p95,
            max=float(sizes.max()) if len(sizes) else 0.0,
            largest=tuple(move for _, _, move in sorted(self._largest, reverse=True)),
            transitions=tuple(
                Transition(before=before, after=after, n_rows=n)
                for (before, after), n in self._transitions.most_common(LISTED_MAX)
            ),
        )


def _text(label: Any) -> str:
    if isinstance(label, (str, int, float, bool)):
        return label_text(label)
    return msgspec.json.encode(label).decode()[:100]
