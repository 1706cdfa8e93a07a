"""What a container for a single model answers, whose paths name none: `/ping` and `/invocations`.

MLflow's scoring server has them from SageMaker, so that either protocol may bring them.
"""

from __future__ import annotations

from podium.access import Action
from podium.errors import NotFound
from podium.flow.formats.json_rows import JSON
from podium.http import Request, Response
from podium.web import probes
from podium.web.router import LISTED, OPEN, Route
from podium.web.site import Site

PING, INVOCATIONS = "/ping", "/invocations"


def ping(site: Site, request: Request) -> Response:
    """Whether the server can predict: `GET /ping`, 503 if it can't."""
    return Response(b"\n", probes.readyz(site, request).status, JSON)


def no_model(site: Site, request: Request) -> Response:
    """Refused: `POST /invocations` of a server with several models.

    Raises:
        NotFound: always.
    """
    names = ", ".join(site.visible(request.actor)) or "none"
    raise NotFound(
        f"several models are served here, and {INVOCATIONS} doesn't name one",
        hint=f"its operator can set invocations_model, to one of: {names}",
    )


def routes_of(model: str) -> tuple[Route, Route]:
    """Both routes.

    Args:
        model: the model that answers; "" if it isn't clear which.
    """
    predict = Route(
        "invocations", ("POST",), INVOCATIONS, None, Action.PREDICT, is_prediction=True, model=model
    )
    unclear = Route("invocations", ("POST",), INVOCATIONS, no_model, LISTED)
    return Route("ping", ("GET",), PING, ping, OPEN), predict if model else unclear
