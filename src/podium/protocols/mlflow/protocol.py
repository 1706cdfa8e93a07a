"""The protocol's routes, and its own form of errors."""

from __future__ import annotations

from collections.abc import Mapping

from podium.distribution import version as podium_version
from podium.flow.formats.json_rows import JSON
from podium.flow.request import PredictRequest
from podium.http import Problem, Request, Response
from podium.protocols import container, instances
from podium.protocols.context import context_of
from podium.protocols.instance_rows import mlflow_rows
from podium.protocols.mlflow.codec import ScoringCodec
from podium.protocols.words import one_line
from podium.web.router import LISTED, OPEN, FastForm, Route, ServingProtocol
from podium.web.site import Site

# MLflow says 400 for every fault of a request.
_STATUSES = {422: 400}
# Source: `ERROR_CODE_TO_HTTP_STATUS` of MLflow.
_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODEC = ScoringCodec()


def version(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """The version of Podium: `GET /version`."""
    return Response(podium_version().encode(), 200, JSON)


def _read(request: Request, _values: Mapping[str, str]) -> PredictRequest:
    return PredictRequest(request.body, request.media, context_of(request), _CODEC)


def _problem(problem: Problem) -> Response:
    status = _STATUSES.get(problem.status, problem.status)
    code = _CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")
    return Response.json({"error_code": code, "message": one_line(problem)}, status=status)


def scoring(model: str) -> ServingProtocol:
    """The protocol.

    Args:
        model: the model that answers; "" if it isn't clear which.
    """
    return ServingProtocol(
        "mlflow",
        (container.PING, container.INVOCATIONS, "/health", "/version"),
        (
            *container.routes_of(model),
            Route("health", ("GET",), "/health", container.ping, OPEN),
            Route("version", ("GET",), "/version", version, LISTED),
        ),
        read=_read,
        write=instances.written,
        problem=_problem,
        fast=FastForm(
            media=frozenset({b"", b"application/json", b"application/json; charset=utf-8"}),
            accept=frozenset({b"", b"*/*", b"application/json", b"application/json, */*"}),
            codec=mlflow_rows,
        ),
    )
