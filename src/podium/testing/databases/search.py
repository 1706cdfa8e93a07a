"""Servers that speak the protocols of Elasticsearch and OpenSearch, for tests."""

from __future__ import annotations

import importlib.util
import itertools
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import httpx

from podium.testing.databases.server import DatabaseServer, NoServer


class SearchServer(DatabaseServer):
    """An emulator, from a package of Python."""

    users = ()
    module: ClassVar[str]
    scheme: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)

    @property
    def url(self) -> str:
        """Where it responds to HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def new_database(self) -> str:
        """The address of a store without indices, for the setting `store`."""
        return f"{self.scheme}://127.0.0.1:{self.port}/podium{next(self._numbers)}"

    def _located(self) -> Path:
        spec = importlib.util.find_spec(self.module)
        if spec is None or spec.origin is None:
            raise NoServer(f"{self.package} isn't installed: {self.how_to_install}")
        # Root becomes another user, who may have no access to the package's folder.
        (program,) = self.programs
        return self._copied(Path(spec.origin).parent / program)

    def _copied(self, program: Path) -> Path:
        copy = self.folder / program.name
        if not program.is_file():
            raise NoServer(f"{self.package} has no program for this system")
        copy.write_bytes(program.read_bytes())
        copy.chmod(0o755)
        return copy

    def _initialize(self) -> None:
        """Nothing: it makes its files itself."""

    def _is_ready(self) -> bool:
        try:
            return httpx.get(self.url).is_success
        except (OSError, httpx.TransportError):
            return False

    @abstractmethod
    def _command(self) -> list[str]: ...


class NoidaServer(SearchServer):
    """noida, which passes most tests of Elasticsearch's REST API, and shows writes after a refresh.

    It keeps them over a restart.
    """

    package = "noida-db"
    how_to_install = "pip install noida-db"
    module = "noida_db"
    scheme = "elasticsearch"
    programs = ("noida-db",)

    def address_of_opensearch(self) -> str:
        """The address of a store without indices that OpenSearch's client uses."""
        return self.new_database().replace(self.scheme, "opensearch", 1)

    def _command(self) -> list[str]:
        return [
            *(str(self._program), "start", "--data-dir", str(self.folder / "files")),
            *("--only", "elasticsearch", "--elasticsearch-port", str(self.port)),
        ]


class OsmemServer(SearchServer):
    """osmem, an OpenSearch in memory, which shows writes at once."""

    package = "osmem-server"
    how_to_install = "pip install osmem-server"
    module = "osmem_server"
    scheme = "opensearch"
    programs = ("bin/osmem-server",)

    def _command(self) -> list[str]:
        return [str(self._program), "-addr", f"127.0.0.1:{self.port}", "-no-stdin-watch"]
