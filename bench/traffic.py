"""What traffic costs: routing, a canary, a full shadow, swaps; how soon a promotion is seen.

Model A of bench.serve (a linear regression of eight numbers) runs in one worker on one core, with
records, and wrk asks from another core. Rounds of the kinds follow each other in turn, so that what
else the machine does meets all of them; the median of each is compared with the first.

    python -m bench.traffic [--rounds 5] [--seconds 5] [--connections 32]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
import timeit
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from bench.serve import load, machine
from bench.serve.train import MODELS, rows_of

import podium
from podium.deployments.deployment import Deployment
from podium.deployments.registry import Registry
from podium.flow.version import LoadedVersion
from podium.testing import ServerProcess

PREDICT = "/api/models/a/predict"
KINDS = ("champion", "canary", "shadow", "swaps")
# 200 swaps and 200 rollbacks would take a minute and a half.
SWAP_S = 0.2
N_PROMOTIONS = 20


def packed(folder: Path) -> tuple[list[Path], Path]:
    """Two versions of the model, and a file of bodies."""
    seen, truth, asked = rows_of("a")
    paths = []
    for version in ("1", "2"):
        model = MODELS["a"][1]().fit(seen, truth)
        path = folder / f"{version}.podium"
        podium.pack(model, seen, truth, name="a", version=version, path=path)
        paths.append(path)
    bodies = folder / "bodies.txt"
    lines = (json.dumps(row) for row in asked.head(1_000).to_dict("records"))
    bodies.write_text("\n".join(lines) + "\n")
    return paths, bodies


@contextmanager
def served(bundle: Path, home: Path, core: int | None, workers: int = 1) -> Iterator[ServerProcess]:
    """A server, with all of its processes on one core."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    server = ServerProcess(str(bundle), home=home, environment={"PODIUM_WORKERS": str(workers)})
    try:
        server.__enter__()
    finally:
        os.sched_setaffinity(0, before)
    try:
        yield server
    finally:
        server.__exit__(None, None, None)


def routing_ns(bundle: Path) -> float:
    """Nanoseconds that the fast lane takes to choose a version where there is no challenger."""
    deployment = Deployment(LoadedVersion(podium.load(bundle)))
    names = {"d": deployment}
    n = 1_000_000
    with_traffic = "t = d.traffic\nif t.canary is None: v = t.champion"
    both = [
        min(timeit.repeat(code, globals=names, number=n, repeat=5))
        for code in (with_traffic, "v = d.traffic")
    ]
    return (both[0] - both[1]) / n * 1e9


def set_kind(registry: Registry, kind: str) -> None:
    """Let the challenger do what a round is about."""
    if registry.rollout("a") is not None:
        registry.stop("a")
    if kind == "canary":
        registry.set_traffic("a", "2", share=0.5)
    elif kind == "shadow":
        registry.set_traffic("a", "2", mode="shadow")


@contextmanager
def swapping(registry: Registry) -> Iterator[None]:
    """Promote the other version again and again meanwhile."""
    is_over = threading.Event()

    def swap() -> None:
        versions = itertools.cycle("21")
        while not is_over.wait(SWAP_S):
            registry.promote("a", next(versions))

    thread = threading.Thread(target=swap)
    thread.start()
    yield
    is_over.set()
    thread.join()
    registry.promote("a", "1")


def throughput(paths: list[Path], bodies: Path, options: argparse.Namespace) -> dict[str, float]:
    """Requests a second of each kind, the median of the rounds."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    home = bodies.parent / "home"
    with served(paths[0], home, machine.SERVER_CORE) as server:
        registry = Registry(home)
        registry.register(podium.load(paths[1]))
        for number in range(options.rounds):
            for kind in KINDS:
                set_kind(registry, kind)
                time.sleep(3.0 if kind == "shadow" else 1.0)
                with swapping(registry) if kind == "swaps" else nullcontext():
                    result = load.run(
                        f"{server.address}{PREDICT}",
                        bodies,
                        connections=options.connections,
                        seconds=options.seconds,
                    )
                assert not result.failed, result
                found[kind].append(result.per_s)
                print(f"  round {number + 1} {kind}: {result.per_s:,.0f} requests a second")
        with urllib.request.urlopen(f"{server.address}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        print(*(f"  {line}" for line in lines if line.startswith("podium_shadow")), sep="\n")
    return {kind: statistics.median(values) for kind, values in found.items()}


def seen_after(paths: list[Path], folder: Path) -> list[float]:
    """Milliseconds from a promotion until no answer of two servers names the version before."""
    home = folder / "promotions"
    with ExitStack() as stack:
        servers = [stack.enter_context(served(paths[0], home, None, workers)) for workers in (2, 1)]
        registry = Registry(home)
        registry.register(podium.load(paths[1]))
        last: dict[str, float] = {}
        current, is_over = ["1"], threading.Event()
        body = json.dumps(rows_of("a")[2].head(1).to_dict("records")[0]).encode()

        def watch(address: str) -> None:
            while not is_over.is_set():
                wanted, began = current[0], time.perf_counter()
                request = urllib.request.Request(f"{address}{PREDICT}", body)
                request.add_header("content-type", "application/json")
                with urllib.request.urlopen(request) as answer:
                    if json.load(answer)["version"] != wanted:
                        last[address] = began

        threads = [
            threading.Thread(target=watch, args=(one.address,)) for one in servers for _ in (1, 2)
        ]
        for thread in threads:
            thread.start()
        waited = []
        for number in range(N_PROMOTIONS):
            version = "21"[number % 2]
            last.clear()
            current[0] = version
            registry.promote("a", version)
            began = time.perf_counter()
            time.sleep(1.5)
            waited.append(max([0.0, *(at - began for at in last.values())]) * 1e3)
        is_over.set()
        for thread in threads:
            thread.join()
    return waited


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, bodies = packed(folder)
        print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        rates = throughput(paths, bodies, options)
        request_us = 1e6 / rates["champion"]
        cost_ns = routing_ns(paths[0])
        print(f"routing without a challenger: {cost_ns:.0f} ns, {cost_ns / request_us / 10:.2f} % ")
        for kind in KINDS:
            share = rates[kind] / rates["champion"]
            print(f"{kind}: {rates[kind]:,.0f} requests a second, {share:.0%} of the champion's")
        waited = sorted(seen_after(paths, folder))
        print(
            f"a promotion is seen by 3 workers of 2 servers after {statistics.median(waited):.0f} ms,"
        )
        print(f"at most {waited[-1]:.0f} ms, of {N_PROMOTIONS} promotions")


if __name__ == "__main__":
    main()
