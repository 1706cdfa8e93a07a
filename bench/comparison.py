"""How long a comparison takes of two versions with many records whose truth is known.

Records of a boosted classifier of eight fields are put into a SQLite file: a canary of one tenth; and a
shadow of every row. Seconds of the clock, and the most memory that the process ever had.

    python -m bench.comparison [--records 1000000] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from bench.replay import N_FIELDS, versions

from podium.bundle import Bundle
from podium.comparison.compare import compare
from podium.deployments.registry import Registry
from podium.gates import Gates
from podium.records.record import Feedback, Ids, Record, Role
from podium.records.stores.sqlite import SqliteStore

GATES = Gates(segments=("f0", "f1"))
INSERTED = 20_000


def records(
    bundle: Bundle, numbers: range, error_rate: float, role: Role = "primary"
) -> Iterator[Record]:
    """One record a request, of rows that are all `yes`."""
    chance, ids = np.random.default_rng(numbers.start), Ids()
    for at in numbers:
        values = chance.normal(size=N_FIELDS).round(3).tolist()
        prediction = "no" if chance.random() < error_rate else "yes"
        share = chance.random() / 2
        shares = (
            {"no": 1 - share, "yes": share}
            if prediction == "no"
            else {"no": share, "yes": 1 - share}
        )
        time_us = 1_700_000_000_000_000 + at * 1_000_000
        yield Record(
            id=ids.new(time_us),
            time_us=time_us,
            model="bench",
            version=bundle.version,
            inputs=msgspec.json.encode({f"f{n}": value for n, value in enumerate(values)}),
            outputs=msgspec.json.encode({"prediction": prediction, "probabilities": shares}),
            outcome=prediction,
            latency_us=900,
            request_id=f"{at:032x}",
            role=role,
            bundle_digest=bundle.digest,
            feedback=Feedback(truth=b'"yes"', time_us=time_us) if role == "primary" else None,
        )


def insert(store: SqliteStore, some: Iterator[Record]) -> None:
    """Put records into the store."""
    for chunk in iter(lambda: [one for one, _ in zip(some, range(INSERTED), strict=False)], []):
        store.insert(chunk)


def measure(name: str, registry: Registry, store: SqliteStore) -> None:
    """Compare, and print how long it took."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    found = compare(registry, store, "bench", "1", "2", gates=GATES)
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {found.kind}, {found.a.n_truths:,} and {found.b.n_truths:,} truths: {wall_s:.1f} s, "
        f"{cpu_s:.1f} s of a core; {memory:,.0f} MiB at most. {found.verdict}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    n = options.records
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        first, second = versions(folder)
        registry = Registry(folder)
        for bundle in (first, second):
            registry.register(bundle)
        registry.promote("bench", "1")
        store = SqliteStore(folder / "podium.db")
        insert(store, records(first, range(n), 0.2))
        insert(store, records(second, range(9 * n // 10, n), 0.19))
        measure("canary", registry, store)
        registry.set_traffic("bench", "2", mode="shadow")
        insert(store, records(second, range(n), 0.19, "shadow"))
        measure("shadow", registry, store)
        store.close()


if __name__ == "__main__":
    main()
