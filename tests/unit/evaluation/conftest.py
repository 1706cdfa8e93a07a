"""A home folder with two versions of two models, and records that the first ones gave."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import podium
from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.testing import Client

N_ROWS = 60


def frame() -> pd.DataFrame:
    chance = np.random.default_rng(3)
    return pd.DataFrame({"a": chance.normal(size=N_ROWS), "b": chance.normal(size=N_ROWS)})


def classifier(folder: Path, version: str, weight: float) -> Bundle:
    rows = frame()
    target = np.where(rows["a"] + weight * rows["b"] > 0, "yes", "no")
    model = LogisticRegression().fit(rows, target)
    path = folder / f"answer-{version}.podium"
    return podium.pack(model, rows, target, name="answer", version=version, path=path)


def regression(folder: Path, version: str, factor: float, **options: object) -> Bundle:
    rows = frame()
    model = LinearRegression().fit(rows, factor * rows["a"])
    path = folder / f"sums-{version}.podium"
    return podium.pack(model, rows, name="sums", version=version, path=path, **options)


class Recorded(NamedTuple):
    """What a server left behind.

    Attributes:
        ids: of the records of each model, in the order of the rows.
    """

    home: Path
    rows: list[dict[str, float]]
    ids: dict[str, list[str]]
    registry: Registry


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("evaluation")
    home = folder / "home"
    first = [classifier(folder, "1", 0.0), regression(folder, "1", 1.0)]
    app = podium.App(*first, home=str(home))
    client, rows = Client(app), frame().to_dict("records")
    ids = {}
    for name in ("answer", "sums"):
        ids[name] = client.post(f"/api/models/{name}/predict", rows).json()["ids"]
    for at, id_ in enumerate(ids["sums"][:40]):
        client.request(
            "PUT",
            f"/api/records/{id_}/feedback",
            body=b'{"truth": %f}' % (2 * rows[at]["a"]),
            headers={"content-type": "application/json"},
        )
    app.close()
    registry = Registry(home)
    registry.register(classifier(folder, "2", 1.0))
    registry.register(regression(folder, "2", 2.0))
    return Recorded(home, rows, ids, registry)


@pytest.fixture
def unlucky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A function that fails on every batch with a 13 in it, and doubles other numbers."""
    code = (
        "import podium\n"
        "@podium.model\n"
        "def unlucky(age: list[float]) -> list[float]:\n"
        "    if 13 in age:\n"
        "        raise ValueError('13 is bad luck')\n"
        "    return [2 * one for one in age]\n"
    )
    (tmp_path / "unlucky_replayed.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    from podium.runtimes.python import load_function

    function = load_function("unlucky_replayed:unlucky")
    return podium.pack(function, name="unlucky", path=tmp_path / "unlucky.podium")
