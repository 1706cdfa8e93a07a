"""Watches code while it is recorded: whether it depends on anything but its data and constants."""

from __future__ import annotations

import builtins
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

from podium.compile.own_code.recorded import Untraceable

# Names by which code asks for the time, for randomness, or for what lies outside.
_OUTSIDE = frozenset(
    {
        *("now", "today", "utcnow", "time_ns", "monotonic", "perf_counter"),
        *("random", "default_rng", "RandomState", "getrandbits", "urandom", "uuid4"),
        *("read_csv", "read_parquet", "read_text", "read_bytes", "read_sql", "urlopen"),
        *("environ", "getenv"),
    }
)
# The same as functions or modules; as attributes they may also be columns of a frame.
_OUTSIDE_GLOBALS = frozenset(
    {
        *("time", "rand", "randn", "randint", "choice", "shuffle", "permutation"),
        *("uniform", "normal", "standard_normal"),
    }
)
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_PACKAGE = str(Path(__file__).parents[2])


@contextmanager
def watched() -> Iterator[None]:
    """Run one's own code.

    Raises:
        Untraceable: it asks for the time, for random numbers, or for a file.
    """
    found: list[str] = []

    def see(frame: FrameType, event: str, argument: Any) -> None:
        if not is_own_code(frame.f_code):
            return
        if event == "call":
            names = set(frame.f_code.co_names)
            found.extend(sorted(names & _OUTSIDE))
            found.extend(sorted(names & _OUTSIDE_GLOBALS & _callables(frame)))
        elif event == "c_call" and argument.__name__ in _OUTSIDE | {"open"}:
            found.append(argument.__name__)

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        yield
    finally:
        sys.setprofile(before)
    if found:
        raise Untraceable(f"it asks for `{found[0]}`, which may be another one at each prediction")


@contextmanager
def unwatched() -> Iterator[None]:
    """Run code of this package meanwhile, at its usual speed."""
    before = sys.getprofile()
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(before)


def _callables(frame: FrameType) -> set[str]:
    """The functions and modules that code finds by name."""
    found = {name: frame.f_globals.get(name) for name in frame.f_code.co_names}
    return {n for n, one in found.items() if callable(one) or isinstance(one, ModuleType)}


def is_own_code(code: CodeType) -> bool:
    """Whether the code is neither of a library nor of this package."""
    name = code.co_filename
    return not name.startswith((*_LIBRARIES, _PACKAGE, "<frozen", "<__array_function__"))


def line_now() -> tuple[int, str]:
    """The number and the text of the line of one's own code that runs; 0 and "" where none does."""
    import inspect
    import linecache

    frame = inspect.currentframe()
    while frame is not None:
        if is_own_code(frame.f_code):
            text = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
            return frame.f_lineno, text.strip()
        frame = frame.f_back
    return 0, ""


def is_called_as(name: str) -> bool:
    """Whether the line that called the caller says this name, and doesn't do so by compiled code.

    Compiled code has no frames: what it calls seems to be called by the line that called it. It reads
    the memory of the arrays that it asks for, and would crash with a stand-in.
    """
    import inspect
    import linecache

    here = inspect.currentframe()
    frame = here.f_back.f_back if here is not None and here.f_back is not None else None
    if frame is None:
        return False
    number, _, begin, _ = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    line = linecache.getline(frame.f_code.co_filename, number or 0).encode()
    called = line[begin or 0 :].decode().partition("(")[0].strip()
    return called.rpartition(".")[2] == name


def is_own_class(kind: type) -> bool:
    """Whether the class is neither a library's nor of this package."""
    if kind.__module__ == "builtins":  # so says code that was run without a module, too
        return getattr(builtins, kind.__name__, None) is not kind
    return is_own_module(kind.__module__)


def is_own_module(name: str) -> bool:
    """Whether the module is neither a library's nor of this package."""
    if name in sys.builtin_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return not file.startswith((*_LIBRARIES, _PACKAGE))


def line_of(traceback: TracebackType | None) -> tuple[int, str]:
    """The number and the text of the line of one's own code where an exception came from."""
    import linecache

    number, text = 0, ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_own_code(code):
            number = traceback.tb_lineno
            text = linecache.getline(code.co_filename, number).strip()
        traceback = traceback.tb_next
    return number, text
