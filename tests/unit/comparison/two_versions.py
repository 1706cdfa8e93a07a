"""Two registered versions of a model, and records of theirs whose truth is known; also for tests of
pages and commands.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import podium
from podium.bundle import Bundle
from podium.comparison.compare import compare
from podium.comparison.report import Comparison
from podium.deployments.registry import Registry
from podium.gates import Gates
from podium.records.record import Feedback, Record
from podium.records.store import Store
from podium.records.stores.memory import MemoryStore

HOUR_US = 3_600_000_000


def classifiers_in(folder: Path) -> tuple[Bundle, ...]:
    truth, models = ["no", "yes"] * 20, (("1", 1), ("2", 2))
    return tried(folder, [packed(folder, LogisticRegression(C=c), truth, one) for one, c in models])


def regressors_in(folder: Path) -> tuple[Bundle, ...]:
    truth, models = np.arange(40.0), (("1", 1), ("2", 2))
    return tried(folder, [packed(folder, Ridge(alpha=alpha), truth, one) for one, alpha in models])


def several_in(folder: Path) -> tuple[Bundle, ...]:
    truth = np.column_stack([np.arange(40.0), np.arange(40.0) % 7])
    models = (("1", 1), ("2", 2))
    return tried(folder, [packed(folder, Ridge(alpha=alpha), truth, one) for one, alpha in models])


def tried(folder: Path, bundles: Sequence[Bundle]) -> tuple[Bundle, ...]:
    """The bundles, once their trials are remembered beside them."""
    registry = Registry(folder)
    for one in bundles:
        registry.register(one)
        registry.check(one)
    return tuple(bundles)


def packed(folder: Path, model: Any, truth: Any, version: str) -> Bundle:
    folder.mkdir(exist_ok=True)
    frame = pd.DataFrame({"age": np.arange(40.0), "region": ["north", "south"] * 20})
    numbers = make_column_transformer((OrdinalEncoder(), ["region"]), remainder="passthrough")
    model = make_pipeline(numbers, model).fit(frame, truth)
    path = folder / f"loans-{version}.podium"
    return podium.pack(model, frame, name="loans", version=version, path=path)


class Bench:
    """A registry with two versions, `1` and `2`, and a store that records are put into."""

    def __init__(self, home: Path, bundles: Sequence[Bundle], store: Store | None = None) -> None:
        self.home = home
        home.mkdir(exist_ok=True)
        assert bundles[0].path is not None
        shutil.copytree(bundles[0].path.parent / "versions", home / "versions")
        self.registry = Registry(home)
        self.bundles = {one.version: one for one in bundles}
        for one in self.bundles.values():
            self.registry.register(one)
        self.store = store or MemoryStore()
        self._n_records = 0

    def add(
        self,
        version: str,
        answers: Any,
        truths: Any,
        *,
        since_us: int = 0,
        every_us: int = HOUR_US,
        role: str = "primary",
        inputs: Mapping[str, Any] | None = None,
        **said: Any,
    ) -> None:
        """Records of a version, one a request; a truth that is None isn't known."""
        records = []
        columns = {name: list(some) for name, some in (inputs or {}).items()}
        for at, (answer, truth) in enumerate(zip(answers, truths, strict=True)):
            self._n_records += 1
            outputs = answer if isinstance(answer, dict) else {"prediction": answer}
            row = {name: some[at] for name, some in columns.items()}
            values = {
                "id": f"{self._n_records:032x}",
                "time_us": since_us + at * every_us,
                "model": "loans",
                "version": version,
                "inputs": msgspec.json.encode(row or {"age": 1.0, "region": "north"}),
                "outputs": msgspec.json.encode(outputs),
                "outcome": "",
                "latency_us": 1_000,
                "request_id": f"{since_us + at:032x}",
                "role": role,
                "bundle_digest": self.bundles[version].digest,
            }
            if truth is not None:
                encoded = truth if isinstance(truth, bytes) else msgspec.json.encode(truth)
                values["feedback"] = Feedback(truth=encoded, time_us=1)
            records.append(Record(**(values | said)))
        result = self.store.insert(records)
        assert not result.failed, result.failed

    def compare(self, a: str = "1", b: str = "2", **gates: Any) -> Comparison:
        """The comparison of both, by these gates."""
        return compare(self.registry, self.store, "loans", a, b, gates=Gates(**gates))


def labels(n_rows: int, error_rate: float, seed: int) -> list[str]:
    """Predictions of rows that are all `yes`, some of them wrong."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n_rows) < error_rate, "no", "yes").tolist()
