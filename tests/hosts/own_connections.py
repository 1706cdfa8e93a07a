"""An app behind our own connections, in a thread of the test."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

import podium
from podium.hosts.server.connection import Connection
from podium.hosts.server.lane import Lane


@contextmanager
def served_by_connections(app: podium.App) -> Iterator[int]:
    """Serve an app that was started; the port. It is closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    http: Any = partial(Connection, lane=Lane(app, list))
    config = uvicorn.Config(app, http=http, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(60)
    listener.close()
    app.close()
