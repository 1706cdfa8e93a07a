"""What Ray Serve's ingress costs: processor time for each request, beside our server without it.

    python -m bench.ray_serve [--seconds 3] [--rounds 5]

The recipe of docs/how-to/ray.md with one proxy and one replica, and `podium serve`: the same model and
requests, both record. Of Ray, only the proxy and the replica count, not what its other processes do.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.traces import MODEL, cpu_s, send

from podium.testing import ServerProcess

PORT = 21_800
WARM_S = 5
COUNTED = (b"ray::ProxyActor", b"ray::ServeReplica")


@dataclass
class Served:
    """One way to serve, and what was measured of it.

    Attributes:
        pids: the processes that take part in a request.
        cpu_ms: for a request, of each round.
        wait_ms: for a request on each of the connections, of each round.
    """

    address: str
    pids: list[int]
    cpu_ms: list[float] = field(default_factory=list)
    wait_ms: list[float] = field(default_factory=list)

    def measure(self, seconds: float) -> None:
        """One round."""
        before_s = sum(map(cpu_s, self.pids))
        began_s = time.monotonic()
        n_sent = asyncio.run(send(self.address, seconds))
        took_s = time.monotonic() - began_s
        self.cpu_ms.append((sum(map(cpu_s, self.pids)) - before_s) / n_sent * 1e3)
        self.wait_ms.append(took_s / n_sent * 1e3)


@contextmanager
def ray_serve(build: Callable[[], Any]) -> Iterator[Served]:
    """An app behind the ingress of a Ray that is started for it."""
    import ray
    from ray import serve

    memory = 80_000_000  # bytes, nearly the least that Ray accepts
    quiet = {"enable_access_log": False}
    ray.init("local", include_dashboard=False, object_store_memory=memory, log_to_driver=False)
    serve.start(http_options={"port": PORT}, logging_config=quiet)
    models = serve.deployment(serve.ingress(build)(), name="models", logging_config=quiet)
    serve.run(models.bind(), route_prefix="/")
    try:
        yield Served(f"http://127.0.0.1:{PORT}", counted())
    finally:
        serve.shutdown()
        ray.shutdown()


def counted() -> list[int]:
    """The processes of Ray Serve through which a request goes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:  # that process ended
            continue
        if command.startswith(COUNTED):
            found.append(int(path.parent.name))
    assert len(found) == len(COUNTED), found
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "plain_model.py").write_text(MODEL)
        model = f"{folder}/plain_model.py:plain"

        def build() -> Any:
            import podium

            return podium.App(model, home=str(folder / "ray"), open=True)

        server = stack.enter_context(ServerProcess(model, home=folder / "own"))
        ways = {
            "podium serve": Served(server.address, [server.pid]),
            "Ray Serve": stack.enter_context(ray_serve(build)),
        }
        for one in ways.values():
            asyncio.run(send(one.address, WARM_S))
        for one in list(ways.values()) * options.rounds:
            one.measure(options.seconds)
    for name, one in ways.items():
        cpu, wait = statistics.median(one.cpu_ms), statistics.median(one.wait_ms)
        print(
            f"{name:14}{cpu:8.3f} ms of CPU a request ({min(one.cpu_ms):.3f} to {max(one.cpu_ms):.3f}), "
            f"{1e3 / wait:,.0f} requests/s"
        )


if __name__ == "__main__":
    main()
