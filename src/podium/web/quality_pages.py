"""Live quality: how good a version's predictions were, as far as the truth is known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from podium.errors import InputError, NotFound, SetupError
from podium.http import Request, Response
from podium.monitoring.diagnosis import CalibrationBin, Confusion, Residuals
from podium.monitoring.live_quality import LiveMetric, LiveQuality, live_quality
from podium.monitoring.pieces import HOUR_US
from podium.records.period import moment_us
from podium.web import render
from podium.web.charts import HEIGHT, Overlay, overlay_of
from podium.web.numbers import SPACE, moment_text, number_text, percent_text, with_unit
from podium.web.site import Site

SINCE = "30d"
_SHARES = frozenset({"accuracy", "balanced_accuracy"})
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60
PERIODS = (("24h", "The last 24 hours"), ("7d", "The last 7 days"), ("30d", "The last 30 days"))


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric now and on the card, as people read it.

    Attributes:
        verdict: whether the difference can be chance; "" where nothing tells.
        is_worse: whether it can't, and the card was better.
    """

    title: str
    now: str
    interval: str
    card: str
    verdict: str
    is_worse: bool


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """Rows with about the same probability, as people read it.

    Attributes:
        marks: the predicted share, the share that happened, and its interval, in percent.
    """

    rows: str
    predicted: str
    happened: str
    interval: str
    marks: tuple[float, float, float, float]


def index(site: Site, request: Request, name: str) -> Response:
    """How good the predictions were: `GET /models/{name}/quality?version=&since=`.

    Raises:
        PodiumError: as `measured` has it.
    """
    champion = site.champion(name, request.actor)
    query = request.query
    found = measured(site, name, query.get("version", ""), query.get("since", ""))
    residuals = found.residuals
    return render.page(
        site,
        request,
        "quality.html",
        model=champion,
        quality=found,
        since=query.get("since") or SINCE,
        version=query.get("version", ""),
        versions=versions_of(site, name),
        periods=PERIODS,
        summary=_summary(found),
        lines=[_metric(one) for one in found.metrics],
        calibration=[_calibration(one) for one in found.calibration],
        confusion=_confusion(found.confusion),
        residuals=None if residuals is None else _residuals(residuals, found),
        moments=(moment_text(found.since_us)[:16], moment_text(found.until_us)[:16]),
    )


def measured(site: Site, name: str, version: str = "", since: str = "") -> LiveQuality:
    """The quality of a version's predictions whose truth is known.

    Args:
        version: its alias, name or digest; the champion by default.
        since: so long ago, such as `7d`, or a date or a time; 30 days by default.

    Raises:
        NotFound: no records are kept here, nothing is counted, or there is no such version.
        InputError: `since` is no time.
        StoreError: the records can't be read.
    """
    monitoring = site.monitoring
    if site.store is None or monitoring is None:
        raise NotFound(
            "no records are kept and counted here",
            hint="serve with records = true and monitoring = true",
        )
    now_us = time.time_ns() // 1_000
    try:
        since_us = moment_us(since or SINCE, now_us)
    except SetupError as error:
        raise InputError(f"since: {error.message}", hint=error.hint) from error
    bundle = monitoring.bundle(name, version)

    def n_rows(start_us: int, end_us: int) -> int:
        found = monitoring.read(name, start_us // HOUR_US, end_us // HOUR_US + 1)
        own = (sums for key, sums in found.items() if key[1:3] == (bundle.digest, "primary"))
        return sum(one.n_rows for one in own)

    return live_quality(site.store, bundle, since_us, now_us, n_rows)


def versions_of(site: Site, name: str) -> list[tuple[str, str]]:
    """The digests of a model's versions, and what each is called."""
    if site.versions is None:
        return []
    return [(one.digest, one.name) for one in site.versions.registry.versions(name)]


def _summary(found: LiveQuality) -> str:
    """How much is known, and how soon it is, in a sentence."""
    if not found.n_truths:
        return (
            "The truth of no prediction in this time is known yet. It is added as feedback: in the "
            "inbox, by file, or by the API."
        )
    words = f"The truth of {number_text(found.n_truths)} predictions is known"
    if found.coverage is not None and found.n_rows:
        words += f", {percent_text(found.coverage)} of {number_text(found.n_rows)}"
    if found.delay_s is not None:
        half, most = map(duration_text, found.delay_s)
        words += f". Half of it came within {half}, nine tenths within {most}"
    if found.is_cut:
        words += ". There is more before that, which isn't read"
    return words + "."


def duration_text(seconds: float) -> str:
    """A duration in its largest unit."""
    for unit_s, unit in ((_DAY_S, "days"), (_HOUR_S, "hours"), (_MINUTE_S, "minutes")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.3g}{SPACE}{unit}"
    return f"{seconds:.3g}{SPACE}seconds"


def _metric(metric: LiveMetric) -> MetricLine:
    verdict, is_worse = "", False
    if metric.card is not None and metric.low is not None and metric.high is not None:
        if metric.low <= metric.card <= metric.high:
            verdict = "as on the card"
        else:
            is_worse = (metric.value < metric.card) == (metric.better == "higher")
            verdict = "worse than on the card" if is_worse else "better than on the card"
    interval = ""
    if metric.low is not None and metric.high is not None:
        interval = f"{_figure(metric, metric.low)} to {_figure(metric, metric.high)}"
    title = metric.title[:1].upper() + metric.title[1:]
    return MetricLine(
        f"{title} of {metric.output}" if metric.output else title,
        _figure(metric, metric.value),
        interval,
        "" if metric.card is None else _figure(metric, metric.card),
        verdict,
        is_worse,
    )


def _figure(metric: LiveMetric, value: float) -> str:
    if metric.name in _SHARES:
        return percent_text(value)
    return with_unit(number_text(value), metric.unit)


def _confusion(found: Confusion | None) -> list[tuple[str, tuple[int, ...]]]:
    """Each class with its row; without the last one if it stands for no others."""
    if found is None:
        return []
    n = len(found.classes)
    if not any(found.counts[-1]) and not any(row[-1] for row in found.counts):
        n -= 1
    return [(found.classes[i], found.counts[i][:n]) for i in range(n)]


def _calibration(one: CalibrationBin) -> CalibrationLine:
    shares = (one.predicted, one.happened, one.low, one.high)
    first, second, third, fourth = (round(100 * share, 1) for share in shares)
    return CalibrationLine(
        number_text(one.n_rows),
        percent_text(one.predicted),
        percent_text(one.happened),
        f"{percent_text(one.low)} to {percent_text(one.high)}",
        (first, second, third, fourth),
    )


@dataclass(frozen=True, slots=True)
class ResidualsView:
    """Residuals, as people read them, and their histogram.

    Attributes:
        quantiles: each with its name.
    """

    mean: str
    deviation: str
    quantiles: tuple[tuple[str, str], ...]
    chart: Overlay
    height: int
    ends: tuple[str, str]


def _residuals(residuals: Residuals, found: LiveQuality) -> ResidualsView:
    unit = next((one.unit for one in found.metrics if one.unit), "")

    def text(value: float) -> str:
        return with_unit(number_text(float(f"{value:.4g}")), unit)

    names: Sequence[str] = ("5 %", "25 %", "50 %", "75 %", "95 %")
    values = [text(value) for value in residuals.quantiles]
    return ResidualsView(
        text(residuals.mean),
        text(residuals.deviation),
        tuple(zip(names, values, strict=True)),
        overlay_of(residuals.counts, [0] * len(residuals.counts)),
        HEIGHT,
        (text(residuals.edges[0]), text(residuals.edges[-1])),
    )
