"""A Flask app under a real server, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import httpx

APPS = Path(__file__).parent / "flask_app"
PREFIX = "/ml"
Kind = Literal["development", "waitress", "sync", "gthread", "preload"]
_ADDRESS = re.compile(r"http://127\.0\.0\.1:[1-9]\d*")
_READY_S = 120
# Requests in a row that must find a worker ready, of which there are two.
_READY_TIMES = 12


def command_of(kind: Kind, target: str) -> list[str]:
    """How a server is started with an app, `module:function()`."""
    python = [sys.executable, "-m"]
    if kind == "development":
        return [*python, "flask", "--app", target, "run", "--port", "0"]
    if kind == "waitress":
        call = ["--call", target.removesuffix("()")] if target.endswith("()") else [target]
        return [*python, "waitress", "--listen=127.0.0.1:0", *call]
    worker = ["--worker-class", "sync" if kind == "sync" else "gthread", "--workers", "2"]
    more = ["--preload", "--threads", "2"] if kind == "preload" else []
    return [*python, "gunicorn", target, "-b", "127.0.0.1:0", *worker, *more]


class FlaskServer:
    """A server with an app, for a `with` block.

    Args:
        target: `module:function()` of a module in `flask_app`.
        folder: where it runs, and its output is kept.
        environment: what the app reads: `FLASK_*`.
    """

    def __init__(
        self, kind: Kind, target: str, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.log = folder / f"{kind}.log"
        self.address = ""
        self._command = command_of(kind, target)
        searched = (environment.get("PYTHONPATH"), os.environ.get("PYTHONPATH"))
        path = os.pathsep.join([str(APPS), *filter(None, searched)])
        self._environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            **environment,
            "PYTHONPATH": path,
        }

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def workers(self) -> list[int]:
        """The processes that a server's own process started."""
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def _wait(self) -> None:
        until_s = time.monotonic() + _READY_S
        n_ready = 0
        while n_ready < _READY_TIMES:
            if self.process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"{' '.join(self._command)}:\n{self.log.read_text()}")
            found = _ADDRESS.search(self.log.read_text())
            if found is not None:
                self.address = found[0]
                try:
                    status = httpx.get(f"{self.address}{PREFIX}/readyz").status_code
                except httpx.TransportError:
                    status = 0
                n_ready = n_ready + 1 if status == 200 else 0
            if not n_ready:
                time.sleep(0.05)
