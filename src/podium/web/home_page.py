"""The home page: every model that one may see, with what it does and how it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podium.errors import StoreError
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.metrics.timeline import Totals
from podium.signature.labels import folded
from podium.web import render
from podium.web.alerts import counted
from podium.web.among import SCORES
from podium.web.numbers import headline, number_text, percent_text, range_text
from podium.web.site import Site
from podium.web.spread import Spread, ends_of, shares_of, spread_of

# From here on there is a search, and the cards are smaller.
SEARCH_FROM, SMALL_FROM = 7, 13
_LABELS_SHOWN = 3
_SEARCH_MAX = 200
_log = logging.getLogger("podium")


@dataclass(frozen=True, slots=True)
class Picture:
    """The distribution of a model's answers for its training rows.

    Attributes:
        spread: None where there is nothing to draw.
        caption: the same in words.
        is_shares: whether it is one bar, divided by the shares of the labels.
    """

    spread: Spread | None
    caption: str
    is_shares: bool = False


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model on the home page.

    Attributes:
        headline: how good it is, in a sentence.
        alerts: how many are firing; "" if none are, or the actor may not see them.
        failures: how many requests failed since the server started; "" as above.
        last_use: when it answered last; "" as above.
    """

    version: LoadedVersion
    headline: str
    picture: Picture | None
    alerts: str = ""
    failures: str = ""
    last_use: str = ""


def index(site: Site, request: Request) -> Response:
    """The models, or those that a search finds: `GET /?q=`."""
    models = site.visible(request.actor)
    said = request.query.get("q", "").strip()[:_SEARCH_MAX]
    found = {name: one for name, one in models.items() if _fits(one, said)}
    response = render.page(
        site,
        request,
        "home.html",
        cards=_cards(site, request, found),
        n_models=len(models),
        said=said,
        has_search=len(models) >= SEARCH_FROM or bool(said),
        is_small=len(found) >= SMALL_FROM,
        failed=site.failed(request.actor),
    )
    response.headers["vary"] = "accept"  # programs get JSON
    return response


def _fits(version: LoadedVersion, said: str) -> bool:
    """Whether every word of a search is in what the card says."""
    outputs = (output.label for output in version.signature.outputs)
    texts = (version.name, version.card.label, version.card.description, *outputs)
    text = folded(" ".join(texts))
    return all(word in text for word in folded(said).split())


def _cards(site: Site, request: Request, models: Mapping[str, LoadedVersion]) -> list[ModelCard]:
    monitored = [name for name in site.monitored(request.actor) if name in models]
    alerts, hours, totals = _status(site, monitored)
    hour = int(time.time() // 3_600)
    return [
        ModelCard(
            version=one,
            headline=headline(one.card),
            picture=picture_of(one),
            alerts=alerts.get(name, ""),
            failures=_failures(totals[name]) if name in monitored and name in totals else "",
            last_use=_ago(hour - hours[name]) if name in monitored and name in hours else "",
        )
        for name, one in models.items()
    ]


def _status(
    site: Site, models: Sequence[str]
) -> tuple[dict[str, str], dict[str, int], Mapping[str, Totals]]:
    """Alerts, the hour of the last use, and totals by model: home opens also if they can't be read."""
    if not models:
        return {}, {}, {}
    try:
        site.live.sample()
        totals = site.live.by_model()
        hours = site.monitoring.last_hours() if site.monitoring else {}
        firing = {
            name: f"{first.partition(' ')[0]} {'alert' if first == '1 firing' else 'alerts'} firing"
            for name, words in counted(site, models).items()
            if (first := words.partition(",")[0]).endswith("firing")
        }
    except StoreError as error:
        _log.warning("home_status_failed: %s", error)
        return {}, {}, {}
    return firing, hours, totals


def _failures(totals: Totals) -> str:
    n = totals.requests.get("failed", 0)
    return f"{n:,} failed {'request' if n == 1 else 'requests'} since the start" if n else ""


def _ago(hours: int) -> str:
    """How long ago an hour was, in words."""
    if hours < 1:
        return "within the hour"
    if hours < 48:
        return f"{hours} hour{'s' if hours > 1 else ''} ago"
    return f"{hours // 24} days ago"


def picture_of(version: LoadedVersion) -> Picture | None:
    """The distribution of the first output's answers for the training rows; None if unknown."""
    output, baseline = version.signature.output, version.bundle.baseline
    histogram = baseline.outputs.get(output.name)
    if histogram is None or not histogram.n_rows:
        return None
    if histogram.edges:
        ends = range_text(ends_of(histogram), output.unit)
        return Picture(spread_of(histogram), f"{ends} in training" if ends else "")
    if output.score and baseline.scores is not None and baseline.scores.edges:
        ends = range_text(ends_of(baseline.scores))
        return Picture(spread_of(baseline.scores), f"{SCORES[output.score]}: {ends} in training")
    pairs = zip(histogram.labels, histogram.counts, strict=False)
    ranked = sorted(pairs, key=lambda pair: -pair[1])
    named = [f"{label} {percent_text(n / histogram.n_rows)}" for label, n in ranked[:_LABELS_SHOWN]]
    rest = len(ranked) - len(named)
    more = f" and {number_text(rest)} more" if rest > 0 else ""
    shares = shares_of([n for _, n in ranked])
    return Picture(shares, f"{', '.join(named)}{more} in training", is_shares=True)
