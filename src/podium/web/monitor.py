"""Monitoring: the page of each model, and the overview of all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup

from podium.access import Action, Actor, allowed
from podium.bundle.baseline import Period
from podium.errors import InputError
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.monitoring.report import Report
from podium.web import render
from podium.web.alerts import alert_of, counted, lines_of
from podium.web.monitor_drift import drifts_of
from podium.web.monitor_numbers import (
    charts_of,
    facts_of,
    overview_of,
    series_of,
    total_of,
    versions_of,
)
from podium.web.monitor_windows import windows_of
from podium.web.numbers import moment_text
from podium.web.site import Site

# A report is made at most so often for all who see the same.
REPORT_S = 5.0
_WINDOWS: tuple[Period, ...] = ("hour", "day", "week")


class View:
    """What an actor sees of the monitoring of a model.

    Args:
        root_path: the prefix that Podium is mounted under.
        query: `window`, an hour, a day or a week; `version`, the champion by default.

    Raises:
        InputError: the query is invalid.
    """

    def __init__(
        self, site: Site, model: str, actor: Actor, root_path: str, query: Mapping[str, str]
    ) -> None:
        self.model = model
        self.window = _window(query.get("window") or "day")
        self.version = query.get("version", "")
        self._site = site
        self._actor = actor
        self._root_path = root_path
        self._report: Report | None = None
        self._reported_s = 0.0
        self._counted: dict[str, str] = {}

    @property
    def key(self) -> tuple[object, ...]:
        """The same for all who see the same."""
        may_manage = allowed(self._actor, Action.MANAGE, self.model)
        return self.model, self.window, self.version, self._root_path, may_manage

    def report(self) -> Report | None:
        """What was counted in these windows, as of a few seconds ago; None where nothing counts.

        Raises:
            PodiumError: there is no such version, or the counts can't be read.
        """
        monitoring = self._site.monitoring
        if monitoring is None:
            return None
        now_s = time.monotonic()
        if self._report is None or now_s - self._reported_s > REPORT_S:
            self._report = monitoring.report(self.model, self.window, version=self.version)
            self._reported_s = now_s
            self._counted = {}
        return self._report

    def series(self) -> list[list[float | None]]:
        """The points of the last minutes, as columns."""
        return series_of(self._site.live.points(self.model))

    def sections(self) -> dict[str, str]:
        """The parts of the page that change, as HTML, by name.

        Raises:
            PodiumError: the model can't be served any more, or the counts can't be read.
        """
        champion = self._site.champion(self.model, self._actor)
        report = self.report()
        if report is not None and not self._counted:
            self._counted = self._of(report, champion)
        points = self._site.live.points(self.model)
        facts = facts_of(points, total_of(self._site, self.model))
        lines = versions_of(self._site, champion)
        return {
            **self._alerts(),
            "now": self._section("now", facts=facts),
            **self._counted,
            "versions": self._section("versions", lines=lines),
        }

    def _alerts(self) -> dict[str, str]:
        """The part that shows what is alarming, if anything looks for that."""
        if self._site.alerts is None:
            return {}
        may_manage = allowed(self._actor, Action.MANAGE, self.model)
        alerts = lines_of(self._site.alerts, self.model)
        return {"alerts": self._section("alerts", alerts=alerts, may_manage=may_manage)}

    def _of(self, report: Report, champion: LoadedVersion) -> dict[str, str]:
        """The parts that show what was counted."""
        monitoring = self._site.monitoring
        assert monitoring is not None  # it made the report
        signature = champion.signature
        if report.digest != champion.digest:
            signature = monitoring.bundle(self.model, report.digest).signature
        return {
            "windows": self._section("windows", report=report, windows=windows_of(report)),
            "drift": self._section("drift", drifts=drifts_of(report, signature)),
        }

    def _url(self, path: str) -> str:
        return self._root_path + path

    def _section(self, name: str, **values: object) -> str:
        return render.part(f"monitor_{name}.html", url=self._url, name=self.model, **values)


def index(site: Site, request: Request) -> Response:
    """All models that one may monitor: `GET /monitor`."""
    site.live.sample()
    models = site.monitored(request.actor)
    return render.page(
        site,
        request,
        "monitor.html",
        lines=overview_of(site, models, counted(site, list(models))),
        moment=_now_text(),
    )


def model(site: Site, request: Request, name: str) -> Response:
    """The monitoring of a model: `GET /models/{name}/monitor?window=&version=`.

    Raises:
        InputError: the query is invalid.
        NotFound: there is no such version.
    """
    version = site.champion(name, request.actor)
    site.live.sample()
    view = View(site, name, request.actor, request.root_path, request.query)
    query = urlencode({"window": view.window, "version": view.version})
    stream = request.url(f"/api/models/{name}/monitor/stream?{query}") if site.has_streams else ""
    return render.page(
        site,
        request,
        "model_monitor.html",
        model=version,
        view=view,
        # Rendered from templates of their own, which escape.
        sections={part: Markup(html) for part, html in view.sections().items()},  # noqa: S704
        report=view.report(),
        alert=alert_of(site, request, name),
        charts=charts_of(site.live.points(name)),
        series=msgspec.json.encode(view.series()).decode(),
        stream=stream,
        moment=_now_text(),
    )


def _window(text: str) -> Period:
    for one in _WINDOWS:
        if one == text:
            return one
    raise InputError(f"window is {text[:80]!r}", hint=f"known: {', '.join(_WINDOWS)}")


def _now_text() -> str:
    return moment_text(time.time_ns() // 1_000)
