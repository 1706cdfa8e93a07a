"""Requests to an app without a server: the same gate, routes and views."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec

from podium.app import App
from podium.http import Request, Response
from podium.policy import gate
from podium.web import bodies, routes


class Reply:
    """A response, read completely."""

    def __init__(self, response: Response) -> None:
        body = response.body
        self.status = response.status
        self.media = response.media
        self.headers = dict(response.headers)
        self.body = body if isinstance(body, bytes) else b"".join(body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class Client:
    """Sends requests straight to an app's views.

    Args:
        app: its models are loaded when the client is created.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        app.start()

    def get(self, target: str, **headers: str) -> Reply:
        """GET a path, with its query."""
        return self.request("GET", target, headers=headers)

    def post(
        self, target: str, value: object = None, *, body: bytes | None = None, **headers: str
    ) -> Reply:
        """POST a value as JSON, or a body as it is."""
        if body is None:
            body = msgspec.json.encode(value)
            headers.setdefault("content_type", "application/json")
        return self.request("POST", target, body=body, headers=headers)

    def send_form(
        self, target: str, values: Mapping[str, str], *, follows: bool = False, **headers: str
    ) -> Reply:
        """POST the fields of a form, as a browser does.

        Args:
            follows: whether to go on to the page that it redirects to.
        """
        media = {"content_type": "application/x-www-form-urlencoded"}
        body = urlencode(values).encode()
        reply = self.request("POST", target, body=body, headers=headers | media)
        if not follows or reply.status != 303:
            return reply
        return self.get(reply.headers["location"].partition("#")[0], **headers)

    def request(
        self, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> Reply:
        """Send a request. Underscores in the names of headers stand for dashes."""
        sent = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        sent = {"host": "127.0.0.1:8000", **sent}
        if method == "POST":
            sent.setdefault("content-length", str(len(body)))
        path, _, query = target.partition("?")
        request = Request(method, unquote(path), query, sent, body)
        raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        site = self.app.site
        refusal = gate.check(
            site.settings,
            method,
            target.encode(),
            raw,
            site.router.predictions,
            site.router.uploads,
        )
        if refusal is not None:
            return Reply(routes.refused(site, request, refusal))
        if bodies.is_long(site.settings, str(len(body))) and bodies.is_upload(site, request):
            read, respond = io.BytesIO(body).read, partial(routes.respond, site)
            return Reply(
                bodies.respond_to_upload(site, replace(request, body=b""), read, respond, _same)
            )
        if bodies.is_long(site.settings, str(len(body))):
            return Reply(bodies.respond(site, replace(request, body=b""), lambda: body))
        return Reply(routes.respond(site, request))


def _same(response: Response) -> Response:
    return response
