"""The process of a retraining: `python -m podium.retraining.process` with an order on its input."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from podium.errors import PodiumError
from podium.retraining.orders import Order, Report

REPORT_NAME = "report.json"
_ORDER = msgspec.json.Decoder(Order)
_PR_SET_PDEATHSIG = 1
_MEGABYTE = 2**20


def main() -> None:
    """Read the order, work within its limits, and write the report."""
    parent = os.getppid()
    order = _ORDER.decode(sys.stdin.buffer.read())
    _end_with(parent)
    with suppress(OSError):
        os.nice(order.recipe.niceness)
    _limit_memory(order.memory_bytes)
    try:
        report = _train(order)
    except MemoryError:
        megabytes = order.memory_bytes // _MEGABYTE
        report = Report(
            error=f"the recipe needs more memory than the {megabytes:,} MB that it may use",
            hint="raise memory_mb, or train on fewer records (--since)",
        )
    except PodiumError as error:
        report = Report(error=error.message, hint=error.hint)
    except OSError as error:  # of a recipe they are told already
        report = Report(error=f"the result can't be written: {error}")
    part = Path(order.folder, f"{REPORT_NAME}.part")
    part.write_bytes(msgspec.json.encode(report))
    part.replace(Path(order.folder, REPORT_NAME))


def _train(order: Order) -> Report:
    from podium.retraining.training import (
        train,
    )  # needs memory itself, so that the limit comes first

    return Report(trained=train(order))


def _end_with(parent: int) -> None:
    """End when the parent ends, however it does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def _limit_memory(n_bytes: int) -> None:
    """Bound what is allocated; address space that libraries only reserve doesn't count."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limits
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, n_bytes))


if __name__ == "__main__":
    main()
