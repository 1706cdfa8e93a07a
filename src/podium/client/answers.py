"""What a server returns, as typed values: predictions, explanations, feedback, jobs, models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec


class RowWarning(msgspec.Struct, frozen=True):
    """A value that was used, but is unusual.

    Attributes:
        row: counted from 0; None where one row was sent.
    """

    message: str
    code: str = ""
    field: str = ""
    row: int | None = None


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The prediction for one row.

    Attributes:
        prediction: a number, a label, or an object by output where there are several.
        label: the display name of the label, where the model has some.
        probabilities: by label, where the model has them; by output and label where there are
            several outputs.
        score: of a model without a target: see the model's description.
        distances: to each cluster by its label, where the model has them.
        id: of the record; "" if nothing is recorded.
        model: its name.
        version: the one that answered.
        threshold: of a classifier that doesn't simply predict the most probable class.
        warnings: values that are unusual.
        is_repeated: whether the server had answered this idempotency key before.
    """

    prediction: Any
    label: str | None = None
    probabilities: dict[str, Any] | None = None
    score: float | None = None
    distances: dict[str, float] | None = None
    id: str = ""
    model: str = ""
    version: str = ""
    threshold: dict[str, Any] | None = None
    warnings: tuple[RowWarning, ...] = ()
    is_repeated: bool = False


class Predictions(msgspec.Struct, kw_only=True):
    """The predictions for several rows, in their order: a sequence of `Prediction`.

    Attributes:
        predictions: one for each row; the lists below likewise, or None or empty.
        ids: of the records; empty if nothing is recorded.
        versions: the version that answered each row: they differ where another one was promoted,
            or tried, between the requests of a long input.
        warnings: `row` is the number of the row in the whole input.
    """

    predictions: list[Any]
    labels: list[str] | None = None
    probabilities: list[dict[str, Any]] | None = None
    scores: list[float] | None = None
    distances: list[dict[str, float]] | None = None
    ids: list[str] = []
    model: str = ""
    version: str = ""
    threshold: dict[str, Any] | None = None
    warnings: tuple[RowWarning, ...] = ()
    versions: list[str] = []
    is_repeated: bool = False

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, row: int) -> Prediction:
        row = range(len(self.predictions))[row]  # as of any sequence: IndexError, and from the end
        return Prediction(
            prediction=self.predictions[row],
            label=None if self.labels is None else self.labels[row],
            probabilities=None if self.probabilities is None else self.probabilities[row],
            score=None if self.scores is None else self.scores[row],
            distances=None if self.distances is None else self.distances[row],
            id=self.ids[row] if self.ids else "",
            model=self.model,
            version=self.versions[row],
            threshold=self.threshold,
            warnings=tuple(one for one in self.warnings if one.row == row),
            is_repeated=self.is_repeated,
        )

    def __iter__(self) -> Iterator[Prediction]:
        by_row: dict[int | None, list[RowWarning]] = {}
        for one in self.warnings:
            by_row.setdefault(one.row, []).append(one)
        bare = msgspec.structs.replace(self, warnings=())
        for row in range(len(self)):
            found = bare[row]
            warnings = by_row.get(row)
            yield (
                found if warnings is None else msgspec.structs.replace(found, warnings=(*warnings,))
            )


def joined(parts: Sequence[Predictions]) -> Predictions:
    """The predictions of several requests as one.

    Args:
        parts: at least one, in the order of the rows.
    """
    first, at = parts[0], 0
    warnings: list[RowWarning] = []
    for part in parts:
        warnings += [msgspec.structs.replace(w, row=at + (w.row or 0)) for w in part.warnings]
        at += len(part)
    return Predictions(
        predictions=[one for part in parts for one in part.predictions],
        labels=None if first.labels is None else [o for p in parts for o in p.labels or ()],
        probabilities=None
        if first.probabilities is None
        else [one for part in parts for one in part.probabilities or ()],
        scores=None if first.scores is None else [o for p in parts for o in p.scores or ()],
        distances=None
        if first.distances is None
        else [one for part in parts for one in part.distances or ()],
        ids=[one for part in parts for one in part.ids],
        model=first.model,
        version=parts[-1].version,
        threshold=parts[-1].threshold,
        warnings=tuple(warnings),
        versions=[one for part in parts for one in part.versions],
        is_repeated=all(part.is_repeated for part in parts),
    )


class FieldInfo(msgspec.Struct, frozen=True):
    """One input of a model, as far as rows are checked before they are sent."""

    name: str
    type: str = "float"
    missing: str = "refuse"
    missing_share: float = 0.0

    @property
    def is_required(self) -> bool:
        """Whether a row without it is refused."""
        return self.missing == "refuse" or (self.missing == "warn" and not self.missing_share)


class SignatureInfo(msgspec.Struct, frozen=True):
    """The inputs of a model, and its outputs as the API describes them."""

    fields: tuple[FieldInfo, ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()


class RequestLimits(msgspec.Struct, frozen=True):
    """What an ordinary request may have: that of every caller."""

    rows_max: int = 1_000
    body_max_bytes: int = 2**20


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the API says about a model: `GET /api/models/{name}`.

    Attributes:
        target: the names of the outputs.
        metrics: by name; by target and name if there are several targets.
    """

    name: str
    version: str = ""
    title: str = ""
    description: str = ""
    task: str = ""
    target: tuple[str, ...] = ()
    metrics: dict[str, Any] = {}
    signature: SignatureInfo = SignatureInfo()
    card: dict[str, Any] = {}
    input_schema: dict[str, Any] = {}
    output_schema: dict[str, Any] = {}
    examples: tuple[dict[str, Any], ...] = ()
    limits: RequestLimits = RequestLimits()


class ModelList(msgspec.Struct, frozen=True):
    """The models that a caller may see."""

    models: tuple[ModelInfo, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a model answers as it does to a row.

    Attributes:
        details: everything that the server says, by name; see the how-to on explanations.
    """

    model: str
    version: str
    output: str
    label: Any
    details: dict[str, Any]


class UnmatchedTruth(msgspec.Struct, frozen=True):
    """A row of feedback that found no record, or was refused."""

    row: int
    outcome: str
    id: str = ""
    key: str = ""
    reason: str = ""


class FeedbackOutcome(msgspec.Struct, kw_only=True):
    """What became of true outcomes.

    Attributes:
        added: rows whose truth was added.
        records: how many records got it.
        unknown: rows without a record.
        refused: rows whose truth isn't accepted.
        rows: those that weren't added, and why; the server lists the first ones.
    """

    added: int = 0
    records: int = 0
    unknown: int = 0
    refused: int = 0
    remaining: int = 0
    rows: list[UnmatchedTruth] = []


class JobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is.

    Attributes:
        share: of the file that was read: 0 to 1.
        seconds_left: None while that is unknown.
        error: why it failed; "" otherwise.
    """

    id: str
    name: str = ""
    model: str = ""
    version: str = ""
    file: str = ""
    state: Literal["new", "ready", "waiting", "running", "done", "failed", "cancelled"]
    recorded: bool = False
    rows: int = 0
    refused: int = 0
    share: float = 0.0
    rows_per_s: float = 0.0
    seconds_left: float | None = None
    error: str = ""
    hint: str = ""
    links: dict[str, str] = {}

    @property
    def has_ended(self) -> bool:
        """Whether it waits for nothing any more."""
        return self.state in ("done", "failed", "cancelled")
