from __future__ import annotations

import asyncio
from contextlib import closing
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

import podium
from podium.hosts.asgi import App
from podium.hosts.grpc.calls import Calls
from podium.hosts.grpc.schema import SERVICE


class Aborted(Exception):
    """As gRPC ends a call."""


class BrokenContext:
    """A call whose metadata can't be read."""

    def __init__(self) -> None:
        self.aborted: tuple[Any, ...] = ()

    def invocation_metadata(self) -> NoReturn:
        raise ZeroDivisionError("a secret")

    async def abort(self, *details: Any) -> NoReturn:
        self.aborted = details
        raise Aborted


@podium.model
def doubled(number: float) -> float:
    """Twice the number."""
    return 2 * number


def test_what_nobody_expected_is_logged_and_not_sent(tmp_path, caplog):
    context = BrokenContext()
    with closing(App(doubled, home=str(tmp_path))) as app:
        details = SimpleNamespace(method=f"/{SERVICE}/ServerLive")
        method = Calls(app).handler().service(details)

        with pytest.raises(Aborted):
            asyncio.run(method.unary_unary(b"", context))

    code, text, _ = context.aborted
    assert code.name == "INTERNAL"
    assert "the log has the details under" in text
    assert "secret" not in text
    assert any("a secret" in str(one.exc_info) for one in caplog.records)
