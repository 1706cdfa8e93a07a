"""What monitoring costs: the throughput of a server that counts values, and of one that doesn't.

Model A of bench.serve (a linear regression of eight numbers) runs with records in two servers, and wrk
asks one after the other from another core: what else the machine does meets both. Each has one worker on
one core; of several cores each would do the same. A machine that does other things changes the rate, but
hardly the processor time that a request takes, which is printed, too.

    python -m bench.monitoring [--rounds 7] [--seconds 5] [--connections 32]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.serve import load, machine
from bench.traffic import PREDICT, packed

from podium.testing import ServerProcess

KINDS = ("off", "on")


@contextmanager
def served(bundle: Path, home: Path, kind: str) -> Iterator[ServerProcess]:
    """A server with all of its processes on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {machine.SERVER_CORE})
    try:
        environment = {"PODIUM_MONITORING": "true" if kind == "on" else "false"}
        server = ServerProcess(str(bundle), home=home, environment=environment)
        with server:
            os.sched_setaffinity(0, before)
            yield server
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pid: int) -> float:
    """The processor time of a process and its children that live, in seconds."""
    total = 0
    for one in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = one.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if pid in (int(one.parent.name), int(fields[1])):
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    costs: dict[str, list[float]] = {kind: [] for kind in KINDS}
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        paths, bodies = packed(folder)
        servers = {
            kind: stack.enter_context(served(paths[0], folder / kind, kind)) for kind in KINDS
        }
        for number in range(options.rounds + 1):
            for kind in KINDS if number % 2 else reversed(KINDS):
                address, pid = servers[kind].address, servers[kind].pid
                began_s = cpu_s(pid)
                result = load.run(
                    f"{address}{PREDICT}",
                    bodies,
                    connections=options.connections,
                    seconds=options.seconds,
                )
                assert not result.failed, result
                time.sleep(1.0)  # what waits is counted, too
                if number:  # the first warms up
                    rates[kind].append(result.per_s)
                    used_us = (cpu_s(pid) - began_s) * 1e6
                    costs[kind].append(used_us / (result.per_s * options.seconds))
        with urllib.request.urlopen(f"{servers['on'].address}/api/models/a/monitor") as answer:
            report = json.load(answer)
    print(
        f"rows: {report['n_rows']:,}, of which the values of {report['n_counted']:,} were counted"
    )
    for title, found, more in (("requests a second", rates, ""), ("CPU a request", costs, " us")):
        off, on = (statistics.median(found[kind]) for kind in KINDS)
        ratios = sorted(b / a for a, b in zip(found["off"], found["on"], strict=True))
        print(
            f"{title}: off {off:,.1f}{more}, on {on:,.1f}{more}, {on / off:.1%}; "
            f"of each round {', '.join(f'{one:.0%}' for one in ratios)}"
        )


if __name__ == "__main__":
    main()
