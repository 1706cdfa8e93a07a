"""Hours, days or weeks on the monitoring page: rows, refusals and drift in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podium.monitoring.report import Report, Window
from podium.web.charts import HEIGHT
from podium.web.monitor_drift import LEVELS
from podium.web.numbers import moment_text, number_text

_HOUR_US = 3_600_000_000
_HOURS = {"hour": 1, "day": 24, "week": 168}
_BAR, _GAP = 10, 2


@dataclass(frozen=True, slots=True)
class WindowLine:
    """A window, as people read it, and its bar in the chart.

    Attributes:
        level: the highest of all that was measured.
        path: of the bar.
    """

    time: str
    rows: str
    refused: str
    level: str
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a report, in the units of an SVG of `width` by 100.

    Attributes:
        caption: the range of the chart.
        lines: the windows that have rows, the latest first.
    """

    width: int
    caption: str
    lines: tuple[WindowLine, ...]


def windows_of(report: Report) -> Windows:
    """What the page shows of the windows of a report."""
    n_hours = _HOURS[report.window]
    n = max(1, -(-(report.until_us - report.since_us) // (n_hours * _HOUR_US)))
    most = max((one.n_rows for one in report.windows), default=0)
    lines = [_line(one, report, most) for one in report.windows]
    caption = (
        f"0 to {number_text(most)} rows, {_moment(report.since_us, report)} to "
        f"{_moment(report.until_us, report)} UTC"
    )
    return Windows(_BAR * n - _GAP, caption, tuple(reversed(lines)))


def _line(window: Window, report: Report, most: int) -> WindowLine:
    place = (window.time_us - report.since_us) // (_HOURS[report.window] * _HOUR_US)
    height = max(round(HEIGHT * window.n_rows / most, 1), 2) if window.n_rows else 0
    level = _highest(window.level)
    return WindowLine(
        _moment(window.time_us, report),
        number_text(window.n_rows),
        number_text(window.n_refused),
        level,
        LEVELS[level],
        f"M{_BAR * place} {HEIGHT}v-{height:g}h{_BAR - _GAP}v{height:g}z" if height else "",
    )


def _highest(levels: Sequence[str]) -> str:
    return "red" if "red" in levels else "amber" if "amber" in levels else "none"


def _moment(time_us: int, report: Report) -> str:
    """To the minute where the windows are hours, else the day."""
    return moment_text(time_us)[: 16 if report.window == "hour" else 10]
