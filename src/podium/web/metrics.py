"""Metrics for monitoring systems."""

from __future__ import annotations

from podium.http import Request, Response
from podium.metrics import others
from podium.metrics.exposition import MEDIA, exposition
from podium.web.site import Site


def show(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """The metrics of all workers, for Prometheus: `GET /metrics`."""
    snapshot, systems = site.metrics.merged(), site.settings.metrics_also
    text = exposition(snapshot)
    if systems:
        text += exposition(
            others.renamed(snapshot, systems),
            [family for one in systems for family in others.FAMILIES[one]],
        )
    return Response(text.encode(), 200, MEDIA)
