"""Health checks for orchestrators and monitoring."""

from __future__ import annotations

from typing import Any

from podium.http import Request, Response
from podium.web.site import Site

LINKS = ("docs", "openapi.json", "livez", "readyz")


def alive(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """What programs get at the address of the home page: `GET /`, as KServe's client asks it."""
    links = {name.partition(".")[0]: request.url(f"/{name}") for name in LINKS}
    response = Response.json({"status": "alive", "name": "podium", "links": links})
    response.headers["vary"] = "accept"
    return response


def livez(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """Whether the process responds: `GET /livez`."""
    return Response.json({"status": "alive"})


def readyz(site: Site, request: Request) -> Response:
    """Whether models are loaded and records are stored: `GET /readyz`, 503 if it can't predict.

    503 comes first when the server stops: it answers for `drain_s` more, so that whoever spreads
    requests over several servers can leave it out before it is gone.

    A model that can't be loaded doesn't affect the others: the server is degraded, but stays in
    service.
    """
    # Names are for those who may see the models: a public probe doesn't need them.
    visible, failed = site.visible(request.actor), site.failed(request.actor)
    models = {name: one.bundle.is_started for name, one in visible.items()}
    models |= dict.fromkeys(failed, False)
    records, reason = _records_state(site)
    unread: str = getattr(site.authority, "health", "")
    lost = "" if site.versions is None else site.versions.health
    is_any_left = not set(site.deployments) <= set(site.failures)
    if site.stopping.is_set():
        status = "stopping"
    elif not site.is_ready():
        status = "loading"
    elif records == "failing" or not is_any_left:
        status = "failing"
    else:
        status = "degraded" if site.failures or unread or lost else "ready"
    said: dict[str, Any] = {"status": status, "models": models, "records": records}
    said |= {"failed": failed} if failed else {}
    said |= {"accounts": "failing"} if unread else {}
    said |= {"versions": "failing"} if lost else {}
    reasons = [one for one in (reason, unread, lost) if one]
    response = Response.json(said | ({"reason": "; ".join(reasons)} if reasons else {}))
    if status in ("stopping", "loading", "failing"):
        response.status = 503
        response.headers["retry-after"] = "1"
    return response


def _records_state(site: Site) -> tuple[str, str]:
    """The state of recording, without details, which are in the log."""
    recorder = site.service.recorder
    return ("off", "") if recorder is None else recorder.health
