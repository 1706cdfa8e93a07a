"""Serving an app on this machine until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn

from podium.errors import SetupError
from podium.hosts.asgi import App
from podium.hosts.server.connection import IDLE_S, FastConnection
from podium.hosts.server.lane import Lane
from podium.settings import Settings, read_settings
from podium.sources import Source

# How long requests that have begun may take after a stop was asked for.
GRACE_S = 10


def serve(
    *models: Source,
    settings: Settings | None = None,
    tell: Callable[[str, App], None] | None = None,
    **flags: Any,
) -> None:
    """Serve models until the process is stopped.

    Args:
        models: bundles, their files, folders of them, functions made with `@podium.model`, or
            `module:function`.
        settings: a whole Settings; else `podium.toml`, `PODIUM_*` and `flags` make one.
        tell: called with the address and the app once it listens; prints them when left out.
        flags: single settings, by name.

    Raises:
        SetupError: a setting or a model can't be used, or the address is taken.
        UntrustedModel: a bundle holds a pickle that isn't trusted.
    """
    settings = settings or read_settings(flags)
    check_address(settings)
    listener = listen(settings)
    try:
        app = App(*models, settings=settings)
        address = address_of(settings, listener)
        (tell or _print)(address, app)
        _run(app, listener)
    finally:
        listener.close()
    if app.failure is not None:
        raise app.failure


def check_address(settings: Settings) -> None:
    """Refuse to answer other machines unless that was asked for.

    Raises:
        SetupError: the host isn't a loopback address, and `open` isn't set.
    """
    if settings.open or is_loopback(settings.host):
        return
    raise SetupError(
        f"{settings.host} can be reached from other machines, and anyone there could use the models "
        "and read every record: there are no accounts",
        hint="serve on 127.0.0.1, behind a proxy that asks who people are; or accept it with --open",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(settings: Settings) -> socket.socket:
    """A socket at the address of the settings.

    Raises:
        SetupError: the address is taken, or isn't this machine's.
    """
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, settings.port))
        listener.listen(2_048)
    except OSError as error:
        listener.close()
        raise SetupError(
            f"can't listen at {settings.host}:{settings.port}: {error.strerror}",
            hint="another server may be running there: try --port 8001, or --port 0 for a free one",
        ) from error
    listener.setblocking(False)
    return listener


def address_of(settings: Settings, listener: socket.socket) -> str:
    """The address to open in a browser."""
    port = listener.getsockname()[1]
    host = settings.host.strip("[]")
    host = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host  # noqa: S104 - compared only
    host = "::1" if host == "::" else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run(app: App, listener: socket.socket) -> None:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_stopped(app, listener))


async def _until_stopped(app: App, listener: socket.socket) -> None:
    """Serve; stop by itself when a model can't be loaded."""
    lane = Lane(app, lambda: server.server_state.default_headers)
    config = uvicorn.Config(
        app,
        http=partial(FastConnection, lane=lane),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    sweeping = asyncio.create_task(_sweep(server))
    while not serving.done() and not app.is_ready:
        if app.failure is not None:
            server.should_exit = True
        await asyncio.wait([serving], timeout=0.05)
    await serving
    sweeping.cancel()


async def _sweep(server: uvicorn.Server) -> None:
    """Close connections that take too long, once a second."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(1)
        for connection in list(server.server_state.connections):
            connection.sweep(loop.time())  # type: ignore[union-attr]


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ModuleNotFoundError:  # there is none for Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _print(address: str, app: App) -> None:
    print(f"Podium is at {address}")
    for name in app.deployments:
        print(f"  {address}/models/{name}")
