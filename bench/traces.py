"""What traces cost: processor time of a server for each request of the fast lane, by the share traced.

    python -m bench.traces [--seconds 0.4] [--rounds 60]

Processor time, not requests a second: it hardly depends on what else the machine does. The spans go to
a collector in this process, which reads and drops them.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from podium.testing import ServerProcess

MODEL = '''
"""A model that costs nothing."""

import podium


@podium.model
def plain(x: float) -> float:
    """What was sent."""
    return x
'''
BODY = b'{"x": 1.5}'
HEAD = b"POST /api/models/plain/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
REQUEST = HEAD % len(BODY) + BODY
N_CONNECTIONS = 16
SHARES = (0.0, 0.01)


class _Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[str]:
    """The address of a collector."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def cpu_s(pid: int) -> float:
    """The processor time of a process and of all its descendants that live."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    own = sum(int(one.read_text().split()[0]) for one in threads) / 1e9
    return own + sum(cpu_s(int(child)) for child in children)


async def send(address: str, seconds: float) -> int:
    """The number of requests that were answered within so many seconds."""
    place, loop = urlsplit(address), asyncio.get_running_loop()
    until_s = loop.time() + seconds

    async def one() -> int:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        n_sent = 0
        while loop.time() < until_s:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            n_sent += 1
        writer.close()
        return n_sent

    return sum(await asyncio.gather(*(one() for _ in range(N_CONNECTIONS))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    found: dict[float, list[float]] = {share: [] for share in SHARES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "plain_model.py").write_text(MODEL)
        collector = stack.enter_context(collecting())
        servers = {}
        for share in SHARES:
            environment = {
                "PODIUM_TRACES_SHARE": str(share),
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            }
            server = ServerProcess(
                f"{folder}/plain_model.py:plain",
                home=folder / f"home-{share}",
                environment=environment,
            )
            servers[share] = stack.enter_context(server)
            asyncio.run(send(servers[share].address, 0.5))
        for _ in range(options.rounds):
            for share, server in servers.items():
                before_s = cpu_s(server.pid)
                n_sent = asyncio.run(send(server.address, options.seconds))
                found[share].append((cpu_s(server.pid) - before_s) / n_sent * 1e6)
    for share, times_us in found.items():
        middle, low, high = statistics.median(times_us), min(times_us), max(times_us)
        # Those of one round followed each other, on a machine that was about as busy.
        ratios = [one / off for one, off in zip(times_us, found[0.0], strict=True)]
        more = 100 * (statistics.median(ratios) - 1)
        print(
            f"share {share:<5} {middle:6.1f} us a request ({low:.1f} to {high:.1f}), {more:+.1f} %"
        )


if __name__ == "__main__":
    main()
