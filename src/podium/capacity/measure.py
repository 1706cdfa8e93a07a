"""Rounds of load on a real server, each on a new one with a home folder of its own."""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from podium.capacity import processes
from podium.capacity.figures import Case, Server
from podium.capacity.load import Load, Outcome
from podium.errors import SetupError
from podium.testing.process import ServerProcess

# How long the records of a run may take until they are in the store: their cost is a part of it.
SHIPPED_S = 15.0
_OUTBOX = re.compile(rb"^podium_outbox_rows (\S+)", re.MULTILINE)
_OUTCOME = msgspec.json.Decoder(Outcome)
# Called before each run: what is measured, and how many runs there are in all.
Tell = Callable[[str, int], None]


class Way(NamedTuple):
    """One way to ask: how many connections, with how many rows in a request."""

    n_connections: int
    n_rows: int


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        model: the name under which it is served.
        bodies: JSON to send, by the number of its rows.
        ways: in the order in which each round takes them.
        workers: the servers to start; none if `url` is measured.
        arguments: of `podium serve`: the bundle, and options.
        url: of a running server; "" to start some.
    """

    model: str
    bodies: dict[int, list[str]]
    ways: Sequence[Way]
    workers: Sequence[int]
    arguments: Sequence[str] = ()
    url: str = ""
    token: str = ""
    n_rounds: int = 3
    seconds: float = 1.0
    warm_s: float = 0.3

    @property
    def n_runs(self) -> int:
        """How many runs there are in all."""
        return self.n_rounds * len(self.ways) * (1 if self.url else len(self.workers))


class _Run(NamedTuple):
    outcome: Outcome
    cpu_us_per_row: float | None


class _Start(NamedTuple):
    ready_s: float
    worker_mb: float | None
    shipper_mb: float | None


@dataclass
class Measured:
    """What the rounds gave.

    Attributes:
        others: how many cores other programs used; None if that can't be known.
    """

    servers: list[Server] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    others: float | None = None


def measure(plan: Plan, tell: Tell) -> Measured:
    """Ask in all ways, in several rounds, so that what else happens here meets all of them alike.

    Raises:
        SetupError: the server can't be started, reached, or doesn't predict.
    """
    runs: dict[tuple[int, Way], list[_Run]] = {}
    starts: dict[int, list[_Start]] = {}
    before_s, began_s, ours_s = processes.busy_s(), time.monotonic(), 0.0
    for _ in range(plan.n_rounds):
        for n_workers in plan.workers or (0,):
            with _served(plan, n_workers) as (address, pid, ready_s):
                for way in plan.ways:
                    tell(_words(n_workers, way), plan.n_runs)
                    done = _run(plan, address, pid, way)
                    runs.setdefault((n_workers, way), []).append(done)
                    outcome = done.outcome
                    ours_s += outcome.cpu_share * (outcome.seconds + plan.warm_s)
                if pid is not None:
                    starts.setdefault(n_workers, []).append(_start_of(pid, ready_s))
                    ours_s += processes.cpu_s(pid) or 0.0
    busy_s = processes.busy_s()
    others = None
    if before_s is not None and busy_s is not None and not plan.url:
        others = max(0.0, busy_s - before_s - ours_s) / (time.monotonic() - began_s)
    return Measured(
        [_server_of(n_workers, some) for n_workers, some in starts.items()],
        [_case_of(n_workers, way, some) for (n_workers, way), some in runs.items()],
        others,
    )


@contextmanager
def _served(plan: Plan, n_workers: int) -> Iterator[tuple[str, int | None, float]]:
    """The address of a server, its process if it is ours, and how long its start took."""
    if plan.url:
        yield plan.url, None, 0.0
        return
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="podium-bench-"))
        began_s = time.perf_counter()
        arguments = [*plan.arguments, "--workers", str(n_workers)]
        # A bundle may name a module that is imported from the current folder.
        here = {"PYTHONPATH": str(Path.cwd())}
        home = Path(folder) / "home"
        server = ServerProcess(*arguments, home=home, environment=here, alone=True)
        try:
            stack.enter_context(server)
        except RuntimeError as error:
            raise SetupError(str(error), hint="podium serve has to start first") from error
        yield server.address, server.pid, time.perf_counter() - began_s


def _run(plan: Plan, address: str, pid: int | None, way: Way) -> _Run:
    path = f"/api/models/{quote(plan.model, safe='')}/predict"
    load = Load(
        address=address,
        path=path,
        bodies=plan.bodies[way.n_rows],
        n_connections=way.n_connections,
        warm_s=plan.warm_s,
        seconds=plan.seconds,
        token=plan.token,
    )
    for body in load.bodies[:3]:
        check_answer(address + path, body, plan.token)
    before_s = None if pid is None else processes.cpu_s(pid)
    outcome = _loaded(load)
    if pid is None or before_s is None:
        return _Run(outcome, None)
    _wait_until_shipped(address)
    used_s = (processes.cpu_s(pid) or before_s) - before_s
    return _Run(outcome, used_s * 1e6 / max(1, outcome.n_sent * way.n_rows))


def _loaded(load: Load) -> Outcome:
    """Run the program that asks."""
    with subprocess.Popen(
        [sys.executable, "-m", "podium.capacity.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            out, errors = process.communicate(
                msgspec.json.encode(load), timeout=load.warm_s + load.seconds + 90
            )
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SetupError(f"{load.address} can't be asked any more: {last}")
    return _OUTCOME.decode(out)


def check_answer(url: str, body: str, token: str = "") -> bytes:
    """Send a request, and return its response.

    Raises:
        SetupError: it isn't a prediction; says what the server said.
    """
    headers = {"content-type": "application/json"}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    return fetched(urllib.request.Request(url, body.encode(), headers))  # noqa: S310 - checked


def described(url: str, model: str, token: str = "") -> dict[str, Any]:
    """What a running server says about a model.

    Raises:
        SetupError: it can't be reached, or doesn't serve it.
    """
    headers = {"authorization": f"Bearer {token}"} if token else {}
    address = f"{url}/api/models/{quote(model, safe='')}"
    said = fetched(urllib.request.Request(address, None, headers))  # noqa: S310 - checked
    try:
        return dict(json.loads(said))
    except (ValueError, TypeError) as error:
        raise SetupError(f"{address} isn't a server of Podium") from error


def fetched(request: urllib.request.Request) -> bytes:
    """The body of a response with a status of 2xx.

    Raises:
        SetupError: there is none.
    """
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - as above
            content: bytes = response.read()
            return content
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(10_000)
        raise SetupError(
            f"{request.full_url} answers {error.code}: {_reason(said)}", hint=_advice(error.code)
        ) from error
    except (OSError, ValueError) as error:
        raise SetupError(f"{request.full_url} can't be reached: {error}") from error


def _reason(said: bytes) -> str:
    """What a problem says, and about which cells."""
    try:
        problem = json.loads(said)
        cells = [f"{one['field']}: {one['message']}" for one in problem.get("errors", ())[:3]]
        return "; ".join([str(problem.get("detail") or problem.get("title")), *cells])
    except (ValueError, AttributeError, KeyError, TypeError):
        return said[:200].decode("utf-8", "replace")


def _advice(status: int) -> str:
    if status in (401, 403):
        return "give a token of somebody who may predict: --token, or PODIUM_TOKEN"
    if status == 422:
        return "give rows that the model accepts: --file rows.json"
    if status == 413:
        return "ask with fewer rows: --rows"
    return ""


def _wait_until_shipped(address: str) -> None:
    until_s = time.monotonic() + SHIPPED_S
    while time.monotonic() < until_s:
        with contextlib.suppress(SetupError):
            found = _OUTBOX.search(fetched(urllib.request.Request(f"{address}/metrics")))  # noqa: S310
            if found is None or not float(found[1]):
                return
        time.sleep(0.1)


def _start_of(pid: int, ready_s: float) -> _Start:
    workers = processes.memory_mb(pid, "podium-worker")
    shippers = processes.memory_mb(pid, "podium-shipper")
    return _Start(ready_s, max(workers, default=None), max(shippers, default=None))


def _server_of(n_workers: int, starts: Sequence[_Start]) -> Server:
    def middle(values: list[float | None]) -> float | None:
        known = [one for one in values if one is not None]
        return statistics.median(known) if known else None

    return Server(
        n_workers=n_workers,
        ready_s=statistics.median(one.ready_s for one in starts),
        worker_mb=middle([one.worker_mb for one in starts]),
        shipper_mb=middle([one.shipper_mb for one in starts]),
    )


def _case_of(n_workers: int, way: Way, runs: Sequence[_Run]) -> Case:
    outcomes = [one.outcome for one in runs]
    per_s = [one.n_ok / one.seconds for one in outcomes]
    costs = [one.cpu_us_per_row for one in runs if one.cpu_us_per_row is not None]
    middle = statistics.median(per_s)
    reasons = sum((Counter(one.failures) for one in outcomes), Counter[str]())
    return Case(
        n_workers=n_workers,
        n_connections=way.n_connections,
        n_rows=way.n_rows,
        requests_per_s=middle,
        rows_per_s=middle * way.n_rows,
        p50_ms=statistics.median(one.p50_ms for one in outcomes),
        p99_ms=statistics.median(one.p99_ms for one in outcomes),
        cpu_us_per_row=statistics.median(costs) if costs else None,
        spread=(max(per_s) - min(per_s)) / middle if middle else 0.0,
        failed=reasons.total(),
        reasons=dict(reasons),
        load_share=statistics.median(one.cpu_share for one in outcomes),
    )


def _words(n_workers: int, way: Way) -> str:
    workers = f"{n_workers} workers, " if n_workers > 1 else ""
    connections = "connection" if way.n_connections == 1 else "connections"
    rows = "row" if way.n_rows == 1 else "rows"
    return f"{workers}{way.n_connections} {connections}, {way.n_rows} {rows} a request"
