"""Serving an app on this machine until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from podium.app import made_home, opened_store, outbox_folder
from podium.errors import SetupError
from podium.hosts.asgi import App
from podium.hosts.server.access import AccessLog, logged
from podium.hosts.server.connection import IDLE_S, FastConnection
from podium.hosts.server.lane import Lane
from podium.hosts.server.quarantine import Quarantine
from podium.hosts.server.supervisor import Seat, Supervisor
from podium.hosts.server.threads import share_cores
from podium.monitor.families import CONNECTIONS
from podium.monitor.siblings import new_folder
from podium.records.aside import Aside
from podium.records.shipper import Shipper
from podium.settings import Settings, read_settings
from podium.sources import Source
from podium.web.gate import is_loopback

# How long requests that have begun may take after a stop was asked for.
GRACE_S = 10
SWITCH_S = 0.001
GC_THRESHOLDS = (20_000, 20, 50)


def serve(
    *models: Source,
    settings: Settings | None = None,
    tell: Callable[[str, App], None] | None = None,
    supervised: bool = False,
    **flags: Any,
) -> None:
    """Serve models until the process is stopped.

    Args:
        models: bundles, their files, folders of them, functions made with `@podium.model`, or
            `module:function`.
        settings: a whole Settings; else `podium.toml`, `PODIUM_*` and `flags` make one.
        tell: called with the address and the app once it listens; prints them when left out.
        supervised: answer in a process of its own, which is started again if it ends; else in this
            one, unless there are several workers. Libraries that started threads before (a model
            that was fitted in this process, for one) may not stand the fork.
        flags: single settings, by name.

    Raises:
        SetupError: a setting or a model can't be used, or the address is taken.
        UntrustedModel: a bundle holds a pickle that isn't trusted.
    """
    settings = settings or read_settings(flags)
    check_address(settings)
    check_certificate(settings)
    listener = listen(settings)
    try:
        if settings.accounts.enabled:
            settings, tell = _with_accounts(settings, tell or _print)
        if settings.workers == 1 and not supervised:
            _serve(models, settings, listener, tell or _print, None)
        elif hasattr(os, "fork"):
            work = partial(
                _serve,
                models,
                settings,
                listener,
                tell or _print,
                metrics=_metrics_folder(settings),
            )
            ship = partial(_ship, settings) if _is_shipped_apart(settings) else None
            Supervisor(work, settings.workers, ship).run()
        else:
            raise SetupError(
                "several workers need an operating system that can fork",
                hint="set workers to 1 here",
            )
    finally:
        listener.close()


def check_address(settings: Settings) -> None:
    """Refuse to answer other machines unless that was asked for.

    Raises:
        SetupError: the host isn't a loopback address, and `open` isn't set.
    """
    if settings.open or settings.accounts.enabled or is_loopback(settings.host):
        return
    raise SetupError(
        f"{settings.host} can be reached from other machines, and anyone there could use the models "
        "and read every record: there are no accounts",
        hint="let people log in with --accounts; or accept it with --open",
    )


def check_certificate(settings: Settings) -> None:
    """Refuse a certificate that HTTPS can't be spoken with.

    Raises:
        SetupError: a file isn't there, or the key isn't that of the certificate.
    """
    if not settings.tls_cert and not settings.tls_key:
        return
    if not settings.tls_cert or not settings.tls_key:
        raise SetupError("HTTPS needs both a certificate and its key", hint="--tls-cert, --tls-key")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # ssl's own errors are among them
        raise SetupError(
            f"{settings.tls_cert} and {settings.tls_key} can't be used: {error.strerror or error}",
            hint="give a certificate and its private key, without a passphrase, as PEM files",
        ) from error


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
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _serve(
    models: tuple[Source, ...],
    settings: Settings,
    listener: socket.socket,
    tell: Callable[[str, App], None],
    seat: Seat | None,
    *,
    metrics: Path | None = None,
) -> None:
    """Answer in this process until it is told to stop; as a worker, in the seat it is given."""
    share_cores(settings.workers)
    app = _app(models, settings, ships=seat is None)
    if seat is not None:
        app.guard = Quarantine(seat.board, seat.slot)
    if seat is None or (seat.is_first and seat.slot == 0):
        tell(address_of(settings, listener), app)
    # A thread that computes lets the loop's thread have its turn sooner.
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_stopped(app, listener, seat, metrics))
    if app.failure is not None:
        raise app.failure


def _with_accounts(
    settings: Settings, tell: Callable[[str, App], None]
) -> tuple[Settings, Callable[[str, App], None]]:
    """Make the accounts' tables, before any process is forked, and tell how to get in."""
    from podium.hosts.accounts.start import gated, prepare, welcome

    path = prepare(settings)

    def told(address: str, app: App) -> None:
        tell(address, app)
        print(welcome(settings, address, path), flush=True)

    return gated(settings), told


def _app(models: tuple[Source, ...], settings: Settings, *, ships: bool) -> App:
    if not settings.accounts.enabled:
        return App(*models, settings=settings, ships=ships)
    from podium.hosts.accounts.site import AccountsApp

    return AccountsApp(*models, settings=settings, ships=ships)


def _is_shipped_apart(settings: Settings) -> bool:
    """Whether a process of its own moves records to the store, so that no worker has to."""
    return settings.records and settings.store != "memory:"


def _ship(settings: Settings, seat: Seat) -> None:
    """Move records to the store until the supervisor ends, and then what is left."""
    # Ctrl-C reaches every process of the terminal: this one ends when the workers have.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_stop_when_alone, args=(seat,), daemon=True).start()
    store = opened_store(settings)
    aside = Aside()
    shipper = Shipper(
        outbox_folder(settings),
        store,
        keep_days=settings.keep_days,
        rows_max=settings.outbox_rows_max,
        aside=aside,
    )
    seat.board.set_ready(seat.slot, is_ready=True)
    try:
        shipper.run(seat.stop)
    finally:
        aside.close()
        store.close()


def _stop_when_alone(seat: Seat) -> None:
    os.read(seat.alive_fd, 1)  # nobody writes: it returns when the supervisor has ended
    seat.stop.set()


def _metrics_folder(settings: Settings) -> Path | None:
    """Where the workers of this start tell each other what they have counted.

    Raises:
        SetupError: the home folder can't be made.
    """
    if settings.workers == 1 and not settings.records:
        return None  # nothing needs the home folder
    try:
        return new_folder(made_home(Path(settings.home)))
    except OSError as error:
        raise SetupError(f"{settings.home} can't be written: {error.strerror}") from error


async def _until_stopped(
    app: App, listener: socket.socket, seat: Seat | None, metrics: Path | None
) -> None:
    """Serve; stop by itself when a model can't be loaded, or the supervisor is gone."""
    settings = app.settings
    log = AccessLog() if settings.access_log else None
    lane = Lane(app, lambda: server.server_state.default_headers, log)
    config = uvicorn.Config(
        app if log is None else logged(app, log),
        http=partial(FastConnection, lane=lane),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # of uvicorn's: ours is about both lanes
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    if seat is not None:
        asyncio.get_running_loop().add_reader(seat.alive_fd, _leave, server)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    app.site.metrics.watch(CONNECTIONS, lambda: len(server.server_state.connections))
    sweeping = asyncio.create_task(_every_second(server, app, metrics))
    while not serving.done() and not app.is_ready:
        await asyncio.wait([serving], timeout=0.02)
        # Before uvicorn listens to signals, the seat does.
        if app.failure is not None or (seat is not None and seat.stop.is_set()):
            server.should_exit = True
    if app.is_ready and seat is not None:
        seat.board.set_ready(seat.slot, is_ready=True)
    # What is there now stays: looking at it again and again is no use. A request leaves no cycles
    # behind, so that the collector need only look for those of others now and then.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    await serving
    sweeping.cancel()
    if log is not None:
        log.write()


def _leave(server: uvicorn.Server) -> None:
    """The supervisor has ended: so does its worker."""
    server.should_exit = True


async def _every_second(server: uvicorn.Server, app: App, metrics: Path | None) -> None:
    """Close connections that take too long, and tell the other workers what was counted."""
    loop = asyncio.get_running_loop()
    while True:
        if metrics is not None:
            await asyncio.to_thread(app.site.metrics.write_snapshot, metrics)
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
