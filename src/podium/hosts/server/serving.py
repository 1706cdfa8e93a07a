"""Serving an app on this machine until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import uvicorn

from podium.app import create_home, open_configured_store, outbox_folder
from podium.comparison.failures import failures_in
from podium.comparison.watch import Watch
from podium.deployments.registry import Registry
from podium.errors import PortInUse, SetupError
from podium.hosts.asgi import App
from podium.hosts.grpc.serving import GrpcServer
from podium.hosts.server.access import AccessLog, logged
from podium.hosts.server.child import WorkerContext
from podium.hosts.server.connection import IDLE_S, Connection
from podium.hosts.server.draining import DrainingServer
from podium.hosts.server.lane import Lane
from podium.hosts.server.quarantine import Quarantine
from podium.hosts.server.supervisor import Supervisor
from podium.hosts.server.threads import share_cores
from podium.metrics.families import CONNECTIONS
from podium.metrics.siblings import new_folder
from podium.outbox.aside import Aside
from podium.outbox.deletion import Audit, no_audit
from podium.outbox.shipper import Shipper
from podium.policy.bulk import is_local
from podium.policy.gate import is_loopback
from podium.retraining.schedule import Schedule, check_recipes
from podium.settings import Settings

MakeApp: TypeAlias = Callable[..., App]
Tell: TypeAlias = Callable[[str, App], None]

# How long requests in progress may take after a stop was requested.
GRACE_S = 10
PORTS_TRIED = 100
SWITCH_S = 0.001
BEAT_S = 0.5
GC_THRESHOLDS = (200_000, 20, 50)


def run(
    make_app: MakeApp,
    settings: Settings,
    listener: socket.socket,
    tell: Tell,
    *,
    supervised: bool,
    audit: Audit = no_audit,
) -> None:
    """Serve an app until the process is stopped.

    Args:
        make_app: creates it from `settings` and the context of each process, in each that serves.
        tell: called with the address and the app once it listens.
        supervised: serve in a process of its own; see `podium.serve`.
        audit: writes to the audit log what happens by itself, in a process beside the workers.

    Raises:
        SetupError: a setting or a model is invalid.
        UntrustedModel: a bundle contains a pickle that isn't trusted.
    """
    if settings.workers == 1 and not supervised:
        _serve(make_app, settings, listener, tell, None)
    elif hasattr(os, "fork"):
        metrics = _metrics_folder(settings)
        work = partial(_serve, make_app, settings, listener, tell, metrics=metrics)
        ship = None
        if _is_shipped_apart(settings):
            create_home(Path(settings.home))
            check_recipes(settings)
            # Invalid settings are reported before anything starts.
            open_configured_store(settings).close()
            ship = partial(_ship, settings, listener, audit)
        Supervisor(
            work,
            settings.workers,
            ship,
            hang_s=settings.hang_s,
            drain_s=settings.drain_s,
            # Else the system would accept connections until the shipper has ended, and reset them.
            release=listener.close,
        ).run()
    else:
        raise SetupError(
            "several workers need an operating system that can fork",
            hint="set workers to 1 here",
        )


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket at the address of the settings.

    Raises:
        SetupError: the address is in use, isn't this machine's, or is invalid.
    """
    _check_address(settings)
    _check_certificate(settings)
    listener = _listen(settings)
    try:
        yield listener
    finally:
        listener.close()


def _check_address(settings: Settings) -> None:
    """Refuse to serve other machines unless that was enabled.

    Raises:
        SetupError: the host isn't a loopback address, and `open` isn't set.
    """
    if settings.open or settings.accounts.enabled or is_loopback(settings.host):
        return
    raise SetupError(
        f"{settings.host} can be reached from other machines, and there are no accounts: anyone there "
        "could use the models and read every record",
        hint="let people log in with --accounts, or allow it with --open",
    )


def _check_certificate(settings: Settings) -> None:
    """Refuse a certificate that can't be used for HTTPS.

    Raises:
        SetupError: a file is missing, or the key doesn't match the certificate.
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


def _listen(settings: Settings) -> socket.socket:
    """A socket at the address of the settings.

    Raises:
        PortInUse: another program listens there.
        SetupError: the address isn't this machine's, or may not be used.
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
        raise _not_listening(settings, family, error) from error
    listener.setblocking(False)
    return listener


def _not_listening(settings: Settings, family: int, error: OSError) -> SetupError:
    """Why a port can't be used, and which one can."""
    message = f"can't listen at {settings.host}:{settings.port}: {error.strerror}"
    if error.errno == errno.EADDRINUSE:
        free = free_port(settings.host.strip("[]"), settings.port + 1, family)
        hint = f"another program listens there: stop it, or use --port {free}"
        return PortInUse(message, free=free, hint=hint)
    if error.errno == errno.EACCES:
        return SetupError(message, hint="ports below 1024 are the system's: use --port 8000")
    return SetupError(message, hint="--host must be an address of this machine")


def free_port(host: str, first: int, family: int = socket.AF_INET) -> int:
    """The first port from `first` on at which nobody listens; 0 if none of the next is free."""
    for port in range(first, min(first + PORTS_TRIED, 65_536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((host, port))
                return port
    return 0


def _address_of(settings: Settings, listener: socket.socket) -> str:
    """The address to open in a browser."""
    port = listener.getsockname()[1]
    host = settings.host.strip("[]")
    host = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host  # noqa: S104 - compared only
    host = "::1" if host == "::" else host
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _serve(
    make_app: MakeApp,
    settings: Settings,
    listener: socket.socket,
    tell: Tell,
    worker: WorkerContext | None,
    *,
    metrics: Path | None = None,
) -> None:
    """Serve in this process until it is told to stop; in a worker, in the supervisor's context."""
    share_cores(settings.workers)
    context: dict[str, Any] = {"ships": worker is None, "is_local": is_local(settings)}
    if worker is not None:
        context["guard"] = Quarantine(worker.scoreboard, worker.slot)
    # A model that can't be served stops the start. A restarted worker serves without it: the other
    # models were served before, and should be again.
    is_first = worker is None or worker.is_first
    app = make_app(settings=settings, strict=is_first, **context)
    if worker is None or (worker.is_first and worker.slot == 0):
        tell(_address_of(settings, listener), app)
    # A thread that computes lets the loop's thread run sooner.
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_stopped(app, listener, worker, metrics))
    if app.failure is not None:
        raise app.failure


def _is_shipped_apart(settings: Settings) -> bool:
    """Whether a process of its own ships records to the store, so that no worker has to."""
    return settings.records and settings.store != "memory:"


def _ship(settings: Settings, listener: socket.socket, audit: Audit, worker: WorkerContext) -> None:
    """Ship records to the store until told to stop, and then the rest; and watch the versions."""
    listener.close()  # or this process would accept connections, too
    # Ctrl-C reaches every process of the terminal: this one ends after the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    store = open_configured_store(settings, is_late=True)
    aside = Aside()
    shipper = Shipper(
        outbox_folder(settings),
        store,
        keep_days=settings.keep_days,
        rows_max=settings.outbox_rows_max,
        aside=aside,
    )
    registry = Registry(settings.registry_folder, settings.trust)
    failures = partial(failures_in, Path(settings.home))
    watch = Watch(registry, store, settings.gates, failures, audit=audit)
    watch.start()
    schedule = Schedule(settings, store, audit=audit)
    schedule.start()
    worker.scoreboard.set_ready(worker.slot, is_ready=True)
    try:
        shipper.run(worker.stop)
    finally:
        schedule.close()
        watch.close()
        aside.close()
        store.close()


def _metrics_folder(settings: Settings) -> Path | None:
    """The folder in which the workers of this start share their metrics.

    Raises:
        SetupError: the home folder can't be created.
    """
    if settings.workers == 1 and not settings.records:
        return None  # nothing needs the home folder
    try:
        return new_folder(create_home(Path(settings.home)))
    except OSError as error:
        raise SetupError(f"{settings.home} can't be written: {error.strerror}") from error


async def _until_stopped(
    app: App, listener: socket.socket, worker: WorkerContext | None, metrics: Path | None
) -> None:
    """Serve; stop if a model can't be loaded."""
    settings = app.settings
    log = AccessLog() if settings.access_log else None
    lane = Lane(app, lambda: server.server_state.default_headers, log)
    config = uvicorn.Config(
        app if log is None else logged(app, log),
        http=partial(Connection, lane=lane),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # uvicorn's; ours covers both lanes
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=GRACE_S,
    )
    shared = worker if settings.workers > 1 else None
    server = DrainingServer(config, partial(_stop_soon, app, lane), settings.drain_s, shared)
    if settings.grpc_port is not None:
        await _start_grpc(server, app, log)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    app.site.metrics.watch(CONNECTIONS, lambda: len(server.server_state.connections))
    running = [asyncio.create_task(_every_second(server, app, metrics))]
    while not serving.done() and not app.is_ready:
        await asyncio.wait([serving], timeout=0.02)
        # The worker handles signals until uvicorn does.
        if app.failure is not None or (worker is not None and worker.stop.is_set()):
            server.should_exit = True
    server.should_exit = server.should_exit or app.failure is not None
    is_serving = app.is_ready and not server.should_exit
    if is_serving and worker is not None:
        # At once: a worker that is killed before it is known to be ready ends the start.
        worker.scoreboard.set_ready(worker.slot, is_ready=True)
        running.append(asyncio.create_task(_beat(app, worker)))
    # Existing objects stay: scanning them again and again is useless. Requests leave no cycles, so
    # the collector rarely has to run: less often than the requests that wait to be counted, up to
    # 16,384 of some objects each, come and go. It would stop the loop for 4 to 12 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    await serving
    for task in running:
        task.cancel()
    if log is not None:
        log.write()


async def _start_grpc(server: uvicorn.Server, app: App, log: AccessLog | None) -> None:
    """Answer calls by gRPC, too; uvicorn waits for their end before the app is closed.

    Raises:
        SetupError: the port can't be used.
    """
    beside = GrpcServer(app, log)
    await beside.start()
    tasks = server.server_state.tasks
    task = asyncio.create_task(beside.run(lambda: server.should_exit, GRACE_S - 2))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _stop_soon(app: App, lane: Lane) -> None:
    app.site.stopping.set()
    lane.is_stopping = True


async def _beat(app: App, worker: WorkerContext) -> None:
    """Tell the supervisor that this worker is ready, and then send heartbeats.

    There are none while the loop or a model hangs: a thread can't be ended, its process can.
    """
    while True:
        if not app.is_stuck:
            worker.scoreboard.beat(worker.slot)
        await asyncio.sleep(BEAT_S)


async def _every_second(server: uvicorn.Server, app: App, metrics: Path | None) -> None:
    """Close connections that take too long, and share metrics with the other workers."""
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


def print_addresses(address: str, app: App) -> None:
    """Print the URLs of the models' pages."""
    print(f"Podium is at {address}")
    for name in app.deployments:
        print(f"  {address}/models/{name}")
