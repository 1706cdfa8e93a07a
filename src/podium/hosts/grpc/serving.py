"""A server of gRPC beside that of HTTP, in the same process and on the same event loop.

Each worker has one of its own, created after the fork: gRPC's threads don't survive one. They share
the port by SO_REUSEPORT, so the kernel gives each of them a part of the connections.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from podium.errors import SetupError
from podium.hosts.asgi import App
from podium.hosts.grpc.calls import Calls
from podium.hosts.grpc.schema import SERVICE, pool
from podium.hosts.server.access import AccessLog
from podium.plugins import needs
from podium.settings import Settings

MODULES = ("grpc", "grpc_health", "grpc_reflection", "google.protobuf")
METADATA_MAX_BYTES = 16_384
# Once nothing is predicted any more, calls that wait for something, such as those that watch the
# server's health, may take this long to end.
LAST_S = 1.0
LOOK_S = 0.1


@contextmanager
def reserved(settings: Settings) -> Iterator[Settings]:
    """Hold the port for gRPC, so that nobody else gets it; the settings with its number.

    Raises:
        MissingExtra: gRPC isn't installed.
        SetupError: the port is in use, or can't be used; or the protocol is turned off.
    """
    if settings.grpc_port is None:
        yield settings
        return
    if "v2" not in settings.protocols:
        raise SetupError(
            "there is a grpc_port, but the protocol that is spoken there, v2, isn't in protocols",
            hint='add it, as in protocols = ["v2"], or leave grpc_port out',
        )
    _check_installed()
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    place = (settings.host.strip("[]"), settings.grpc_port)
    with socket.socket(family) as probe, socket.socket(family) as held:
        try:
            # Where SO_REUSEPORT is set, the system lets several servers have one port, and a second
            # one would take a part of the first one's calls.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            place = probe.getsockname()[:2]
            probe.close()
            if hasattr(socket, "SO_REUSEPORT"):
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                held.bind(place)
        except (OSError, OverflowError) as error:
            raise SetupError(
                f"can't listen at {settings.host}:{settings.grpc_port} for gRPC: "
                f"{getattr(error, 'strerror', None) or error}",
                hint="another program may listen there: stop it, or give another --grpc-port",
            ) from error
        yield msgspec.structs.replace(settings, grpc_port=place[1])


class GrpcServer:
    """Answers the calls that come to one process.

    Args:
        app: whose models predict.
        log: gets a line for each call; or None.
    """

    def __init__(self, app: App, log: AccessLog | None = None) -> None:
        from grpc_health.v1 import health

        self._app = app
        self._calls = Calls(app, log)
        self._checks = health.aio.HealthServicer()
        self._server = _server_of(app.settings)
        _add(self._server, self._calls, self._checks)

    async def start(self) -> None:
        """Listen.

        Raises:
            SetupError: the port can't be used.
        """
        await self._set_health()
        _bind(self._server, self._app.settings)
        await self._server.start()

    async def run(self, is_stopping: Callable[[], bool], grace_s: float) -> None:
        """Answer calls until the server stops, and those in progress to their end.

        Args:
            is_stopping: whether no more calls are to be taken.
            grace_s: how long those in progress may take then.
        """
        server, calls = self._server, self._calls
        try:
            while not is_stopping():
                await self._set_health()
                await asyncio.sleep(LOOK_S)
            await self._checks.enter_graceful_shutdown()
            ending = asyncio.ensure_future(server.stop(grace_s))
            while calls.n_running and not ending.done():
                await asyncio.wait([ending], timeout=LOOK_S)
            await server.stop(LAST_S)
            await ending
        finally:
            await server.stop(None)

    async def _set_health(self) -> None:
        from grpc_health.v1.health_pb2 import HealthCheckResponse

        is_serving = self._app.is_ready and not self._app.site.stopping.is_set()
        status = HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
        for name in ("", SERVICE):
            await self._checks.set(name, status)


def _server_of(settings: Settings) -> Any:
    import grpc

    return grpc.aio.server(
        options=(
            ("grpc.so_reuseport", int(hasattr(socket, "SO_REUSEPORT"))),
            ("grpc.max_receive_message_length", settings.body_max_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", METADATA_MAX_BYTES),
        ),
        # Each has a row at least, and more would be refused when they are read.
        maximum_concurrent_rpcs=settings.queue_rows_max,
    )


def _check_installed() -> None:
    """Say what to install, before anything starts.

    Raises:
        MissingExtra: something is missing.
    """
    with needs("grpc"):
        for name in MODULES:
            # Not imported: this process forks.
            if find_spec(name) is None:
                raise ModuleNotFoundError(name=name)


def _add(server: Any, calls: Calls, checks: Any) -> None:
    """Add our methods, the health service, and the reflection of both."""
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection, reflection_pb2

    server.add_generic_rpc_handlers((calls.handler(),))
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    described = pool()
    for one in (health_pb2, reflection_pb2):
        described.AddSerializedFile(one.DESCRIPTOR.serialized_pb)
    names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server, pool=described)


def _bind(server: Any, settings: Settings) -> None:
    """Take the address of the settings, with TLS if HTTP has it.

    Raises:
        SetupError: that isn't possible.
    """
    import grpc

    host = settings.host.strip("[]")
    address = f"[{host}]:{settings.grpc_port}" if ":" in host else f"{host}:{settings.grpc_port}"
    try:
        if settings.tls_cert:
            pair = (Path(settings.tls_key).read_bytes(), Path(settings.tls_cert).read_bytes())
            server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
        else:
            server.add_insecure_port(address)
    except (OSError, RuntimeError) as error:
        raise SetupError(
            f"can't listen at {address} for gRPC: {error}", hint="give another --grpc-port"
        ) from error
