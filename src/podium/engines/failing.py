"""Failures of engines, as errors that say what failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podium.errors import SetupError

_HINT = "its processes need this Podium with the same extras, and the files at the same paths"


@contextmanager
def failing(engine: str, *kinds: type[Exception], hint: str = _HINT) -> Iterator[None]:
    """Turn what an engine raises in this block into an error of Podium.

    Raises:
        SetupError: with the last line of its message that isn't indented: engines send whole
            tracebacks of other processes.
    """
    try:
        yield
    except kinds as error:
        lines = [line for line in str(error).splitlines() if line[:1].strip()]
        why = lines[-1] if lines else type(error).__name__
        raise SetupError(f"{engine} failed: {why}", hint=hint) from error
