"""Recorded requests run through a version before it goes live."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from podium.bundle import Bundle, load
from podium.deployments.registry import Registry
from podium.deployments.rows import CHAMPION
from podium.errors import BadCell, ModelError, PodiumError, SetupError
from podium.evaluation.changes import Changes, RecordedOutputs, recorded_outputs
from podium.evaluation.latency import Stopwatch
from podium.evaluation.records import chunks_of, open_records, period_query
from podium.evaluation.reports import RefusalReason, ReplayReport
from podium.evaluation.rows import Predictor
from podium.evaluation.truths import Truths
from podium.flow.answer import values_of
from podium.outputs import Outputs
from podium.records.record import Record
from podium.records.store import RecordQuery, Store
from podium.settings import Settings, read_settings

# So many rows that the model fails on, and none that it doesn't: it isn't the rows.
GIVE_UP_AFTER = 100
REASONS_MAX, EXAMPLES_MAX = 50, 5


def replay(
    model: str,
    version: str,
    *,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = None,
    settings: Settings | None = None,
    **flags: Any,
) -> ReplayReport:
    """Run recorded inputs through a version, and compare what it predicts with the records.

    Nothing is recorded, and nothing changes.

    Args:
        model: whose records.
        version: a registered version, by its alias, its name or the beginning of its digest; or the
            path of a bundle.
        since: such as `7d` or `2026-01-31`; the first record when left out.
        until: the moment after the last record; now when left out.
        limit: how many records at most, the oldest first.
        settings: a complete Settings; by default made from `podium.toml`, `PODIUM_*` and `flags`.
        flags: single settings, by name, such as `home`.

    Raises:
        SetupError: a setting or a moment can't be used, or there are no records.
        NotFound: there is no such version, or there are several.
        PodiumError: the version can't be loaded, its model fails on every row, or the records can't
            be read.
    """
    settings = settings or read_settings(flags)
    query = period_query(model, since, until)
    registry = Registry(settings.registry_folder, settings.trust)
    bundle = bundle_of(registry, model, version, settings.trust)
    bundle.start()
    with open_records(settings) as store:
        return replayed(
            bundle, store, query, limit=limit, champion=_champion(registry, model, bundle)
        )


def bundle_of(registry: Registry, model: str, version: str, trust: Sequence[str] = ()) -> Bundle:
    """The bundle of a registered version, or at a path.

    Raises:
        SetupError: the bundle at the path is of another model.
        NotFound: there is no such version, or there are several.
        PodiumError: it can't be read.
    """
    if not version.endswith(".podium"):
        return registry.bundle(registry.find(model, version))
    bundle = load(version, trust=trust)
    if bundle.name != model:
        raise SetupError(f"{version} is a bundle of the model {bundle.name}, not of {model}")
    return bundle


def _champion(registry: Registry, model: str, bundle: Bundle) -> Predictor | None:
    """What predicts as the champion; None where that is the bundle itself, or can't be loaded."""
    digest = registry.aliases(model).get(CHAMPION, "")
    if digest in ("", bundle.digest):
        return None
    try:
        champion = registry.bundle(registry.find(model, CHAMPION))
        champion.start()
    except PodiumError:
        return None
    return Predictor(champion)


def replayed(
    bundle: Bundle,
    store: Store,
    query: RecordQuery,
    *,
    limit: int | None = None,
    champion: Predictor | None = None,
) -> ReplayReport:
    """The report about the records of a query.

    Args:
        champion: whose latency stands beside that of the bundle.

    Raises:
        ModelError: the model fails on every row.
        StoreError: the records can't be read.
    """
    began_s = time.monotonic()
    run = _Run(Predictor(bundle))
    for records in chunks_of(store, query, limit=limit):
        run.add([record for record in records if record.role == "primary"])
    quality, notes = run.truths.figures()
    if run.truths.n_odd:
        notes = (*notes, f"{run.truths.n_odd} truths aren't values that the model could predict.")
    return ReplayReport(
        model=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        since_us=query.since_us,
        until_us=query.until_us,
        n_records=run.versions.total(),
        n_replayed=run.n_replayed,
        n_refused=run.refusals.n_rows,
        n_incomparable=run.n_incomparable,
        recorded_versions=dict(run.versions.most_common()),
        refusals=run.refusals.report(),
        changes=tuple(one.report() for one in run.changes),
        latency=run.stopwatch.report(champion),
        n_truths=run.truths.n_rows,
        quality=quality,
        notes=notes,
        seconds=time.monotonic() - began_s,
    )


class _Run:
    """A replay that goes on.

    Attributes:
        versions: how many records each version gave.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._signature = predictor.signature
        self.versions: Counter[str] = Counter()
        self.changes = [Changes(one, predictor.signature) for one in predictor.signature.outputs]
        self.truths = Truths(predictor.signature)
        self.stopwatch = Stopwatch(predictor)
        self.refusals = _Refusals()
        self.n_replayed = 0
        self.n_incomparable = 0

    def add(self, records: Sequence[Record]) -> None:
        """Replay some records.

        Raises:
            ModelError: the model fails on every row so far.
        """
        self.versions.update(record.version for record in records)
        rows = self._predictor.rows_of([record.inputs for record in records])
        for at, cell in rows.refused.items():
            self.refusals.add(records[at], cell)
        began_s = time.perf_counter()
        parts = list(self._predictor.predict(rows.table))
        seconds = time.perf_counter() - began_s
        if rows.table.n_rows:
            self.stopwatch.add([records[at].inputs for at in rows.places], seconds)
        for part in parts:
            some = [records[rows.places[row]] for row in part.rows.tolist()]
            if isinstance(part.outcome, Outputs):
                self._compare(some, part.outcome)
            else:
                self.refusals.add(some[0], part.outcome)
        if not self.n_replayed and self.refusals.n_failed >= GIVE_UP_AFTER:
            raise ModelError(
                f"the model fails on each of {self.refusals.n_failed} recorded rows",
                hint="try one row: podium predict",
            )

    def _compare(self, records: Sequence[Record], outputs: Outputs) -> None:
        self.n_replayed += len(records)
        for record, after in zip(records, values_of(self._signature, outputs), strict=True):
            before = _read(record)
            if before is None or not all(one.add(record, before, after) for one in self.changes):
                self.n_incomparable += 1
            elif record.feedback is not None:
                self.truths.add(record.feedback, before, after)


class _Refusals:
    """Rows without a prediction, by the reason.

    Attributes:
        n_failed: on how many rows the model itself failed.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self.n_failed = 0
        self._examples: dict[tuple[str | None, str], list[str]] = {}
        self._cells: dict[tuple[str | None, str], BadCell] = {}
        self._counts: Counter[tuple[str | None, str]] = Counter()

    def add(self, record: Record, cell: BadCell) -> None:
        """A row that is refused for this cell first."""
        self.n_rows += 1
        self.n_failed += cell.code == "model"
        key = (cell.field, cell.problem)
        if key not in self._cells and len(self._cells) >= REASONS_MAX:
            key = (None, "is refused for another reason")
            cell = BadCell(problem=key[1])
        self._cells.setdefault(key, cell)
        self._counts[key] += 1
        examples = self._examples.setdefault(key, [])
        if len(examples) < EXAMPLES_MAX:
            examples.append(record.id)

    def report(self) -> tuple[RefusalReason, ...]:
        """The reasons, most frequent first."""
        return tuple(
            RefusalReason(
                field=key[0],
                problem=key[1],
                accepted=self._cells[key].accepted,
                n_rows=n_rows,
                examples=tuple(self._examples[key]),
            )
            for key, n_rows in self._counts.most_common()
        )


def _read(record: Record) -> RecordedOutputs | None:
    try:
        return recorded_outputs.decode(record.outputs)
    except (msgspec.DecodeError, RecursionError):
        return None
