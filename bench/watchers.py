"""What those who watch a live page cost the server: processor time without any, and with many.

    python bench/watchers.py [WATCHERS]

It packs a model of 20 fields, sends it requests, opens WebSockets that read what they get, and
measures the server's processor time, in percent of a core; the requests go on all the time.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from sklearn.linear_model import LinearRegression

import podium
from podium.testing import ServerProcess

SECONDS, TIMES = 20.0, 3
N_FIELDS, N_ROWS = 20, 2_000
HANDSHAKE = (
    "GET /api/models/sums/monitor/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def main(n_watchers: int) -> None:
    """Measure, and print what was found."""
    noise = np.random.default_rng(0).normal(size=(N_ROWS, N_FIELDS))
    names = [f"x{number}" for number in range(N_FIELDS)]
    table = {name: noise[:, number] for number, name in enumerate(names)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = LinearRegression().fit(noise, noise.sum(axis=1))
        bundle = podium.pack(model, table, name="sums", path=folder / "sums.podium")
        environment = {"PODIUM_SOCKETS_USER_MAX": "1000", "PODIUM_SOCKETS_MAX": "1000"}
        with ServerProcess(
            str(bundle.path), home=folder / "home", environment=environment
        ) as server:
            stop = threading.Event()
            row = dict(zip(names, noise[0].tolist(), strict=True))
            load = threading.Thread(target=_send, args=(server.address, row, stop))
            load.start()
            try:
                asyncio.run(_measure(server, n_watchers))
            finally:
                stop.set()
                load.join()


async def _measure(server: ServerProcess, n_watchers: int) -> None:
    """Without and with watchers, in turns."""
    differences = []
    for _ in range(TIMES):
        without = await _share(server.pid)
        readers = [asyncio.create_task(_watch(server.address)) for _ in range(n_watchers)]
        await asyncio.sleep(3)  # handshakes are paid once
        with_them = await _share(server.pid)
        n_read = [reader for reader in readers if not reader.done()]
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await asyncio.sleep(1)
        differences.append(with_them - without)
        print(f"{without:.2%} of a core without, {with_them:.2%} with {len(n_read)} watchers")
    print(f"{statistics.median(differences):.2%} of a core for {n_watchers} watchers")


async def _share(pid: int) -> float:
    """The processor time of a process and its children, as a share of a core."""
    before = _cpu_s(pid)
    await asyncio.sleep(SECONDS)
    return (_cpu_s(pid) - before) / SECONDS


def _cpu_s(pid: int) -> float:
    """Seconds of a process, and of those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / 100
    return own + sum(_cpu_s(int(child)) for child in children)


async def _watch(address: str) -> None:
    host = urlsplit(address).netloc
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    try:
        writer.write(HANDSHAKE.format(host=host, key=KEY).encode())
        while await reader.read(65_536):
            pass
    finally:
        writer.close()


def _send(address: str, row: dict[str, float], stop: threading.Event) -> None:
    """About fifty requests a second, so that there is something to watch."""
    body = json.dumps(row).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{address}/api/models/sums/predict", body, headers)
    while not stop.wait(0.02):
        urllib.request.urlopen(request).close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
