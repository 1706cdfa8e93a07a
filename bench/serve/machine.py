"""The machine: who runs on which core, what processes cost, and how noisy it is."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = 1
_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_SET_CHILD_SUBREAPER = 36


def pinned(command: Iterable[str | Path], core: int) -> list[str]:
    """The command, held to one core where this system can do that."""
    words = [str(word) for word in command]
    return ["taskset", "-c", str(core), *words] if can_pin() else words


def can_pin() -> bool:
    """Whether server and load can have a core each."""
    return shutil.which("taskset") is not None and (os.cpu_count() or 1) > 1


def pin_self() -> None:
    """Keep this process off the server's core."""
    if can_pin():
        os.sched_setaffinity(0, {LOAD_CORE})


def adopt_orphans() -> None:
    """Become the parent of what servers leave behind: daemons count as theirs, and are ended."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass(frozen=True)
class Process:
    """A line of /proc."""

    pid: int
    parent: int
    cpu_s: float


def descendants(besides: Iterable[int] = ()) -> list[Process]:
    """All processes that came from this one, without those named and theirs."""
    left_out = set(besides)
    children: dict[int, list[Process]] = {}
    for process in _processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [os.getpid()]
    while waiting:
        for process in children.get(waiting.pop(), []):
            if process.pid not in left_out:
                found.append(process)
                waiting.append(process.pid)
    return found


def cpu_s(besides: Iterable[int] = ()) -> float:
    """CPU seconds that the descendants used so far."""
    return sum(process.cpu_s for process in descendants(besides))


def memory_mb(besides: Iterable[int] = ()) -> float:
    """Resident memory of the descendants; pages that they share count once."""
    return sum(_resident_kb(process.pid) for process in descendants(besides)) / 1024


def largest_mb(besides: Iterable[int] = ()) -> float:
    """Resident memory of the largest descendant: the process that holds the model."""
    return max((_resident_kb(process.pid) for process in descendants(besides)), default=0) / 1024


def _resident_kb(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:  # it ended in between
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _processes() -> list[Process]:
    found = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue
        # The name, in parentheses, may hold anything.
        fields = text.rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        found.append(Process(int(folder.name), int(fields[1]), ticks / _TICKS))
    return found


class Noise:
    """How much this machine's speed moves: a fixed loop, timed on the server's core again and again."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def sample(self) -> None:
        """Time the loop once."""
        if can_pin():
            os.sched_setaffinity(0, {SERVER_CORE})
        began = time.perf_counter()
        total = 0
        for i in range(1_000_000):
            total += i
        self._times.append(time.perf_counter() - began)
        pin_self()

    def __str__(self) -> str:
        if len(self._times) < 2:
            return "not measured"
        middle = statistics.median(self._times)
        low, high = min(self._times) / middle - 1, max(self._times) / middle - 1
        return (
            f"a fixed loop timed {len(self._times)} times between runs took {middle * 1e3:.0f} ms, "
            f"{low:+.0%} to {high:+.0%}"
        )


def description() -> str:
    """The machine in words."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    where = (
        f"server on core {SERVER_CORE}, load on core {LOAD_CORE}"
        if can_pin()
        else "server and load share the cores"
    )
    return (
        f"{os.cpu_count()} cores of {_cpu()}, {memory_gb:.0f} GiB, {platform.system()} "
        f"{platform.release().partition('-')[0]}, Python {platform.python_version()}; {where}"
    )


def _cpu() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
