"""How fast records are read oldest first, replayed on a new version and verified: records a second.

A boosted classifier of eight fields predicts rows in Python, as a server does, and records them in a
SQLite file; a second version is replayed. Rates are per second of the processor's time of this
process, beside those of the clock.

    python -m bench.replay [--records 100000] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

import podium
from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.deployments.traffic import Traffic
from podium.evaluation.records import chunks_of
from podium.evaluation.replay import replayed
from podium.evaluation.verification import verified
from podium.flow.formats.json_rows import JSON
from podium.flow.predict import PredictionService
from podium.flow.request import PredictRequest
from podium.flow.version import LoadedVersion
from podium.outbox.recorder import StoreRecorder
from podium.records.record import Feedback
from podium.records.store import RecordQuery
from podium.records.stores.sqlite import SqliteStore

N_FIELDS = 8
REQUEST_ROWS = 1_000


def versions(folder: Path) -> tuple[Bundle, Bundle]:
    """Two versions of a model, the second one trained on more rows."""
    chance = np.random.default_rng(7)
    frame = pd.DataFrame({f"f{n}": chance.normal(size=4_000) for n in range(N_FIELDS)})
    target = np.where(frame.sum(axis=1) + chance.normal(size=4_000) > 0, "yes", "no")
    bundles = []
    for version, rows in (("1", slice(2_000)), ("2", slice(None))):
        model = HistGradientBoostingClassifier(max_iter=50).fit(frame[rows], target[rows])
        path = folder / f"{version}.podium"
        bundles.append(
            podium.pack(model, frame[rows], target[rows], name="bench", version=version, path=path)
        )
    return bundles[0], bundles[1]


def recorded(bundle: Bundle, store: SqliteStore, n_records: int) -> None:
    """Let a version answer, and give the truth of every third record."""
    service = PredictionService(recorder=StoreRecorder(store))
    version = LoadedVersion(bundle)
    version.load()
    chance = np.random.default_rng(8)
    for _ in range(0, n_records, REQUEST_ROWS):
        columns = {f"f{n}": chance.normal(size=REQUEST_ROWS).tolist() for n in range(N_FIELDS)}
        body = msgspec.json.encode(columns)
        response = service.predict(Traffic(version), PredictRequest(body, JSON))
        truths = {
            id_: Feedback(truth=b'"yes"', time_us=time.time_ns() // 1_000)
            for id_ in response.ids[::3]
        }
        store.set_feedback_many(truths, model="bench")


def rate(name: str, work: Callable[[], int]) -> None:
    """Print how many records a second some work passes."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    n_records = work()
    cpu_s, wall_s = time.process_time() - began_cpu_s, time.perf_counter() - began_s
    print(f"{name:<10} {n_records / cpu_s:>10,.0f} /s and core {n_records / wall_s:>10,.0f} /s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        first, second = versions(folder)
        registry = Registry(folder)
        for bundle in (first, second):
            registry.register(bundle)
        store = SqliteStore(folder / "podium.db")
        query = RecordQuery(model="bench")
        recorded(first, store, options.records)
        for _ in range(2):
            rate("read", lambda: sum(map(len, chunks_of(store, query))))
            rate("replayed", lambda: replayed(second, store, query).n_replayed)
            rate("verified", lambda: verified(registry, store, query).n_identical)
        store.close()


if __name__ == "__main__":
    main()
