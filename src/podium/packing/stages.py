"""Shows the stage of a long packing on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

# A stage that ends sooner prints nothing.
QUIET_S = 2.0
_ERASE = "\r\x1b[K"


def terminal() -> TextIO | None:
    """Standard error or else standard output, if a person reads it."""
    for stream in (sys.stderr, sys.stdout):
        if stream is not None and not stream.closed and stream.isatty():
            return stream
    return None


class Stages:
    """Names each stage and counts its seconds, once packing lasts longer than two.

    The lock guards the stage's name and the output, so that a line is never half replaced.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stage = ""
        self._began = self._stage_began = time.monotonic()

    def __call__(self, stage: str) -> None:
        """Begin a stage."""
        with self._lock:
            self._finish()
            self._stage, self._stage_began = stage, time.monotonic()

    def __enter__(self) -> Self:
        if self._stream is not None:
            threading.Thread(target=self._refresh, name="podium-stages", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._ended.set()
            self._finish()

    def _finish(self) -> None:
        """Leave a line for a stage that took long."""
        if not self._is_visible():
            return
        spent = time.monotonic() - self._stage_began
        self._write(f"{_ERASE}  {self._stage}: {spent:.1f} s\n" if spent >= 1 else _ERASE)

    def _refresh(self) -> None:
        while not self._ended.wait(0.25):
            with self._lock:
                if self._is_visible() and not self._ended.is_set():
                    seconds = time.monotonic() - self._stage_began
                    self._write(f"{_ERASE}  {self._stage} ... {seconds:.0f} s")

    def _is_visible(self) -> bool:
        lasts = time.monotonic() - self._began > QUIET_S
        return self._stream is not None and bool(self._stage) and lasts

    def _write(self, text: str) -> None:
        try:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):  # the terminal was closed meanwhile
            self._stream = None
