"""Our own server with accounts: the API is answered by the app, pages by Django before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
from django.apps import apps
from django.core.handlers.asgi import ASGIHandler
from django.db import Error, connections

from podium.app import App as AnyApp
from podium.bundle import Bundle
from podium.errors import StoreError
from podium.hosts.accounts.authority import AccountsAuthority
from podium.hosts.accounts.generated import is_https
from podium.hosts.asgi import App, Receive, Scope, Send
from podium.hosts.django.apps import PodiumConfig
from podium.hosts.django.conf import Options
from podium.hosts.django.host import Host
from podium.hosts.django.permissions import make_permissions
from podium.settings import Settings
from podium.sources import Source, bundles_of
from podium.web import gate, routes


class ServedHost(Host):
    """What Django's views answer with: the app that the server made."""

    def __init__(self, app: AnyApp) -> None:
        super().__init__(
            Options(
                sources=(),
                names=(),
                settings=app.settings,
                public=frozenset(),
                base_template="",
                has_orm_store=False,
            )
        )
        self._served = app

    @property
    def app(self) -> AnyApp:
        """The server's app."""
        return self._served

    @property
    def bundles(self) -> dict[str, Bundle]:
        """Its models, by name."""
        return {name: one.bundle for name, one in self._served.deployments.items()}

    def close(self) -> None:
        """Nothing: the server does it."""


class AccountsApp(App):
    """An app whose pages need a login, and whose API needs a token.

    Django is configured already.
    """

    def __init__(self, *models: Source, settings: Settings, ships: bool = True) -> None:
        sources = (*models, *settings.models)
        opened = bundles_of(sources, Path(settings.home), settings.trust)
        versions = {bundle.name: bundle.version for bundle in opened}
        _make_permissions(versions)
        authority = AccountsAuthority(versions)
        alone = msgspec.structs.replace(settings, models=())
        super().__init__(*opened, settings=alone, ships=ships, identify=authority)
        self._authority = authority
        # Read what tokens there are before the first request asks, which comes on the loop.
        _ = authority.version
        self._django = ASGIHandler()
        config = cast("PodiumConfig", apps.get_app_config("podium"))
        config.use(ServedHost(self))

    def close(self) -> None:
        """Let go of the models, the store and the accounts."""
        super().close()
        self._authority.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI 3 has it."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope = _seen_from_outside(self.settings, scope)
        if is_for_programs(scope):
            await super().__call__(scope, receive, send)
            return
        raw = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        target = raw + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        refusal = gate.check(self.settings, scope["method"], target, scope["headers"])
        if refusal is not None:
            await super().__call__(scope, receive, send)  # it is refused there just the same
            return
        self.start_in_background()
        await self._django(cast("dict[str, Any]", scope), receive, send)  # type: ignore[arg-type]


def is_for_programs(scope: Scope) -> bool:
    """Whether a request is about the API, or a file that everybody may have: no cookie counts."""
    path: str = scope["path"]
    route = routes.find("OPTIONS", path).route
    if route is None:
        return path.startswith("/api/")
    if route.name == "openapi":  # read by browsers, too
        return any(name == b"authorization" for name, _ in scope["headers"])
    return not route.is_page


def _make_permissions(names: Iterable[str]) -> None:
    """Let administrators grant what there is to grant with these models.

    Raises:
        StoreError: the database can't be used.
    """
    try:
        make_permissions(names)
    except Error as error:
        raise StoreError(f"the accounts can't be kept: {error}") from error
    finally:
        connections.close_all()


def _seen_from_outside(settings: Settings, scope: Scope) -> Scope:
    """The same request, as the client sent it to the proxy that is trusted to tell."""
    seen = dict(scope)
    if is_https(settings):
        seen["scheme"] = "https"
    n_proxies = settings.accounts.proxies
    if n_proxies:
        forwarded = _values(scope, b"x-forwarded-for")
        # Each proxy adds who it was asked by. What stands further left, anybody may have written.
        if len(forwarded) >= n_proxies:
            seen["client"] = (forwarded[-n_proxies], 0)
    return seen


def _values(scope: Scope, wanted: bytes) -> Sequence[str]:
    joined = b",".join(value for name, value in scope["headers"] if name == wanted)
    return [part.strip() for part in joined.decode("latin-1").split(",") if part.strip()]
