"""What records cost a request of many rows: rows a second with records and without, side by side.

In one process and thread, from the body of a request to that of its response: model A is a linear
regression of eight numbers, model C a classifier of five numbers and three words. The outbox is written
as by a server, and nothing is shipped meanwhile. The ways take turns, request by request: what else the
machine does meets each of them. Told are the median and the quartiles of the rounds, in microseconds
of the processor a row, and the rows a second that these would be on one core.

    python -m bench.bulk [--rounds 30] [--models a,c] [--rows 1,10,100,1000,10000]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium
from podium.deployments.traffic import Traffic
from podium.flow.formats.arrow import ARROW, stream_of
from podium.flow.formats.json_rows import JSON
from podium.flow.limits import Limits
from podium.flow.predict import PredictionService
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.version import LoadedVersion
from podium.outbox.outboxed import OutboxedStore
from podium.records.stores.memory import MemoryStore

WAYS = ("without", "with")
FORMATS = ("columns", "rows", "arrow")
N_ROWS = 10_000
# Requests of fewer rows are repeated: a round has at least so many rows, and so many requests.
ROUND_ROWS, ROUND_REQUESTS = 1_000, 3


def rows_of(name: str) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({f"x{i}": random.normal(i, 1 + i, N_ROWS).round(4) for i in range(8)})
    if name == "a":
        return rows
    rows = rows.iloc[:, :5]
    for word, n_words in (("city", 20), ("plan", 3), ("device", 4)):
        rows[word] = random.choice([f"{word} {i}" for i in range(n_words)], N_ROWS)
    return rows


def packed(name: str, folder: Path) -> podium.Bundle:
    rows = rows_of(name)
    model: Any = LinearRegression()
    if name == "c":
        words = ["city", "plan", "device"]
        encoder = ColumnTransformer([("words", OneHotEncoder(), words)], remainder="passthrough")
        model = make_pipeline(encoder, LogisticRegression(max_iter=1_000))
    truth: Any = rows.x0 * 3 + rows.x1
    if name == "c":
        truth = np.where(truth > truth.median(), "high", "low")
    return podium.pack(model.fit(rows, truth), rows, truth, name=name, path=folder / name)


def body_of(rows: pd.DataFrame, form: str) -> tuple[bytes, str]:
    if form == "rows":
        records = rows.to_dict("records")
        return json.dumps(records[0] if len(records) == 1 else records).encode(), JSON
    columns = {name: rows[name].tolist() for name in rows}
    return (stream_of(columns), ARROW) if form == "arrow" else (json.dumps(columns).encode(), JSON)


class Bench:
    """One model, with records and without."""

    def __init__(self, name: str, folder: Path) -> None:
        self._rows = rows_of(name)
        limits = Limits(body_max_bytes=2**25, rows_max=N_ROWS)
        version = LoadedVersion(packed(name, folder), limits=limits)
        version.load()
        self._route = Traffic(version)
        self._store = OutboxedStore(
            MemoryStore(), folder / f"outbox-{name}", rows_max=10**9, ships=False
        )
        self._services = {
            "without": PredictionService(),
            "with": PredictionService(recorder=self._store),
        }

    def measure(self, form: str, n_rows: int, n_rounds: int) -> dict[str, list[float]]:
        """Microseconds of the processor a row, of each round."""
        body, media = body_of(self._rows.iloc[:n_rows], form)
        request = PredictRequest(body, media, RequestContext(is_bulk=True))
        n_requests = max(ROUND_REQUESTS, ROUND_ROWS // n_rows)
        found: dict[str, list[float]] = {way: [] for way in WAYS}
        for number in range(n_rounds + 1):
            for way in WAYS if number % 2 else reversed(WAYS):
                respond = self._services[way].respond
                began_s = time.thread_time()
                for _ in range(n_requests):
                    respond(self._route, request)
                if number:  # the first warms up
                    used_s = time.thread_time() - began_s
                    found[way].append(used_s * 1e6 / (n_requests * n_rows))
        return found

    def close(self) -> None:
        self._store.close()


def shown(found: dict[str, list[float]]) -> str:
    parts = []
    for way in WAYS:
        low, middle, high = statistics.quantiles(found[way], n=4)
        parts.append(f"{way} {middle:.2f} us ({low:.2f}-{high:.2f}), {1e6 / middle:,.0f}/s")
    medians = [statistics.median(found[way]) for way in WAYS]
    return f"{'; '.join(parts)}; {medians[0] / medians[1]:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--models", default="a,c")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--rows", default="1,10,100,1000,10000")
    options = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name in options.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(name, Path(folder))
            for form in options.formats.split(","):
                for n_rows in map(int, options.rows.split(",")):
                    found = bench.measure(form, n_rows, options.rounds)
                    print(f"{name}, {form}, {n_rows} rows: {shown(found)}", flush=True)
            bench.close()


if __name__ == "__main__":
    main()
