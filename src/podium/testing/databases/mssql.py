"""A server that speaks SQL Server's protocol, for tests: it reads, and writes nothing."""

from __future__ import annotations

import importlib.util
import json
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from ctypes.util import find_library
from pathlib import Path
from typing import Any
from urllib.parse import quote

from podium.testing.databases.server import DatabaseServer, NoServer

USER, PASSWORD = "podium", "Not a 2nd secret;}"
# The package answers sp_executesql alone; Microsoft's driver calls sp_prepexec, whose parameters are
# a handle, the declarations, the statement, and values without names. And its DATALENGTH counts
# characters.
_PROGRAM = """
import json
import re
import sys
from pysqlbridge.predicate import FUNCTIONS
from pysqlbridge.tds import connection, rpc
from pysqlbridge.server import main

parse = rpc.parse_rpc

def parsed(*args, **options):
    call = parse(*args, **options)
    if call.proc_id is not rpc.ProcId.PREP_EXEC:
        return call
    _, declared, statement, *values = call.parameters
    names = re.findall(r"@\\w+", declared.value or "")
    sent = [one.value for one in values]
    call = {"statement": statement.value, "declared": declared.value, "values": sent}
    print("CALL", json.dumps(call, default=bytes.hex), file=sys.stderr, flush=True)
    named = [rpc.Parameter(name, one.value) for name, one in zip(names, values, strict=True)]
    return rpc.RpcRequest("sp_executesql", [statement, declared, *named], rpc.ProcId.EXECUTE_SQL)

connection.parse_rpc = parsed
FUNCTIONS["DATALENGTH"] = lambda text: None if text is None else len(text.encode("utf-16-le"))
main()
"""


class TdsServer(DatabaseServer):
    """The Python package pysqlbridge, with tables that don't change.

    Args:
        tables: rows by the name of their table.
    """

    package = "pysqlbridge"
    how_to_install = "pip install pysqlbridge"
    users = ()
    programs = ()
    ending = signal.SIGKILL  # it waits for its clients, and writes nothing

    def __init__(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().__init__()
        self._tables = tables

    def new_database(self) -> str:
        """The address of the tables."""
        options = "TrustServerCertificate=yes"
        return f"mssql://{USER}:{quote(PASSWORD)}@127.0.0.1:{self.port}/podium?{options}"

    def calls(self) -> list[dict[str, Any]]:
        """The statements with parameters that were sent: `statement`, `declared` and `values`."""
        lines = self._log.read_text("utf-8").splitlines()
        return [json.loads(line[5:]) for line in lines if line.startswith("CALL ")]

    def _user(self) -> None:
        """Whoever runs the tests: others may have no access to their Python."""

    def _located(self) -> Path:
        if importlib.util.find_spec("pysqlbridge") is None:
            raise NoServer(f"{self.package} isn't installed: {self.how_to_install}")
        if sys.platform == "linux" and find_library("ltdl") is None:
            raise NoServer("the driver needs a library: Debian: sudo apt install libltdl7")
        return Path(sys.executable)

    def _initialize(self) -> None:
        for name, rows in self._tables.items():
            (self.folder / f"{name}.json").write_text(json.dumps(rows), "utf-8")
        tables = [{"name": name, "json": f"{name}.json"} for name in self._tables]
        login = {"user": USER, "password": PASSWORD}
        written = json.dumps({"tables": tables, "logins": [login]})
        (self.folder / "tables.json").write_text(written, "utf-8")

    def _command(self) -> list[str]:
        program = [str(self._program), "-c", _PROGRAM]
        return [*program, "--config", "tables.json", "--port", str(self.port)]

    def _is_ready(self) -> bool:
        # After a restart the log says so of the time before, too.
        if "listening on" not in self._log.read_text("utf-8"):
            return False
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
