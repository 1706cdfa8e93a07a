"""How long the page of a result takes with its why, a curve, and predictions beside explanations.

    python -m bench.insight [--rows 300] [--seconds 10] [--rate 20]

It starts a server of its own, with one worker, and prints percentiles in milliseconds: of the page
of a result whose explanation isn't known yet, of `POST .../whatif`, and of predictions alone and
while another client asks for explanations, so many a second, and without a pause. A person may have
60 a minute, unless the operator says otherwise.

The other client needs the same machine, so it also asks for predictions as often: what those cost the
first client is what any neighbour costs it, and the rest is the explanations'.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import httpx
import numpy as np

import podium
from podium.testing import ServerProcess

N_FIELDS, N_TRAINING, ROUNDS = 20, 5_000, 10


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = packed(Path(folder))
        environment = {"PODIUM_QUOTA_EXPLANATIONS": "0"}
        home = Path(folder) / "home"
        with (
            ServerProcess(str(bundle), home=home, environment=environment) as server,
            httpx.Client(base_url=server.address) as http,
        ):
            measure(http, server.address, options)


def packed(folder: Path) -> Path:
    """A bundle of boosted trees: 100 of 31 leaves, 20 fields."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(0)
    names = [f"field {i}" for i in range(N_FIELDS)]
    rows = pd.DataFrame(random.normal(size=(N_TRAINING, N_FIELDS)), columns=names)
    target = (rows["field 0"] + rows["field 1"] * rows["field 2"] > 0).map(
        {True: "yes", False: "no"}
    )
    model = HistGradientBoostingClassifier(max_iter=100).fit(rows, target)
    bundle = podium.pack(model, rows, target, name="bench", path=folder)
    assert bundle.path is not None
    return bundle.path


def measure(http: httpx.Client, address: str, options: argparse.Namespace) -> None:
    """Send the requests, and print how long they took."""
    n_rows, seconds, rate = options.rows, options.seconds, options.rate
    random = np.random.default_rng(1)
    rows = [
        {f"field {i}": float(cell) for i, cell in enumerate(cells)}
        for cells in random.normal(size=(n_rows, N_FIELDS))
    ]
    ids = http.post("/api/models/bench/predict", json=rows).json()["ids"]
    http.get(f"/models/bench/results/{ids[0]}")  # whatever is imported once

    def page(at: int) -> httpx.Response:
        return http.get(f"/models/bench/results/{ids[at]}")

    def curve(at: int) -> httpx.Response:
        body = {"row": rows[at], "field": "field 0"}
        return http.post("/api/models/bench/whatif", json=body)

    show("result page with its why", timed(page, range(1, n_rows)))
    show("what if, one field", timed(curve, range(n_rows)))
    alone: list[float] = []
    neighbours = [(what, pace) for pace in (rate, math.inf) for what in ("explain", "predict")]
    beside: dict[tuple[str, float], list[float]] = {one: [] for one in neighbours}
    asked = dict.fromkeys(neighbours, 0)
    n_explained = 0.0
    # In turns, so that what else the machine does meets all.
    for _ in range(ROUNDS):
        alone += predictions(http, rows, seconds / ROUNDS)
        for one, taken in beside.items():
            what, pace = one
            if what == "predict" and pace == math.inf:
                pace = n_explained  # as many as there were explanations
            # A process, since a thread would compete with this client for the interpreter, not with
            # the server's predictions.
            stop, count = multiprocessing.Event(), multiprocessing.Value("i")
            asking = multiprocessing.Process(
                target=neighbour, args=(address, rows, what, pace, stop, count)
            )
            asking.start()
            try:
                taken += predictions(http, rows, seconds / ROUNDS)
            finally:
                stop.set()
                asking.join()
            asked[one] += count.value
            n_explained = count.value * ROUNDS / seconds
    show("predictions alone", alone)
    for one, taken in beside.items():
        ratio = np.percentile(taken, 99) / np.percentile(alone, 99)
        what = {"explain": "explanations", "predict": "predictions"}[one[0]]
        show(f"beside {asked[one] / seconds:.0f} {what} a second", taken)
        print(f"p99 beside them: {ratio:.2f} times")


def timed(ask: Callable[[int], httpx.Response], places: Sequence[int]) -> list[float]:
    """Seconds of each request."""
    taken = []
    for at in places:
        began_s = time.perf_counter()
        reply = ask(at)
        taken.append(time.perf_counter() - began_s)
        assert reply.status_code == 200, reply.text
    return taken


def predictions(http: httpx.Client, rows: list[dict[str, Any]], seconds: float) -> list[float]:
    """Seconds of single predictions, one after the other, for so long."""
    taken: list[float] = []
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        began_s = time.perf_counter()
        http.post("/api/models/bench/predict", json=rows[len(taken) % len(rows)])
        taken.append(time.perf_counter() - began_s)
    return taken


def neighbour(
    address: str, rows: list[dict[str, Any]], what: str, rate: float, stop: Event, count: Any
) -> None:
    """Ask for explanations or predictions of new rows, at most so many a second, until told to stop."""
    with httpx.Client(base_url=address) as http:
        due_s = time.perf_counter()
        while not stop.is_set():
            row = rows[count.value % len(rows)] | {"field 19": time.perf_counter() % 1}
            body = {"row": row} if what == "explain" else row
            http.post(f"/api/models/bench/{what}", json=body).raise_for_status()
            count.value += 1
            due_s = max(due_s + 1 / rate, time.perf_counter())
            stop.wait(due_s - time.perf_counter())


def show(what: str, taken: Sequence[float]) -> None:
    """Print the percentiles of some durations."""
    p50, p99 = np.percentile(taken, [50, 99]) * 1_000
    print(f"{what:34} {len(taken):6,} requests  p50 {p50:7.2f} ms  p99 {p99:7.2f} ms")


if __name__ == "__main__":
    main()
