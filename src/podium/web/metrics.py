"""Metrics for monitoring systems."""

from __future__ import annotations

from podium.http import Request, Response
from podium.metrics.exposition import MEDIA, exposition
from podium.web.site import Site


def show(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """The metrics of all workers, for Prometheus: `GET /metrics`."""
    return Response(exposition(site.metrics.merged()).encode(), 200, MEDIA)
