"""What replaying records showed, as plain values."""

from __future__ import annotations

from typing import Any

import msgspec


class RefusalReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a version refuses recorded rows.

    Attributes:
        field: the field with the refused value; None where the model failed on the row.
        n_rows: how many rows are refused for this reason first.
        examples: ids of some of their records.
    """

    field: str | None
    problem: str
    accepted: str
    n_rows: int
    examples: tuple[str, ...]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction that isn't what was recorded.

    Attributes:
        record: the id of the record.
        before: the recorded prediction; `after` that of the replayed version.
        size: the absolute difference of a number, the largest difference of a probability, or 1
            where only labels can differ.
    """

    record: str
    time_us: int
    version: str
    before: Any
    after: Any
    size: float


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """How often one label became another."""

    before: str
    after: str
    n_rows: int


class OutputChanges(msgspec.Struct, frozen=True, kw_only=True):
    """How the predictions of one output differ from the recorded ones.

    Attributes:
        n_rows: how many could be compared.
        n_changed: how many labels, or numbers, are others.
        n_moved: how many predictions differ by more than rounding, in a probability or a number.
        mean: of the sizes of all moves, as `Move.size` has it; 0 for those that didn't move.
        p95: the size that 95 % of the rows don't exceed.
        largest: the largest moves, largest first.
        transitions: the most frequent changes of labels.
    """

    name: str
    task: str
    unit: str
    n_rows: int
    n_changed: int
    n_moved: int
    mean: float
    p50: float
    p95: float
    max: float
    largest: tuple[Move, ...]
    transitions: tuple[Transition, ...]


class QualityFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric on the same rows with ground truth.

    Attributes:
        recorded: of the recorded predictions; None where it can't be measured.
        replayed: of the replayed version.
    """

    name: str
    title: str
    better: str
    unit: str
    recorded: float | None
    replayed: float | None


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long the model takes, in this process: without HTTP, queue and recording.

    Attributes:
        batch_us: a row in a large batch.
        p50_us: one row alone, the median of `n_alone` calls; `p95_us` of 95 % of them.
        champion_p50_us: the same rows, by the version that is the champion now; None where it is the
            same version, or can't be loaded.
    """

    batch_us: float
    n_alone: int
    p50_us: float
    p95_us: float
    champion_p50_us: float | None = None
    champion_p95_us: float | None = None


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a version does with recorded requests.

    Attributes:
        n_records: how many were read; those of shadows and earlier replays are passed over.
        n_replayed: how many rows have a prediction.
        n_refused: how many rows the version refuses or fails on.
        n_incomparable: how many recorded predictions are of another kind.
        recorded_versions: how many records each version gave, by its name.
        n_truths: how many of the replayed rows have a known truth.
        notes: what couldn't be measured, in sentences.
        seconds: the whole run.
    """

    model: str
    version: str
    digest: str
    since_us: int | None
    until_us: int | None
    n_records: int
    n_replayed: int
    n_refused: int
    n_incomparable: int
    recorded_versions: dict[str, int]
    refusals: tuple[RefusalReason, ...]
    changes: tuple[OutputChanges, ...]
    latency: Latency | None
    n_truths: int
    quality: tuple[QualityFigure, ...]
    notes: tuple[str, ...]
    seconds: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A record whose version predicts something else now.

    Attributes:
        recorded: the recorded outputs, as JSON; `replayed` those of now, empty where there are none.
    """

    record: str
    time_us: int
    version: str
    digest: str
    reason: str
    recorded: str
    replayed: str


class MissingVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version whose records can't be verified.

    Attributes:
        digest: empty for records that were made before records named their bundle.
        reason: why.
    """

    version: str
    digest: str
    reason: str
    n_records: int


class VerificationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the versions that gave the records predict the same bytes again.

    Attributes:
        n_identical: how many outputs are identical byte by byte.
        n_rewritten: how many are the same values: the store keeps their keys in another order, or a
            warning told how the request was written, which isn't recorded.
        n_rounding: how many differ by rounding alone: their rows were predicted in another batch.
        n_different: how many differ.
        n_unverified: how many are of versions that are gone or can't be loaded.
        differences: the first of those that differ.
    """

    model: str
    since_us: int | None
    until_us: int | None
    n_records: int
    n_identical: int
    n_rewritten: int
    n_rounding: int
    n_different: int
    n_unverified: int
    differences: tuple[Difference, ...]
    missing: tuple[MissingVersion, ...]
    seconds: float

    @property
    def is_verified(self) -> bool:
        """Whether records were verified, and none differs."""
        return not self.n_different and (self.n_unverified < self.n_records or not self.n_records)
