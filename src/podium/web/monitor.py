"""Monitoring: the page of each model, and the overview of all."""

from __future__ import annotations

import time

import msgspec

from podium.access import Action, Actor, allowed
from podium.http import Request, Response
from podium.web import render
from podium.web.monitor_numbers import (
    charts_of,
    facts_of,
    overview_of,
    series_of,
    total_of,
    versions_of,
)
from podium.web.numbers import moment_text
from podium.web.site import Site


class View:
    """What an actor sees of the monitoring of a model.

    Args:
        root_path: the prefix that Podium is mounted under.
    """

    def __init__(self, site: Site, model: str, actor: Actor, root_path: str) -> None:
        self.site = site
        self.model = model
        self._actor = actor
        self._root_path = root_path

    @property
    def key(self) -> tuple[object, ...]:
        """The same for all who see the same."""
        return self.model, self._root_path, allowed(self._actor, Action.MANAGE, self.model)

    def series(self) -> list[list[float | None]]:
        """The points of the last minutes, as columns."""
        return series_of(self.site.live.points(self.model))

    def sections(self) -> dict[str, str]:
        """The parts of the page that change, by name.

        Raises:
            PodiumError: the model isn't there any more, or can't be loaded.
        """
        version = self.site.champion(self.model, self._actor)
        return {
            "now": self._now(),
            "versions": self._section("versions", lines=versions_of(self.site, version)),
        }

    def _now(self) -> str:
        points = self.site.live.points(self.model)
        return self._section("now", facts=facts_of(points, total_of(self.site, self.model)))

    def _url(self, path: str) -> str:
        return self._root_path + path

    def _section(self, name: str, **values: object) -> str:
        template = render.environment().get_template(f"monitor_{name}.html")
        return template.render(url=self._url, name=self.model, **values)


def index(site: Site, request: Request) -> Response:
    """All models that one may monitor: `GET /monitor`."""
    site.live.sample()
    return render.page(
        site,
        request,
        "monitor.html",
        lines=overview_of(site, site.monitored(request.actor)),
        moment=_now_text(),
    )


def model(site: Site, request: Request, name: str) -> Response:
    """The monitoring of a model: `GET /models/{name}/monitor`."""
    version = site.champion(name, request.actor)
    site.live.sample()
    view = View(site, name, request.actor, request.root_path)
    return render.page(
        site,
        request,
        "model_monitor.html",
        model=version,
        sections=view.sections(),
        charts=charts_of(site.live.points(name)),
        series=msgspec.json.encode(view.series()).decode(),
        stream=request.url(f"/api/models/{name}/monitor/stream") if site.has_streams else "",
        moment=_now_text(),
    )


def _now_text() -> str:
    return moment_text(time.time_ns() // 1_000)
