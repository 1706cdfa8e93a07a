"""How our server stops: it says so first, and answers for a while yet."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

import uvicorn


class DrainingServer(uvicorn.Server):
    """A server that, after SIGTERM, goes on answering for some seconds before it stops.

    Meanwhile it isn't ready, and each response is the last one on its connection, so clients with
    connections that they keep open leave for another server without a request being lost. A second
    signal stops it at once, and so does Ctrl-C, for which nobody wants to wait.

    Args:
        tell: called when a stop was requested, before anything else happens.
        drain_s: how long it goes on answering.
    """

    def __init__(self, config: uvicorn.Config, tell: Callable[[], None], drain_s: float) -> None:
        super().__init__(config)
        self._tell = tell
        self._drain_s = drain_s
        self._stops_at_s = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks the process to stop."""
        self._tell()
        if sig == signal.SIGTERM and self._drain_s and not (self._stops_at_s or self.should_exit):
            self._stops_at_s = time.monotonic() + self._drain_s
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Whether it is time to stop; called ten times a second."""
        if self._stops_at_s and not self.should_exit and time.monotonic() >= self._stops_at_s:
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)
