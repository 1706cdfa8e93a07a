"""Whether the server is well, for those who watch it."""

from __future__ import annotations

from typing import Any

from podium.http import Request, Response
from podium.web.site import Site


def livez(site: Site, request: Request) -> Response:  # noqa: ARG001 - as every view
    """Whether the process answers: `GET /livez`."""
    return Response.json({"status": "alive"})


def readyz(site: Site, request: Request) -> Response:
    """Whether models are loaded and records are kept: `GET /readyz`, 503 while nothing is answered.

    A model that can't be loaded takes no other away: the server is degraded, and is to be asked.
    """
    # Names are for those who may see the models: a public probe need not know them.
    visible, failed = site.visible(request.actor), site.failed(request.actor)
    models = {name: one.bundle.is_started for name, one in visible.items()}
    models |= dict.fromkeys(failed, False)
    records, reason = _records_state(site)
    unread: str = getattr(site.authority, "health", "")
    is_any_left = not set(site.deployments) <= set(site.failures)
    if not site.is_ready():
        status = "loading"
    elif records == "failing" or not is_any_left:
        status = "failing"
    else:
        status = "degraded" if site.failures or unread else "ready"
    said: dict[str, Any] = {"status": status, "models": models, "records": records}
    said |= {"failed": failed} if failed else {}
    said |= {"accounts": "failing"} if unread else {}
    reasons = [one for one in (reason, unread) if one]
    response = Response.json(said | ({"reason": "; ".join(reasons)} if reasons else {}))
    if status in ("loading", "failing"):
        response.status = 503
        response.headers["retry-after"] = "1"
    return response


def _records_state(site: Site) -> tuple[str, str]:
    """How records are kept, and why not; what more there is to it stands in the log."""
    recorder = site.service.recorder
    return ("off", "") if recorder is None else recorder.health
