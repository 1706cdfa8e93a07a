"""A real server in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_ADDRESS = re.compile(r"Podium is at (https?://\S+)")


class ServerProcess:
    """`podium serve` on a port of 127.0.0.1, for the length of a `with` block.

    Args:
        arguments: models and options, as on the command line.
        home: its home folder, which also contains its output.
        environment: additional variables; a `PYTHONPATH` is searched first.
        ready_s: how long it may take until it is ready.
        python: the interpreter to run it with; the current one by default.
        sets_home: whether the folder is its home; otherwise it only holds the output, and the
            environment names the home.
        port: where it listens; a free port by default.
        alone: whether it takes no settings but these: neither those of this process's environment
            nor those of a `podium.toml` in the current folder. Paths must be absolute then.

    Raises:
        RuntimeError: it ended, or wasn't ready in time; includes what it printed.
    """

    def __init__(
        self,
        *arguments: str,
        home: Path,
        environment: Mapping[str, str] | None = None,
        ready_s: float = 120,
        python: str = sys.executable,
        sets_home: bool = True,
        port: int = 0,
        alone: bool = False,
    ) -> None:
        self._arguments = arguments
        self._home = home
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not (alone and name.startswith("PODIUM_"))
        }
        self._environment = {**inherited, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._folder = home if alone else None
        searched = [(environment or {}).get("PYTHONPATH"), os.environ.get("PYTHONPATH")]
        if any(searched):
            self._environment["PYTHONPATH"] = os.pathsep.join(filter(None, searched))
        self._ready_s = ready_s
        self._python = python
        self._sets_home = sets_home
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Self:
        self._home.mkdir(parents=True, exist_ok=True)
        command = [self._python, "-m", "podium", "serve", *self._arguments]
        command += ["--port", str(self._port)]
        command += ["--home", str(self._home)] if self._sets_home else []
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """The file with what the server printed."""
        return self._home / "server.log"

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process is not None
        return self._process.pid

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Stop the server by a signal, and return its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(sent)
        try:
            return self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + self._ready_s
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            match = _ADDRESS.search(self.log.read_text("utf-8", "replace"))
            if match is not None:
                self.address = match.group(1)
                if _is_ready(self.address):
                    return
            time.sleep(0.02)
        raise RuntimeError(f"the server isn't ready:\n{self.log.read_text('utf-8', 'replace')}")


def _is_ready(address: str) -> bool:
    # A test's certificate is self-signed.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reads no authorities, which takes a while
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(  # noqa: S310 - our own address
            f"{address}/readyz", timeout=5, context=context
        ) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
