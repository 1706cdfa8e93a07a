"""What was measured: the figures that `podium bench --json` prints, and a plan is made from."""

from __future__ import annotations

from pathlib import Path

import msgspec

from podium.errors import SetupError


class Case(msgspec.Struct, kw_only=True, frozen=True):
    """One way to ask: medians over the rounds.

    Attributes:
        n_workers: of the server; 0 if it isn't ours.
        n_connections: that asked at the same time, each again as soon as it was answered.
        n_rows: in each request.
        rows_per_s: predicted rows a second.
        cpu_us_per_row: of all processes of the server, until the rows are in the store; None if
            that can't be known.
        spread: how far the slowest and the fastest round are apart, as a share of the median.
        failed: requests without a prediction, of all rounds.
        reasons: why.
        load_share: how much of a core the program used that asked. From 0.9 on it was the limit.
    """

    n_workers: int
    n_connections: int
    n_rows: int
    requests_per_s: float
    rows_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_row: float | None
    spread: float
    failed: int
    reasons: dict[str, int]
    load_share: float


class Server(msgspec.Struct, kw_only=True, frozen=True):
    """A server with so many workers: medians over the rounds.

    Attributes:
        ready_s: from its start until it was ready.
        worker_mb: the memory of its largest worker; None if that can't be known.
        shipper_mb: the memory of the process that ships records; None as above, or without one.
    """

    n_workers: int
    ready_s: float
    worker_mb: float | None
    shipper_mb: float | None


class Sizes(msgspec.Struct, kw_only=True, frozen=True):
    """What a recorded row takes on a disk, in bytes.

    Attributes:
        outbox_alone: in the outbox, of a request with one row.
        outbox_together: in the outbox, of a request with 100 rows.
        sqlite: in the SQLite file of the home folder, with its indexes.
    """

    outbox_alone: float
    outbox_together: float
    sqlite: float


class Figures(msgspec.Struct, kw_only=True, frozen=True):
    """Everything that was measured.

    Attributes:
        others: how many cores other programs used meanwhile; None if that can't be known.
    """

    podium: str
    model: str
    version: str
    machine: dict[str, str | int]
    is_recorded: bool | None
    seconds: float
    n_rounds: int
    others: float | None
    servers: list[Server]
    cases: list[Case]
    sizes: Sizes | None


_FIGURES = msgspec.json.Decoder(Figures)


def read_figures(path: Path) -> Figures:
    """Figures that were written earlier.

    Raises:
        SetupError: the file can't be read, or has none.
    """
    try:
        return _FIGURES.decode(path.read_bytes())
    except OSError as error:
        raise SetupError(f"{path} can't be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise SetupError(
            f"{path} isn't what podium bench --json printed: {error}",
            hint="podium bench MODEL.podium --json > figures.json",
        ) from error
