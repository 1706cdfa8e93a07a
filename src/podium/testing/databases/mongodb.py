"""A server for tests that speaks MongoDB's protocol."""

from __future__ import annotations

import importlib.util
import itertools
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from podium.testing.databases.server import DatabaseServer, NoServer


class MongoServer(DatabaseServer):
    """A private SecantusDB: MongoDB's protocol on MongoDB's storage engine, one member of a replica set.

    It is no MongoDB: what runs against it is tested against its protocol.

    Attributes:
        options: further ones of its command line, such as `--auth`; read at each start.
    """

    package = "SecantusDB"
    how_to_install = "pip install secantusdb"
    users = ()

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options
        self._numbers = itertools.count(1)

    def __exit__(self, *raised: Any) -> None:  # noqa: PYI036 - passed on
        # To close its files, which are deleted then, it takes 2 s.
        self.stop(signal.SIGKILL)
        super().__exit__(*raised)

    def new_database(self) -> str:
        """`mongodb://...`"""
        return self.address_of(f"podium_{next(self._numbers)}")

    def address_of(self, database: str, *, user: str = "") -> str:
        """The address of a database, for the setting `store`.

        Args:
            user: with their password, as `name:password`.
        """
        return f"mongodb://{user}{'@' * bool(user)}127.0.0.1:{self.port}/{database}"

    def _user(self) -> None:
        """Root may start it, and others may have no access to its package."""
        return

    def _located(self) -> Path:
        if importlib.util.find_spec("secantus") is None:
            raise NoServer(f"{self.package} isn't installed: {self.how_to_install}")
        return Path(sys.executable)

    def _initialize(self) -> None:
        # Otherwise it reads the settings of whoever runs the tests.
        (self.folder / "settings.toml").touch()

    def _command(self) -> list[str]:
        return [
            *(str(self._program), "-m", "secantus", "--config", "settings.toml"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--storage-path", "files"),
            *("--cache-size", "64M", "--log-level", "WARNING", *self.options),
        ]

    def _is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False
