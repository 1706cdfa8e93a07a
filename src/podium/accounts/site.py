"""Our own server with accounts: the app serves the API, Django the pages before it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import msgspec
from django.apps import apps
from django.core.handlers.asgi import ASGIHandler
from django.db import Error, connections

from podium.accounts import upload
from podium.accounts.apps import AccountsConfig
from podium.accounts.authority import AccountsAuthority
from podium.accounts.reach import is_https
from podium.app import App as AnyApp
from podium.errors import AccountsError, Overloaded, PodiumError, StoreError
from podium.hosts.asgi import (
    N_READING,
    READING_MAX,
    READING_S,
    App,
    Receive,
    Scope,
    Send,
    request_of,
    send_response,
)
from podium.hosts.bounded import Bounded
from podium.hosts.django.apps import PodiumConfig
from podium.hosts.django.conf import Options
from podium.hosts.django.host import Host
from podium.hosts.django.permissions import make_permissions
from podium.http import Request
from podium.policy import gate
from podium.policy.addresses import client_address
from podium.settings import Settings
from podium.sources import Opened, Source, open_models
from podium.web import bodies, routes
from podium.web.router import Router

_log = logging.getLogger("podium")
# Each holds a thread; nobody needs more pages than this at once.
PAGES_MAX = 64


class ServedHost(Host):
    """The host behind Django's views: the app that the server created."""

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
    def opened(self) -> Opened:
        """Its models by name."""
        served = self._served.deployments
        return Opened({name: one.choose().bundle for name, one in served.items()}, {})

    def close(self) -> None:
        """Nothing to do: the server closes it."""


class AccountsApp(App):
    """An app whose pages need a login, and whose API needs a token.

    Django is configured already.

    Args:
        context: the context of the process: `ships`, `guard`, `share`.
    """

    def __init__(
        self,
        *models: Source,
        settings: Settings,
        strict: bool = False,
        **context: Any,
    ) -> None:
        sources = (*models, *settings.models)
        found = open_models(sources, Path(settings.home), settings.trust)
        bundles = found.required() if strict else found.logged().bundles.values()
        _make_permissions(found.versions, strict=strict)
        authority = AccountsAuthority(found.versions)
        super().__init__(
            *bundles,
            settings=msgspec.structs.replace(settings, models=()),
            identify=authority,
            failures=found.failures,
            **context,
        )
        self._authority = authority
        # Load the tokens before the first request, which comes on the event loop.
        _ = authority.version
        handler = ASGIHandler()
        # A database that is down delays the pages that read it, but not the login or the forms.
        self._pages = Bounded(handler, PAGES_MAX)
        self._pages_of_records = Bounded(handler, N_READING + READING_MAX, wait_s=READING_S)
        config = cast("PodiumConfig", apps.get_app_config("podium"))
        config.use(ServedHost(self))

    def close(self) -> None:
        """Release the models, the store and the accounts."""
        super().close()
        self._authority.close()
        cast("AccountsConfig", apps.get_app_config("podium_accounts")).mailer.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI 3 defines it."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope = _seen_from_outside(self.settings, scope)
        request = request_of(scope, b"")
        if is_for_programs(self.site.router, request):
            await super().__call__(scope, receive, send)
            return
        raw = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
        target = raw + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        refusal = gate.check(
            self.settings,
            scope["method"],
            target,
            scope["headers"],
            self.site.router.predictions,
            self.site.router.uploads,
        )
        if refusal is not None:
            await super().__call__(scope, receive, send)  # it is refused there anyway
            return
        self.start_in_background()
        reads = routes.reads_store(self.site, request)
        length = request.headers.get("content-length", "")
        try:
            if bodies.is_long(self.settings, length) and bodies.is_upload(self.site, request):
                await self._take_form(request, scope, receive, send)
                return
            await (self._pages_of_records if reads else self._pages)(scope, receive, send)
        except (Overloaded, StoreError) as error:
            await send_response(send, routes.failed(self.site, request, error), request.method)

    async def _take_form(
        self, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a form with a bundle: Django sees the rest of it, once that is in a file."""
        page = await upload.page_of(self._pages, scope)
        if page[0]["status"] != HTTPStatus.OK:
            for message in page:
                await send(message)
            return
        with ExitStack() as place:
            try:
                whole = await self.arrived(request, receive, place)
            except PodiumError as error:
                await send_response(send, routes.failed(self.site, request, error), request.method)
                return
            if whole is not None:
                form, rest = upload.form_of(scope, whole)
                await self._pages(form, rest, send)


def is_for_programs(router: Router, request: Request) -> bool:
    """Whether a request is for an API, or for a public file: cookies don't count."""
    found = router.find("OPTIONS", request.path, request.headers.get("accept", ""))
    return routes.is_for_programs(found, request.headers)


def _make_permissions(names: Iterable[str], *, strict: bool) -> None:
    """Create the permissions for these models.

    Args:
        strict: whether it must succeed now. Otherwise an earlier process did it.

    Raises:
        AccountsError: the database is unavailable.
    """
    try:
        make_permissions(names)
    except Error as error:
        if strict:
            raise AccountsError(f"the accounts database can't be used: {error}") from error
        _log.error("accounts_not_read: %s", error)
    finally:
        connections.close_all()


def _seen_from_outside(settings: Settings, scope: Scope) -> Scope:
    """The same request, as the client sent it to a trusted proxy."""
    seen = dict(scope)
    if is_https(settings):
        seen["scheme"] = "https"
    if settings.accounts.proxies:
        peer = scope["client"][0] if scope.get("client") else ""
        address = client_address(peer, scope["headers"], settings.accounts.proxies)
        if address != peer:
            seen["client"] = (address, 0)
    return seen
