"""A server under test: started on its core, waited for, and ended with all that it started."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.serve import machine, places

READY_S = 90.0
STOP_S = 5.0


class NotServing(Exception):
    """A server didn't come up, or answers wrongly."""


@dataclass(frozen=True)
class Server:
    """One that answers.

    Attributes:
        start_s: from its start to its first right answer.
        others: processes of the benchmark that aren't this server's.
    """

    port: int
    start_s: float
    others: frozenset[int]

    def url(self, path: str) -> str:
        """The address of a route."""
        return f"http://127.0.0.1:{self.port}{path}"

    def memory_mb(self) -> float:
        """What all of its processes hold."""
        return machine.memory_mb(self.others)

    def largest_mb(self) -> float:
        """What the process that holds the model holds."""
        return machine.largest_mb(self.others)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str | Path],
    *,
    name: str,
    port: int,
    is_ready: Callable[[int], bool],
    folder: Path = places.ROOT,
    environment: Mapping[str, str] | None = None,
    others: frozenset[int] = frozenset(),
) -> Iterator[Server]:
    """Run a server while the block runs.

    Args:
        is_ready: asks the port; False while there is no right answer.

    Raises:
        NotServing: it ended, or wasn't ready in time.
    """
    places.LOGS.mkdir(parents=True, exist_ok=True)
    log = places.LOGS / f"{name}.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            machine.pinned(command, machine.SERVER_CORE),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            _wait(process, port, is_ready, log)
            yield Server(port, time.perf_counter() - began, others)
        finally:
            _end(process, others)


def ask(port: int, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET" if body is None else "POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _wait(
    process: subprocess.Popen[bytes], port: int, is_ready: Callable[[int], bool], log: Path
) -> None:
    until = time.perf_counter() + READY_S
    while time.perf_counter() < until:
        with suppress(OSError, http.client.HTTPException):
            if is_ready(port):
                return
        if process.poll() is not None:
            raise NotServing(f"it ended with status {process.returncode}: {_end_of(log)}")
        time.sleep(0.01)
    raise NotServing(f"it wasn't ready within {READY_S:.0f} s: {_end_of(log)}")


def _end(process: subprocess.Popen[bytes], others: frozenset[int]) -> None:
    """Ask the first process to stop; what is left a little later is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    until = time.perf_counter() + STOP_S
    while machine.descendants(others) and time.perf_counter() < until:
        process.poll()
        _reap(process.pid, others)
        time.sleep(0.02)
    for one in machine.descendants(others):
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
    process.wait(timeout=STOP_S)
    _reap(process.pid, others)


def _reap(first: int, others: frozenset[int]) -> None:
    """Take note of ended orphans, which are this process's children now."""
    for one in machine.descendants({first, *others}):
        with suppress(ChildProcessError):
            os.waitpid(one.pid, os.WNOHANG)


def _end_of(log: Path) -> str:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return " / ".join(lines[-4:])[-600:]
