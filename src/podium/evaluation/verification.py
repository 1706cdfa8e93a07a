"""Records replayed on the versions that gave them, which must predict the same bytes."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.deployments.registry import Registry
from podium.errors import BadCell, PodiumError, SetupError
from podium.evaluation.records import chunks_of, open_records, period_query
from podium.evaluation.reports import Difference, MissingVersion, VerificationReport
from podium.evaluation.rows import Predictor, RecordedRows
from podium.flow.record import outputs_json
from podium.outputs import Outputs
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.settings import Settings, read_settings

# So many versions are in memory at once.
LOADED_MAX = 4
LISTED_MAX = 100
TEXT_MAX = 500
# Sums in another order differ by some units in the last place; more is another prediction. A share of
# nearly 0 is rounded as the sum was that it is the rest of.
ROUNDING, ROUNDING_ABSOLUTE = 1e-9, 1e-12
# It tells how the request was written, which isn't recorded: `09:00+02:00` was read as 07:00.
_OF_NOTATION = "shifted"


def verify(
    model: str,
    *,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = None,
    settings: Settings | None = None,
    **flags: Any,
) -> VerificationReport:
    """Replay records on the versions that gave them, and compare every byte of the outputs.

    Args:
        model: whose records.
        since: such as `7d` or `2026-01-31`; the first record when left out.
        until: the moment after the last record; now when left out.
        limit: how many records at most, the oldest first.
        settings: a complete Settings; by default made from `podium.toml`, `PODIUM_*` and `flags`.
        flags: single settings, by name, such as `home`.

    Raises:
        SetupError: a setting or a moment can't be used, or there are no records.
        StoreError: the records can't be read.
    """
    settings = settings or read_settings(flags)
    query = period_query(model, since, until)
    registry = Registry(settings.registry_folder, settings.trust)
    with open_records(settings) as store:
        return verified(registry, store, query, limit=limit)


def verified(
    registry: Registry, store: Store, query: RecordQuery, *, limit: int | None = None
) -> VerificationReport:
    """The report about the records of a query.

    Raises:
        SetupError: no model is named.
        StoreError: the records can't be read.
    """
    if query.model is None:
        raise SetupError("verification is of one model", hint="name it")
    began_s = time.monotonic()
    run = _Run(VersionCache(registry, query.model))
    n_records = 0
    for records in chunks_of(store, query, limit=limit):
        n_records += len(records)
        by_digest: dict[str, list[Record]] = {}
        for record in records:
            by_digest.setdefault(record.bundle_digest or "", []).append(record)
        for digest, some in by_digest.items():
            run.verify(digest, some)
    return VerificationReport(
        model=query.model,
        since_us=query.since_us,
        until_us=query.until_us,
        n_records=n_records,
        n_identical=run.counts["identical"],
        n_rewritten=run.counts["rewritten"],
        n_rounding=run.counts["rounding"],
        n_different=run.counts["different"],
        n_unverified=sum(run.unverified.values()),
        differences=tuple(run.differences),
        missing=tuple(
            MissingVersion(version=name, digest=digest, reason=reason, n_records=n)
            for (name, digest, reason), n in run.unverified.most_common()
        ),
        seconds=time.monotonic() - began_s,
    )


class VersionCache:
    """The versions of a model by their digests, the few latest used in memory."""

    def __init__(self, registry: Registry, model: str) -> None:
        self._registry = registry
        self._by_digest = {one.digest: one for one in registry.versions(model)}
        self._loaded: OrderedDict[str, Predictor | str] = OrderedDict()

    def get(self, digest: str) -> Predictor | str:
        """What predicts as this version; or why nothing does."""
        if not digest:
            return "the records don't say which bundle gave them"
        if digest in self._loaded:
            self._loaded.move_to_end(digest)
            return self._loaded[digest]
        while len(self._loaded) >= LOADED_MAX:
            self._loaded.popitem(last=False)
        self._loaded[digest] = self._load(digest)
        return self._loaded[digest]

    def _load(self, digest: str) -> Predictor | str:
        if digest not in self._by_digest:
            return "it isn't registered"
        try:
            bundle = self._registry.bundle(self._by_digest[digest])
            bundle.start()
        except PodiumError as error:
            return error.message
        return Predictor(bundle)


class _Run:
    """A verification that goes on.

    Attributes:
        counts: of records, by what came of them.
        unverified: of records, by version, digest and reason.
    """

    def __init__(self, versions: VersionCache) -> None:
        self._versions = versions
        self.counts: Counter[str] = Counter()
        self.unverified: Counter[tuple[str, str, str]] = Counter()
        self.differences: list[Difference] = []

    def verify(self, digest: str, records: Sequence[Record]) -> None:
        """Verify records of one version."""
        predictor = self._versions.get(digest)
        if isinstance(predictor, str):
            for record in records:
                self.unverified[record.version, digest, predictor] += 1
            return
        rows = predictor.rows_of([record.inputs for record in records])
        for at, cell in rows.refused.items():
            self._differs(records[at], f"the row is refused now: {cell}", b"")
        batches = _Batches(predictor, rows, records)
        together = batches.outputs_of(np.arange(rows.table.n_rows, dtype=np.intp))
        for row, replayed in together.items():
            record = records[rows.places[row]]
            if replayed == record.outputs:
                self.counts["identical"] += 1
            else:
                self._compare(record, [replayed, batches.alone(row), batches.request_of(row)])

    def _compare(self, record: Record, replays: Sequence[bytes | BadCell]) -> None:
        """Compare a record with what its row gave in several batches."""
        if record.outputs in replays:
            self.counts["identical"] += 1
            return
        answers = [one for one in replays if isinstance(one, bytes)]
        if not answers:
            cell = next(one for one in replays if isinstance(one, BadCell))
            self._differs(record, f"the model fails now: {cell}", b"")
            return
        recorded, values = _values(record.outputs), [_values(one) for one in answers]
        warnings = recorded.get("warnings")
        if isinstance(warnings, list):
            recorded["warnings"] = [one for one in warnings if one.get("code") != _OF_NOTATION]
        if any(_sorted(recorded) == _sorted(one) for one in values):
            self.counts["rewritten"] += 1
        elif any(_is_close(recorded, one) for one in values):
            self.counts["rounding"] += 1
        else:
            names = [n for n in {**recorded, **values[0]} if recorded.get(n) != values[0].get(n)]
            verb = "differs" if names == ["prediction"] else "differ"
            self._differs(record, f"{' and '.join(names)} {verb}", answers[0])

    def _differs(self, record: Record, reason: str, replayed: bytes) -> None:
        self.counts["different"] += 1
        if len(self.differences) < LISTED_MAX:
            self.differences.append(
                Difference(
                    record=record.id,
                    time_us=record.time_us,
                    version=record.version,
                    digest=record.bundle_digest or "",
                    reason=reason,
                    recorded=record.outputs.decode()[:TEXT_MAX],
                    replayed=replayed.decode()[:TEXT_MAX],
                )
            )


class _Batches:
    """Rows in the batches that they may have been predicted in: a sum of one row and a sum of many
    are rounded differently.

    Args:
        records: whose rows these are, by their places.
    """

    def __init__(self, predictor: Predictor, rows: RecordedRows, records: Sequence[Record]) -> None:
        self._predictor = predictor
        self._rows = rows
        self._requests = [records[at].request_id for at in rows.places]
        self._by_request: dict[str, Mapping[int, bytes | BadCell]] = {}

    def outputs_of(self, rows: NDArray[np.intp]) -> dict[int, bytes | BadCell]:
        """The outputs of rows that are predicted together, as they are recorded, or why not."""
        outputs: dict[int, bytes | BadCell] = {}
        for part in self._predictor.predict(self._rows.table.take(rows)):
            some = rows[part.rows].tolist()
            if isinstance(part.outcome, Outputs):
                told = [self._rows.warnings.get(row, ()) for row in some]
                warnings = tuple(
                    msgspec.structs.replace(one, row=at)
                    for at, all_ in enumerate(told)
                    for one in all_
                )
                answers = outputs_json(
                    self._predictor.signature, replace(part.outcome, warnings=warnings)
                )
                outputs |= dict(zip(some, answers, strict=True))
            else:
                outputs[some[0]] = part.outcome
        return outputs

    def alone(self, row: int) -> bytes | BadCell:
        """The outputs of one row."""
        return self.outputs_of(np.array([row], np.intp))[row]

    def request_of(self, row: int) -> bytes | BadCell:
        """The outputs of a row together with the others of its request."""
        request = self._requests[row]
        if request is None:
            return self.alone(row)
        if request not in self._by_request:
            rows = [at for at, one in enumerate(self._requests) if one == request]
            self._by_request[request] = self.outputs_of(np.array(rows, np.intp))
        return self._by_request[request][row]


def _values(outputs: bytes) -> dict[str, Any]:
    values: Any = msgspec.json.decode(outputs)
    return values if isinstance(values, dict) else {}


def _sorted(values: Mapping[str, Any]) -> bytes:
    """JSON in which the order of keys is always the same; 1 and 1.0 are two values."""
    return msgspec.json.encode(values, order="deterministic")


def _is_close(one: Any, other: Any) -> bool:
    """Whether two values of JSON differ in the last digits of their numbers at most."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_close(one[n], other[n]) for n in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= max(ROUNDING * max(abs(one), abs(other)), ROUNDING_ABSOLUTE)
    return type(one) is type(other) and bool(one == other)
