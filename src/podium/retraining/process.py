"""The process of a retraining: `python -m podium.retraining.process` with an order on its input."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from podium.deployments.child_bounds import end_with, limit_memory
from podium.errors import PodiumError
from podium.retraining.orders import REPORT_NAME, Order, Report

_ORDER = msgspec.json.Decoder(Order)
_MEGABYTE = 2**20


def main() -> None:
    """Read the order, work within its limits, and write the report."""
    parent = os.getppid()
    order = _ORDER.decode(sys.stdin.buffer.read())
    end_with(parent)
    with suppress(OSError):
        os.nice(order.recipe.niceness)
    limit_memory(order.memory_bytes)
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


if __name__ == "__main__":
    main()
