"""How many workers, how much memory and how much disk so many predictions need."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from podium.capacity.figures import Case, Figures
from podium.errors import SetupError

# Above this share of a machine, waiting times grow quickly, and peaks find no room.
USE = 0.6
DAY_S = 86_400
MONTH_S = 30 * DAY_S
_UNITS = {"s": 1, "min": 60, "h": 3_600, "day": DAY_S, "month": MONTH_S}
_FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_RATE = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([kMG]?)\s*/\s*(s|min|h|day|month)")


@dataclass(frozen=True, slots=True)
class Need:
    """What so many rows need.

    Attributes:
        rows_per_s: that are predicted, on average.
        case: the way to ask that was measured, and that this is calculated from.
        cores: of this machine, busy for `USE` of the time.
        workers: of the server.
        memory_mb: of workers and shipper; None if it wasn't measured.
        outbox_mb_per_h: what waits in the home folder for each hour without the database.
        store_gb_per_month: of SQLite; another database takes more or less. None: nothing is recorded.
    """

    rows_per_s: float
    case: Case
    cores: float
    workers: int
    memory_mb: float | None
    outbox_mb_per_h: float | None
    store_gb_per_month: float | None


def rate_of(text: str) -> float:
    """Rows a second, from a text such as `2000/s`, `5M/day` or `300k/h`.

    Raises:
        SetupError: it isn't one.
    """
    found = _RATE.fullmatch(text.strip())
    number = float(re.sub("[_,]", "", found[1])) if found else 0.0
    if found is None or number <= 0:
        raise SetupError(
            f"{text!r} is no number of predictions in a time",
            hint="write 2000/s, 300k/h, 5M/day or 100M/month",
        )
    return number * _FACTORS[found[2]] / _UNITS[found[3]]


def need_of(figures: Figures, rows_per_s: float, *, p99_ms: float, n_rows: int) -> Need:
    """What so many rows need, by what was measured.

    Args:
        p99_ms: 99 of 100 requests must have been answered within so long.
        n_rows: in each request.

    Raises:
        SetupError: nothing that was measured fits.
    """
    asked = [one for one in figures.cases if one.n_rows == n_rows and one.cpu_us_per_row]
    if not asked:
        known = sorted({one.n_rows for one in figures.cases if one.cpu_us_per_row})
        raise SetupError(
            f"nothing was measured with {n_rows} rows in a request"
            if known
            else "the CPU of the server wasn't measured",
            hint=f"measured: {', '.join(map(str, known))}"
            if known
            else "measure on Linux, a server that podium bench starts",
        )
    fitting = [one for one in asked if one.p99_ms <= p99_ms and one.rows_per_s]
    if not fitting:
        best = min(one.p99_ms for one in asked)
        raise SetupError(
            f"no way to ask was answered within {p99_ms:g} ms; the best was {best:.3g} ms",
            hint="allow more with --within, or measure when nothing else runs here",
        )
    case = max(fitting, key=lambda one: one.rows_per_s)
    cores = rows_per_s * (case.cpu_us_per_row or 0.0) / 1e6 / USE
    # What one worker did when it was alone; several may share cores with each other and the load.
    own = [one.rows_per_s / max(1, one.n_workers) for one in fitting]
    workers = max(1, math.ceil(rows_per_s / max(own) / USE))
    return Need(
        rows_per_s,
        case,
        cores,
        workers,
        _memory_mb(figures, workers),
        _per(figures, rows_per_s * 3_600 / 2**20, n_rows=n_rows),
        None if figures.sizes is None else figures.sizes.sqlite * rows_per_s * MONTH_S / 2**30,
    )


def _memory_mb(figures: Figures, workers: int) -> float | None:
    known = [one for one in figures.servers if one.worker_mb is not None]
    if not known:
        return None
    shipper = max((one.shipper_mb or 0.0) for one in known)
    return workers * max(one.worker_mb or 0.0 for one in known) + shipper


def _per(figures: Figures, factor: float, *, n_rows: int) -> float | None:
    if figures.sizes is None:
        return None
    sizes = figures.sizes
    return factor * (sizes.outbox_alone if n_rows == 1 else sizes.outbox_together)
