"""The live pages: what is sent to those who watch a model by WebSocket."""

from __future__ import annotations

from typing import Any

import msgspec

from podium.http import Request, Response
from podium.metrics.timeline import Point
from podium.policy import gate
from podium.web import problems
from podium.web.monitor import View
from podium.web.site import Site

_ENCODER = msgspec.json.Encoder()
# Source: RFC 6455, section 4.2.2; RFC 9110, section 15.5.22.
_UPGRADE = {"upgrade": "websocket", "sec-websocket-version": "13"}


def stream(site: Site, request: Request, name: str) -> Response:
    """The monitoring of a model as it changes: `GET /api/models/{name}/monitor/stream`.

    Its query is that of the page. A host that has WebSockets asks it whether one may be opened.
    """
    site.require_model(name, request.actor)
    if request.handshake is None:
        response = _refused(gate.not_a_handshake())
        response.headers |= _UPGRADE
        return response
    headers = [(key.encode(), value.encode("latin-1")) for key, value in request.headers.items()]
    refusal = gate.check_handshake(site.settings, headers)
    if refusal is not None:
        return _refused(refusal)
    request.handshake.admit(request, name)
    return Response(status=204)


def _refused(refusal: gate.Refusal) -> Response:
    problem = problems.of_refusal(refusal)
    response = problems.respond(problem)
    response.problem = problem
    return response


class LiveView:
    """The messages for all who watch the same: JSON objects, as the script of the page reads them.

    The first has everything: `series`, the columns of the last minutes, and `sections`, parts of
    the page as HTML. Those that follow have new `points`, and the sections that have changed.

    Attributes:
        n_messages: how many have followed.

    Raises:
        PodiumError: the query is invalid, or the counts can't be read.
    """

    def __init__(self, site: Site, request: Request, model: str) -> None:
        self._site = site
        self._model = model
        self._view = View(site, model, request.actor, request.root_path, request.query)
        self._view.report()  # an invalid query is refused in the handshake
        self._shown: dict[str, str] = {}
        self._last_s = self._latest_s()
        self.n_messages = 0

    @property
    def key(self) -> tuple[object, ...]:
        """The same for all who see the same."""
        return self._view.key

    def first(self) -> str:
        """The message for one who comes.

        Raises:
            PodiumError: the model can't be served any more, or the store can't be read.
        """
        return _text({"series": self._view.series(), "sections": self._view.sections()})

    def next(self) -> str:
        """The message for all who are there.

        Raises:
            PodiumError: as `first` does.
        """
        points = [one for one in self._points() if one.time_s > self._last_s]
        self._last_s = self._latest_s()
        sections = self._view.sections()
        changed = {name: html for name, html in sections.items() if self._shown.get(name) != html}
        self._shown |= changed
        self.n_messages += 1
        return _text({"points": points, "sections": changed})

    def _points(self) -> list[Point]:
        return self._site.live.points(self._model)

    def _latest_s(self) -> float:
        points = self._points()
        return points[-1].time_s if points else 0.0


def _text(value: dict[str, Any]) -> str:
    return _ENCODER.encode(value).decode()
