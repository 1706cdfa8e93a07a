"""A server's process, as its actor sees it: started, probed, stopped, and the end of what it printed."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from podium.ray.state import Order

_PROBE_S = 5
_LINES = 12
# Longer than requests in progress may take after a stop was requested, and the shipper after them.
_STOP_S = 30


class Process:
    """A server that was started; it ends with the thread that started it.

    What it prints goes to the standard error of this process, where Ray collects it.

    Args:
        home: its working folder.
        address: where it will listen.
    """

    def __init__(self, order: Order, home: Path, address: str) -> None:
        self.address = address
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "podium.ray.child"],
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it ended; what it printed says why
            self._process.stdin.write(msgspec.msgpack.encode(order))
            self._process.stdin.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its id on this machine."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it hasn't ended."""
        return self._process.poll() is None

    def printed(self, beginning: str = "") -> str:
        """The last lines that it printed, or the last of those that contain this."""
        return "\n".join(line for line in list(self._lines) if beginning in line)

    def forget(self) -> None:
        """Forget what it printed until now."""
        self._lines.clear()

    def end(self) -> str:
        """Why it ended: the last lines that it printed, or its exit code."""
        self._reader.join(timeout=1)
        code = self._process.wait()
        return self.printed().removeprefix("error: ") or f"it ended with exit code {code}"

    def probe(self, path: str = "/readyz") -> dict[str, Any] | None:
        """What it says at an address of its own; None if it doesn't respond."""
        try:
            with urllib.request.urlopen(  # noqa: S310 - our own address
                self.address + path, timeout=_PROBE_S, context=_unverified()
            ) as response:
                body = response.read()
        except urllib.error.HTTPError as error:  # not ready: its body says why
            with error:
                body = error.read()
        except OSError:
            return None
        with suppress(ValueError):
            found = json.loads(body)
            return found if isinstance(found, dict) else {}
        return {}

    def stop(self, *, at_once: bool = False) -> None:
        """Let the requests in progress end, and wait until it has ended."""
        if not at_once:
            self._process.terminate()
        try:
            self._process.wait(timeout=0 if at_once else _STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._lines.append(text)
                print(text, file=sys.stderr, flush=True)


def _unverified() -> ssl.SSLContext:
    # Its own server, by an address that its certificate needn't name.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
