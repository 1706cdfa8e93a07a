"""What processes use of this machine, from /proc: only Linux has it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    name: str
    cpu_s: float


def cpu_s(pid: int) -> float | None:
    """CPU seconds of a process and of all that it started so far; None if that can't be known."""
    family = _family(pid)
    return sum(one.cpu_s for one in family) if family else None


def busy_s() -> float | None:
    """CPU seconds of everything that runs here, since the machine started; None as above."""
    try:
        fields = (_PROC / "stat").read_text().partition("\n")[0].split()[1:]
    except OSError:
        return None
    ticks = [int(one) for one in fields[:8]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int, name: str) -> list[float]:
    """The memory of the processes with a name that a process started; what they share is divided."""
    return [_proportional_kb(one.pid) / 1024 for one in _family(pid) if one.name == name]


def machine() -> dict[str, str | int]:
    """This machine: what it computes with."""
    found: dict[str, str | int] = {
        "cpu": _cpu(),
        "cores": _cores(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        found["memory_mb"] = round(size / 2**20)
    return found


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _family(pid: int) -> list[_Process]:
    """A process and its descendants."""
    children: dict[int, list[_Process]] = {}
    found: list[_Process] = []
    for one in _processes():
        children.setdefault(one.parent, []).append(one)
        if one.pid == pid:
            found.append(one)
    for one in found:  # grows while it is read
        found += children.get(one.pid, [])
    return found


def _processes() -> Iterator[_Process]:
    if not (_PROC / "self" / "stat").exists():
        return
    tick = os.sysconf("SC_CLK_TCK")
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text("utf-8", "replace")
        except OSError:  # it ended in between
            continue
        # The name, in parentheses, may hold anything.
        start, _, rest = text.rpartition(")")
        fields = rest.split()
        cpu = (int(fields[11]) + int(fields[12])) / tick
        yield _Process(int(folder.name), int(fields[1]), start.partition("(")[2], cpu)


def _proportional_kb(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
