"""The progress bar of a long command, and how it is interrupted."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from podium.cli.terminal import console
from podium.scoring.formats import Source


@contextmanager
def progress_of(source: Source) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while a file is read, if that is a terminal.

    Yields:
        A function that is called with the number of rows done.
    """
    n_rows_all = source.reader.n_rows
    with bar(n_rows_all or source.size) as advance:
        yield lambda n_rows: advance(n_rows if n_rows_all else source.n_bytes(), n_rows)


@contextmanager
def bar(total: int | None) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, if that is a terminal.

    Args:
        total: of what is done in the end; None is unknown.

    Yields:
        A function that is called with how much of it is done, and the number of rows.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _n_rows: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    began = time.perf_counter()
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%" if total else ""),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total, rows="")

        def advance(done: int, n_rows: int) -> None:
            speed = n_rows / (time.perf_counter() - began)
            text = f"{n_rows:,} rows, {speed:,.0f} rows/s"
            progress.update(task, completed=done, rows=text)

        yield advance


@contextmanager
def stopping() -> Iterator[None]:
    """Make signals that end a program unwind it first, as the keyboard's does."""
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, _stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
