"""The protocol's REST form: its routes, and its own form of errors."""

from __future__ import annotations

from collections.abc import Mapping

from podium.access import Action
from podium.flow.request import PredictRequest
from podium.flow.response import EncodedResponse
from podium.http import Problem, Request, Response
from podium.protocols.context import context_of
from podium.protocols.oip import views
from podium.protocols.oip.rest import LENGTH_HEADER, RestCodec, split_media
from podium.protocols.oip.rows import RestRows
from podium.protocols.oip.words import text_of
from podium.web.router import LISTED, OPEN, FastForm, Route, ServingProtocol

# Clients take 422 for a fault of the server's.
_STATUSES = {422: 400}


def _read(request: Request, values: Mapping[str, str]) -> PredictRequest:
    return PredictRequest(
        request.body, request.media, context_of(request), RestCodec.of(request, values["name"])
    )


def _write(response: EncodedResponse) -> Response:
    media, length = split_media(response.media)
    headers = {LENGTH_HEADER: length} if length else {}
    if response.is_repeated:
        headers["idempotency-replayed"] = "true"
    return Response(response.body, 200, media, headers)


def _problem(problem: Problem) -> Response:
    status = _STATUSES.get(problem.status, problem.status)
    return Response.json({"error": text_of(problem)}, status=status)


_GET, _POST = ("GET",), ("POST",)
_MODEL, _VERSION = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
_REPOSITORY = "/v2/repository"
REST = ServingProtocol(
    "v2",
    "/v2",
    (
        Route("v2", _GET, "/v2", views.server, LISTED),
        Route("v2_live", _GET, "/v2/health/live", views.live, OPEN),
        Route("v2_ready", _GET, "/v2/health/ready", views.ready, OPEN),
        Route("v2_stats", _GET, "/v2/models/stats", views.statistics, LISTED),
        Route("v2_model", _GET, _MODEL, views.model, Action.PREDICT),
        Route("v2_model_ready", _GET, f"{_MODEL}/ready", views.model_ready, Action.PREDICT),
        Route("v2_model_config", _GET, f"{_MODEL}/config", views.model_config, Action.PREDICT),
        Route("v2_model_stats", _GET, f"{_MODEL}/stats", views.model_statistics, Action.PREDICT),
        Route("v2_infer", _POST, f"{_MODEL}/infer", None, Action.PREDICT, is_prediction=True),
        Route("v2_version", _GET, _VERSION, views.model, Action.PREDICT),
        Route("v2_version_ready", _GET, f"{_VERSION}/ready", views.model_ready, Action.PREDICT),
        Route("v2_version_config", _GET, f"{_VERSION}/config", views.model_config, Action.PREDICT),
        Route(
            "v2_version_stats", _GET, f"{_VERSION}/stats", views.model_statistics, Action.PREDICT
        ),
        Route(
            "v2_version_infer", _POST, f"{_VERSION}/infer", None, Action.PREDICT, is_prediction=True
        ),
        Route("v2_index", _POST, f"{_REPOSITORY}/index", views.index, LISTED),
        Route("v2_load", _POST, f"{_REPOSITORY}/models/{{name}}/load", views.load, Action.MANAGE),
        Route(
            "v2_unload", _POST, f"{_REPOSITORY}/models/{{name}}/unload", views.unload, Action.MANAGE
        ),
    ),
    read=_read,
    write=_write,
    problem=_problem,
    fast=FastForm(
        media=frozenset({b"", b"application/json", b"application/json; charset=utf-8"}),
        accept=frozenset({b"", b"*/*", b"application/json", b"application/json, */*"}),
        codec=RestRows,
        unusual=frozenset({LENGTH_HEADER.encode()}),
    ),
)
