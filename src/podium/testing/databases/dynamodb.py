"""DynamoDB for tests: two servers that speak its protocol, dynalite and moto."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from podium.testing.databases.server import DatabaseServer, NoServer

# Where scripts/databases.sh installs dynalite.
PACKAGES = Path(sys.prefix) / "podium" / "dynalite" / "node_modules" / "dynalite"
# Neither looks at them, but boto3 needs some.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "podium", "AWS_SECRET_ACCESS_KEY": "podium"}


class DynamoServer(DatabaseServer):
    """A server that boto3 speaks with; its databases are tables that the store creates."""

    users: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """`dynamodb://...`, of a table that doesn't exist yet."""
        for name, value in CREDENTIALS.items():
            os.environ.setdefault(name, value)
        return (
            f"dynamodb://podium_{next(self._numbers)}?region=eu-central-1"
            f"&endpoint=http://127.0.0.1:{self.port}&shards=2"
        )

    def _initialize(self) -> None:
        pass

    def _is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _user(self) -> str | None:
        return None

    @abstractmethod
    def _command(self) -> list[str]: ...


class DynaliteServer(DynamoServer):
    """dynalite, a program for Node.js; it keeps its tables over a restart."""

    package = "dynalite"
    how_to_install = "sh scripts/databases.sh, which needs Node.js 20 or newer with npm"
    programs = ("node",)

    def _located(self) -> Path:
        node = super()._located()
        if not PACKAGES.is_dir():
            raise NoServer(f"{self.package} isn't installed: {self.how_to_install}")
        return node

    def _command(self) -> list[str]:
        return [
            *(str(self._program), str(PACKAGES / "cli.js")),
            *("--host", "127.0.0.1", "--port", str(self.port), "--path", "files"),
            *("--createTableMs", "50", "--deleteTableMs", "0"),
        ]


class MotoServer(DynamoServer):
    """moto, a Python package; it keeps its tables in memory."""

    package = "moto"
    how_to_install = "pip install 'moto[server]'"
    programs = ("moto_server",)
    folders = (str(Path(sys.executable).parent), *DatabaseServer.folders)

    def _command(self) -> list[str]:
        return [str(self._program), "-H", "127.0.0.1", "-p", str(self.port)]
