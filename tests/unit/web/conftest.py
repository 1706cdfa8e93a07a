"""Who makes the requests of a test, and what is written down about them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from podium.access import NOBODY, Actor
from podium.http import Request


class Log:
    """Believes the name in a header, and remembers what is written down."""

    def __init__(self, actors: Mapping[str, Actor]) -> None:
        self.events: list[tuple[str, str, dict[str, str]]] = []
        self._actors = actors

    def of_page(self, request: Request) -> Actor:
        return self._actors.get(request.headers.get("x-who", ""), NOBODY)

    of_api = of_page

    def login_url(self, request: Request) -> str | None:
        return "/login"

    def links(self, request: Request) -> list[tuple[str, str]]:
        return []

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        self.events.append((actor.name, event, fields))


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Log:
    """Knows the `ACTORS` of the test's module."""
    return Log(request.module.ACTORS)
