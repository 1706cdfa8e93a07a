"""The load on a server: wrk with bodies that vary; without wrk, a client of our own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.serve import machine, places

LUA = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What one run against a server gave.

    Attributes:
        failed: connections refused or broken, time-outs, and answers that aren't 2xx or 3xx.
        cpu_us: CPU time of all processes of the server, a request.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    cpu_us: float

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def description() -> str:
    """What makes the load, and what it can't see."""
    if shutil.which("wrk"):
        version = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
        name = " ".join(version.stdout.split()[:2])
        return (
            f"{name}, one thread, keep-alive. It waits for each response before it sends the next "
            "request on a connection, so a server that stalls gets fewer requests meanwhile. To correct "
            "for that, wrk counts the requests that would have waited: if stalls take a hundredth of the "
            "time, they make up the p99. It counts responses that aren't 2xx or 3xx, but doesn't read "
            "bodies: a sample of responses is checked before each run."
        )
    return (
        "a client of our own in Python, since wrk isn't installed (`apt install wrk`). It can't send "
        "more than some 20,000 requests a second, so faster servers all look alike."
    )


def run(
    url: str,
    bodies: Path | None,
    *,
    connections: int,
    seconds: int,
    besides: set[int] | None = None,
    token: str = "",
) -> Load:
    """Ask for a while, each connection as fast as it is answered.

    Args:
        url: whole address of a route.
        bodies: a file with a body a line, to POST; None to GET.
        besides: processes that aren't the server's.
        token: sent with every request.
    """
    command: list[str | Path]
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
        command += ["-s", LUA, url, "--", *([bodies] if bodies else [])]
    else:
        command = [sys.executable, "-m", "bench.serve.load", url, str(bodies or "")]
        command += [str(connections), str(seconds)]
    others = besides or set()
    before_s = machine.cpu_s(others)
    loader = subprocess.Popen(
        machine.pinned(command, machine.LOAD_CORE),
        stdout=subprocess.PIPE,
        text=True,
        cwd=places.ROOT,
        env={**os.environ, "BENCH_TOKEN": token},
    )
    out, _ = loader.communicate(timeout=seconds + 60)
    used_s = machine.cpu_s(others) - before_s
    found = [line for line in out.splitlines() if line.startswith("RESULT ")]
    if not found:
        raise RuntimeError(f"the load generator ended without a result: {out[-500:]}")
    result = json.loads(found[0].removeprefix("RESULT "))
    return Load(**result, cpu_us=used_s * 1e6 / max(1, result["requests"]))


async def _connection(host: str, port: int, requests: list[bytes], at: int, until: float) -> _Seen:
    seen = _Seen([], 0)
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(requests[at % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        lengths = [line for line in lines if line.startswith(b"content-length:")]
        await reader.readexactly(int(lengths[0].partition(b":")[2]))
        seen.failed += not lines[0].split()[1].startswith(b"2")
        seen.times_s.append(time.perf_counter() - began)
        at += 1
        if b"connection: close" in lines:
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
    writer.close()
    return seen


@dataclass
class _Seen:
    times_s: list[float]
    failed: int


def _requests(url: str, bodies: str) -> list[bytes]:
    parts = urlsplit(url)
    if not bodies:
        return [f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()]
    start = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    token = os.environ.get("BENCH_TOKEN", "")
    start += f"Authorization: Bearer {token}\r\n" if token else ""
    start += "Content-Type: application/json\r\nContent-Length: "
    lines = Path(bodies).read_bytes().splitlines()
    return [start.encode() + b"%d\r\n\r\n%b" % (len(line), line) for line in lines]


async def _ask(url: str, requests: list[bytes], connections: int, seconds: int) -> None:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    began = time.perf_counter()
    until = began + seconds
    all_seen = await asyncio.gather(
        *(_connection(host, port, requests, 17 * i, until) for i in range(connections))
    )
    times_s = [one for seen in all_seen for one in seen.times_s]
    cuts = statistics.quantiles(times_s, n=100)
    result = {
        "requests": len(times_s),
        "seconds": time.perf_counter() - began,
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
        "failed": sum(seen.failed for seen in all_seen),
    }
    print("RESULT", json.dumps(result))


if __name__ == "__main__":
    asyncio.run(
        _ask(sys.argv[1], _requests(sys.argv[1], sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    )
