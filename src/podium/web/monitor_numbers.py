"""What the monitoring pages show of the last minutes: rows, latency, refusals, and versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from podium.flow.version import LoadedVersion
from podium.metrics.metrics import OUTCOMES
from podium.metrics.timeline import Point, Totals, quantile_ms
from podium.web.charts import Line, line_of
from podium.web.numbers import SPACE, number_text, percent_text
from podium.web.site import Site

# An en dash.
UNKNOWN = "\u2013"
NO_POINT = Point(0.0, 0.0, None, None, 0.0)
# The columns of a point, as scripts read them.
COLUMNS = ("time_s", "rows", "p50_ms", "p99_ms", "turned_away")


@dataclass(frozen=True, slots=True)
class Chart:
    """Some columns of the points over time.

    Attributes:
        name: identifies it on the page.
        columns: the numbers of the columns, and what each is called.
        unit: of all of them.
        lines: as the server draws them.
        most: the value at the top.
        caption: what it shows, with its range.
    """

    name: str
    title: str
    columns: tuple[tuple[int, str], ...]
    unit: str
    lines: tuple[Line, ...]
    most: float
    caption: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """What a version has done since the server started, as people read it."""

    name: str
    aliases: str
    rows: str
    share: str
    median: str
    turned_away: str


_CHARTS = (
    ("rows", "Predictions", ((1, "Rows a second"),), ""),
    ("latency", "Latency", ((2, "Median"), (3, "99th percentile")), "ms"),
    ("turned-away", "Requests turned away", ((4, "Requests a second"),), ""),
)


def charts_of(points: Sequence[Point]) -> list[Chart]:
    """The charts of the last minutes."""
    rows = [msgspec.structs.astuple(point) for point in points]
    columns: list[list[float]] = list(map(list, zip(*rows, strict=True))) if rows else []
    return [_chart(columns, *one) for one in _CHARTS]


def series_of(points: Sequence[Point]) -> list[list[float | None]]:
    """The points as columns: those of `COLUMNS`."""
    if not points:
        return [[] for _ in COLUMNS]
    return list(map(list, zip(*map(msgspec.structs.astuple, points), strict=True)))


def facts_of(points: Sequence[Point], totals: Totals) -> list[tuple[str, str]]:
    """The numbers of the last sample, and those since the server started."""
    last = points[-1] if points else NO_POINT
    return [
        ("Rows a second", number_text(last.rows)),
        ("Median latency", _ms(last.p50_ms)),
        ("99th percentile", _ms(last.p99_ms)),
        ("Turned away a second", number_text(last.turned_away)),
        ("Rows since the start", number_text(totals.rows)),
        ("Turned away since the start", _turned_away(totals)),
    ]


def versions_of(site: Site, champion: LoadedVersion) -> list[VersionLine]:
    """The versions that have answered since the server started, the champion first."""
    traffic = site.deployments[champion.name].traffic
    aliases = {traffic.champion.version: "champion"}
    if traffic.canary is not None:
        aliases.setdefault(traffic.canary.version, "challenger")
    found = site.live.by_version(champion.name)
    n_rows = sum(totals.rows for totals in found.values())
    names = sorted(found, key=lambda name: (name != champion.version, -found[name].rows))
    return [_version(name, aliases.get(name, ""), found[name], n_rows) for name in names]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model in the overview, as people read it."""

    name: str
    title: str
    version: str
    rows: str
    median: str
    p99: str
    turned_away: str
    alerts: str


def overview_of(
    site: Site, models: Mapping[str, LoadedVersion], alerts: Mapping[str, str]
) -> list[ModelLine]:
    """A line for each of these models, with its alerts in words."""
    return [_line(site, one, alerts[name]) for name, one in models.items()]


def _line(site: Site, version: LoadedVersion, alerts: str) -> ModelLine:
    points = site.live.points(version.name)
    last = points[-1] if points else NO_POINT
    return ModelLine(
        version.name,
        version.card.label,
        version.version,
        number_text(last.rows),
        _ms(last.p50_ms),
        _ms(last.p99_ms),
        number_text(last.turned_away),
        alerts,
    )


def total_of(site: Site, model: str) -> Totals:
    """What all versions of a model have done since the server started."""
    total = Totals()
    for one in site.live.by_version(model).values():
        total.rows += one.rows
        for outcome, n in one.requests.items():
            total.requests[outcome] = total.requests.get(outcome, 0) + n
    return total


def _chart(
    columns: list[list[float]],
    name: str,
    title: str,
    shown: tuple[tuple[int, str], ...],
    unit: str,
) -> Chart:
    values = [columns[number] for number, _ in shown] if columns else []
    most = max((value for one in values for value in one if value is not None), default=0.0)
    lines = tuple(line_of(columns[0], one, most) for one in values)
    caption = "No samples yet."
    if columns:
        top = f"{number_text(most)}{SPACE}{unit}" if unit else number_text(most)
        caption = f"0 to {top}, {_clock(columns[0][0])} to {_clock(columns[0][-1])} UTC"
    return Chart(name, title, shown, unit, lines, most, caption)


def _version(name: str, aliases: str, totals: Totals, n_rows: int) -> VersionLine:
    share = percent_text(totals.rows / n_rows) if n_rows else UNKNOWN
    median = _ms(quantile_ms(totals.latencies, 0.5))
    rows = number_text(totals.rows)
    return VersionLine(name, aliases, rows, share, median, _turned_away(totals))


def _turned_away(totals: Totals) -> str:
    """How many requests got no predictions, by outcome."""
    some = [
        f"{number_text(n)}{SPACE}{one}" for one in OUTCOMES[1:] if (n := totals.requests.get(one))
    ]
    return ", ".join(some) or "none"


def _ms(value: float | None) -> str:
    return UNKNOWN if value is None else f"{number_text(value)}{SPACE}ms"


def _clock(moment_s: float) -> str:
    return dt.datetime.fromtimestamp(moment_s, dt.UTC).strftime("%H:%M:%S")
