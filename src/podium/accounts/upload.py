"""Bundles in the form of a page: in a file of ours before Django sees the form.

Django would write the whole body to a temporary file of its own before it is known who sends it.
So the page with the form is requested first, with the same cookies; who gets it may send the form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from podium.hosts.asgi import Receive, Scope, Send
from podium.hosts.django.views import UPLOAD
from podium.http import Request

Message: TypeAlias = Any
_ABOUT_BODIES = (b"content-length", b"content-type", b"expect")


async def page_of(
    answer: Callable[[Scope, Receive, Send], Awaitable[None]], scope: Scope
) -> list[Message]:
    """The response to a request for the page that the form is on, as the messages of ASGI."""
    messages: list[Message] = []
    raw = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    path, raw = scope["path"].rpartition("/")[0], raw.rpartition(b"/")[0]
    asked = {**scope, "method": "GET", "path": path, "raw_path": raw, "query_string": b""}
    asked["headers"] = [one for one in scope["headers"] if one[0].lower() not in _ABOUT_BODIES]

    async def send(message: Message) -> None:
        messages.append(message)

    await answer(asked, _whole(b""), send)
    return messages


def form_of(scope: Scope, whole: Request) -> tuple[Scope, Receive]:
    """The form without its bundle, as a request for Django.

    Args:
        whole: the request, whose bundle is in a file.
    """
    fields = [one for one in scope["headers"] if one[0].lower() not in _ABOUT_BODIES]
    fields.append((b"content-type", whole.headers["content-type"].encode()))
    fields.append((b"content-length", str(len(whole.body)).encode()))
    return {**scope, "headers": fields, UPLOAD: whole.upload}, _whole(whole.body)


def _whole(body: bytes) -> Receive:
    """Gives a body in one piece; the client is then taken to stay."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    return receive
