"""The protocol's routes, its requests and responses, and its own form of errors."""

from __future__ import annotations

from collections.abc import Mapping

from podium.access import Action
from podium.errors import TooLarge
from podium.flow.format import Decoded, ResponseData
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest
from podium.http import Problem, Request, Response
from podium.policy.authority import require
from podium.protocols import instances
from podium.protocols.context import context_of
from podium.protocols.explanations import explanations_of
from podium.protocols.instance_rows import kserve_rows
from podium.protocols.words import one_line, unknown_name
from podium.signature import Signature
from podium.web.explaining import explanation_value
from podium.web.router import LISTED, FastForm, Route, ServingProtocol
from podium.web.site import Site

# KServe says 400 for every fault of a request.
_STATUSES = {422: 400}
# Each takes up to a second.
EXPLAINED_MAX = 16
_FEWER = f"send up to {EXPLAINED_MAX}"
_HINT = 'send {"instances": [...]}, an array of rows'


class V1Codec:
    """Rows under `instances`, or `inputs`; predictions under `predictions`."""

    name = "kserve"

    def decode(self, body: bytes, media: str, signature: Signature, *, rows_max: int) -> Decoded:  # noqa: ARG002 - clients send any content type, or none
        """The cells in a request; keys that aren't the protocol's are ignored.

        Raises:
            InputError: there are none, or too many.
        """
        value = instances.json_object(body, rows_max, hint=_HINT)
        key = instances.only_key(value, ("instances", "inputs"), hint=_HINT)
        return instances.decoded(value[key], signature, rows_max=rows_max)

    def encode(self, data: ResponseData, layout: str, accept: str) -> tuple[bytes, str]:  # noqa: ARG002 - there is one form only
        """The body of the response, and its content type."""
        return instances.encoded(data)


_CODEC = V1Codec()


def models(site: Site, request: Request) -> Response:
    """The names of the models: `GET /v1/models`."""
    actor = request.actor
    return Response.json({"models": [*site.visible(actor), *site.failed(actor)]})


def model(site: Site, request: Request, name: str) -> Response:
    """Whether a model is loaded: `GET /v1/models/{name}`, 503 if it isn't."""
    if site.champion(name, request.actor).is_loaded:
        return Response.json({"name": name, "ready": True})
    return Response.json({"error": f"Model with name {name} is not ready."}, status=503)


def explain(site: Site, request: Request, name: str) -> Response:
    """Why the model answers as it does to each instance: `POST /v1/models/{name}:explain`.

    Raises:
        InputError: some rows are invalid, or too many; or the model can't be explained.
        RateLimited: the actor had too many explanations.
        ModelError: the model failed.
    """
    require(request.actor, Action.PREDICT, name)
    version, explanations = site.champion(name, request.actor), explanations_of(site)
    rows = prepare(version, _read(request, {})).table
    if rows.n_rows > EXPLAINED_MAX:
        raise TooLarge(f"{rows.n_rows} rows are too many to explain at once", hint=_FEWER)
    found = []
    for at in range(rows.n_rows):
        explanations.take(request.actor, request.address)
        row = rows.take(slice(at, at + 1))
        one = explanations.explain(version, row, store=site.store)
        found.append(explanation_value(version, one))
    return Response.json({"explanations": found, "model": version.name, "version": version.version})


def _read(request: Request, _values: Mapping[str, str]) -> PredictRequest:
    return PredictRequest(request.body, request.media, context_of(request), _CODEC)


def _problem(problem: Problem) -> Response:
    name = unknown_name(problem)
    text = one_line(problem) if name is None else f"Model with name {name} does not exist."
    return Response.json({"error": text}, status=_STATUSES.get(problem.status, problem.status))


_MODEL = "/v1/models/{name}"
V1 = ServingProtocol(
    "kserve",
    "/v1/",
    (
        Route("v1_models", ("GET",), "/v1/models", models, LISTED),
        Route("v1_model", ("GET",), _MODEL, model, Action.PREDICT),
        Route(
            "v1_predict", ("POST",), f"{_MODEL}:predict", None, Action.PREDICT, is_prediction=True
        ),
        Route("v1_explain", ("POST",), f"{_MODEL}:explain", explain, Action.EXPLAIN),
    ),
    read=_read,
    write=instances.written,
    problem=_problem,
    fast=FastForm(
        media=frozenset({b"", b"application/json", b"application/json; charset=utf-8"}),
        accept=frozenset({b"", b"*/*", b"application/json", b"application/json, */*"}),
        codec=kserve_rows,
    ),
)
