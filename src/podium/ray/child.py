"""The process of a server: `podium serve`, with what standard input orders, until its actor ends."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from podium.errors import PodiumError
from podium.ray.state import ORDERS
from podium.serving import serve
from podium.settings import read_settings

_ENDS_WITH_PARENT = 1


def main() -> int:
    """Serve until the process is stopped, or the actor that started it ends; the exit code."""
    order = ORDERS.decode(sys.stdin.buffer.read())
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_ENDS_WITH_PARENT, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != order.parent:
        return 1  # it ended before the kernel was asked to say so
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        settings = read_settings(order.settings, file=Path(os.devnull))
        serve(*order.models, settings=settings, supervised=True)
    except PodiumError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
