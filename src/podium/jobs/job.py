"""A job: a file that is scored, and what is known about it so far."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["new", "ready", "waiting", "running", "done", "failed", "cancelled"]
# It waits for nobody but the runner, or for whoever sent the file, or for nothing any more.
UNFINISHED: tuple[State, ...] = ("new", "ready", "waiting", "running")
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
NAME_MAX, FILE_NAME_MAX = 100, 200
# What the names of records' sources begin with, before the name of the job.
SOURCE = "job"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A file, what is to be done with it, and how far that is.

    Attributes:
        id: 32 lower-case hex digits.
        digest: of the version that scores it, from the first row to the last.
        path: of that version's bundle.
        owner: whose job it is, as `Actor.owner`; an anonymous caller's network otherwise.
        actor: their name, for people to read and for records.
        name: given by them.
        file: the name of the file as it was sent, without folders.
        format: the ending of its name that says how to read it, as `.csv` or `.ndjson.gz`.
        state: `new`: its first rows are to be looked at; `ready`: they were, and it can be started;
            `waiting`: for its turn; `running`; `done`; `failed`; `cancelled`.
        is_recorded: whether each row is recorded.
        fields: the fields that columns of other names hold, by those names.
        n_bytes: of the file.
        n_read: of them, how many were read.
        n_rows: how many rows were read.
        n_total: how many rows there are; 0 if the file doesn't say it.
        n_refused: rows without a prediction.
        out_bytes: of the results so far.
        n_starts: how often it began; more than once if its process was cut.
        queued_us: when it was started by its owner; `began_us`: when it began to run.
        error: why it failed; `hint`: what to do about it.
        preview: what the first rows gave, as `Preview` in JSON.
        slot: which of the places at work has it, while it is at work.
    """

    id: str
    model: str
    version: str
    digest: str
    path: str
    owner: str
    actor: str = ""
    name: str = ""
    file: str = ""
    format: str = ".csv"
    state: State = "new"
    is_recorded: bool = False
    fields: dict[str, str] = {}
    n_bytes: int = 0
    n_read: int = 0
    n_rows: int = 0
    n_total: int = 0
    n_refused: int = 0
    out_bytes: int = 0
    n_starts: int = 0
    created_us: int = 0
    queued_us: int = 0
    began_us: int = 0
    changed_us: int = 0
    error: str = ""
    hint: str = ""
    preview: bytes = b""
    slot: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing happens to it any more."""
        return self.state in ENDED

    @property
    def record_prefix(self) -> str:
        """What the ids of its records begin with, and hardly any other."""
        return f"{self.queued_us // 1_000:012x}7"

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.state == "done":
            return 1.0
        done, total = (self.n_rows, self.n_total) if self.n_total else (self.n_read, self.n_bytes)
        return min(done / total, 1.0) if total else 0.0

    @property
    def seconds(self) -> float:
        """How long it ran until it last reported."""
        return max(self.changed_us - self.began_us, 0) / 1e6 if self.began_us else 0.0

    @property
    def rows_per_s(self) -> float:
        """Rows a second since it began."""
        return self.n_rows / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float | None:
        """How many seconds it may still take; None if that can't be told."""
        if self.state != "running" or not self.share or not self.seconds:
            return None
        return self.seconds * (1 - self.share) / self.share


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a file, and what the model answers.

    Attributes:
        columns: of the file, each with the field that it holds; "" for one that is kept as it is.
        lacking: fields without a column; `needed` are those that the model can't do without.
        suggested: the column that a lacking field may be.
        predicted: the names of the columns that are added; `taken` are those that the file has.
        rows: the cells of the first rows, in the order of `columns`, and then the predicted ones.
        n_rows: how many rows were looked at; `n_refused` of them have no prediction.
        problems: the invalid cells, each with its place: `line 3`.
        is_whole: whether these are all rows of the file.
    """

    columns: tuple[tuple[str, str], ...]
    lacking: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    suggested: dict[str, str] = {}
    predicted: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    refused: tuple[int, ...] = ()
    n_rows: int = 0
    n_refused: int = 0
    n_warnings: int = 0
    problems: tuple[tuple[str, str], ...] = ()
    is_whole: bool = False

    @property
    def can_start(self) -> bool:
        """Whether the file has every column that the model needs."""
        return not self.needed and not self.taken


_PREVIEW = msgspec.json.Decoder(Preview)


def preview_of(job: Job) -> Preview | None:
    """What its first rows gave; None before they were looked at."""
    return _PREVIEW.decode(job.preview) if job.preview else None
