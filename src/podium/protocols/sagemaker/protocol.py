"""Endpoints with the errors of SageMaker's runtime, and the routes of a container of its."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from podium.access import Action
from podium.errors import InputError
from podium.flow.request import PredictRequest
from podium.http import Problem, Request, Response
from podium.protocols import container, instances
from podium.protocols.context import context_of
from podium.protocols.sagemaker.codec import EndpointCodec
from podium.protocols.words import one_line, unknown_name
from podium.web.router import Route, ServingProtocol

# Its name in boto3, and its status.
Fault = tuple[str, int]
# What a model in a container would say of itself: SageMaker passes it on in a ModelError.
_OF_MODEL = frozenset(
    {
        *("malformed_body", "invalid_rows", "unanswerable", "unsupported_media", "too_large"),
        *("quarantined", "idempotency_key_reused", "model", "timed_out"),
    }
)
_MODEL_ERROR: Fault = ("ModelError", 424)
_BY_STATUS: dict[int, Fault] = {
    401: ("AccessDeniedException", 403),
    403: ("AccessDeniedException", 403),
    404: ("ValidationError", 400),
    429: ("ThrottlingException", 400),
    503: ("ServiceUnavailable", 503),
}
# What chooses among several models or versions of an endpoint, and would be ignored here.
_TARGETS = ("target-model", "target-variant", "target-container-hostname", "inference-component")
_SIGNED = "AWS4-"
_TOKEN = "pod_"  # noqa: S105 - how each of our tokens begins
_CODEC = EndpointCodec()


def _read(request: Request, _values: Mapping[str, str]) -> PredictRequest:
    for name in _TARGETS:
        if f"x-amzn-sagemaker-{name}" in request.headers:
            raise InputError(
                f"an endpoint is a single model here, so that it has no {name}",
                hint="leave it out; the registry decides which version answers",
            )
    context = context_of(request, accept=request.headers.get("accept", ""))
    return PredictRequest(request.body, request.media, context, _CODEC)


def _with_token(request: Request) -> Request:
    """The request without the signature of AWS's clients, which says nothing to us.

    A client that sends tokens of ours has one for its session token.
    """
    if not request.headers.get("authorization", "").startswith(_SIGNED):
        return request
    headers = {name: one for name, one in request.headers.items() if name != "authorization"}
    token = headers.get("x-amz-security-token", "")
    if token.startswith(_TOKEN):
        headers["authorization"] = f"Bearer {token}"
    return replace(request, headers=headers)


def _problem(problem: Problem) -> Response:
    kind, status = _fault_of(problem)
    name, text = unknown_name(problem), one_line(problem)
    message = text if name is None else f"Endpoint {name} not found."
    value: dict[str, object] = {"Message": message}
    if kind == _MODEL_ERROR[0]:
        whose = "client" if problem.status < 500 else "server"
        value = {
            "Message": f'Received {whose} error ({problem.status}) from model with message "{text}".',
            "OriginalMessage": text,
            "OriginalStatusCode": problem.status,
        }
    response = Response.json(value, status=status)
    response.headers["x-amzn-errortype"] = kind
    return response


def _fault_of(problem: Problem) -> Fault:
    if problem.code in _OF_MODEL:
        return _MODEL_ERROR
    known = _BY_STATUS.get(problem.status)
    if known is not None:
        return known
    if problem.status < 500:
        return "ValidationError", problem.status
    return "InternalFailure", 500


def _problem_in_container(problem: Problem) -> Response:
    return Response.json({"error": one_line(problem)}, status=problem.status)


ENDPOINTS = ServingProtocol(
    "sagemaker",
    "/endpoints/",
    (
        Route(
            "endpoint",
            ("POST",),
            "/endpoints/{name}/invocations",
            None,
            Action.PREDICT,
            is_prediction=True,
        ),
    ),
    read=_read,
    write=instances.written,
    problem=_problem,
    with_token=_with_token,
)


def in_container(model: str) -> ServingProtocol:
    """What SageMaker asks of a container: the routes that MLflow's protocol has, too.

    Args:
        model: the model that answers; "" if it isn't clear which.
    """
    return ServingProtocol(
        "sagemaker_container",
        (container.PING, container.INVOCATIONS),
        container.routes_of(model),
        read=_read,
        write=instances.written,
        problem=_problem_in_container,
    )
