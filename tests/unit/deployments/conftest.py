"""Three versions of a model, packed and tried once: each trial takes a process."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.deployments.registry import Registry


def _packed(folder: Path, factor: int) -> Bundle:
    frame = pd.DataFrame({"x": np.arange(20.0)})
    model = LinearRegression().fit(frame, factor * frame["x"])
    path = folder / f"{factor}.podium"
    return podium.pack(model, frame, name="sums", version=str(factor), path=path)


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    """The versions `1`, `2` and `3`, each of which multiplies by its number."""
    folder = tmp_path_factory.mktemp("sums")
    return [_packed(folder, factor) for factor in (1, 2, 3)]


@pytest.fixture(scope="session")
def tried(sums: list[Bundle], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which all three were tried, and the first one promoted."""
    home = tmp_path_factory.mktemp("tried") / "home"
    registry = Registry(home)
    for one in sums:
        registry.check(registry.bundle(registry.register(one)))
    registry.promote("sums", "1")
    return home


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """That of a home which isn't there yet."""
    return Registry(tmp_path / "home")


@pytest.fixture
def three(sums: list[Bundle], tmp_path: Path) -> list[Bundle]:
    """The versions in files of the test's own, which it may damage."""
    return [podium.load(shutil.copy(str(one.path), tmp_path)) for one in sums]


@pytest.fixture
def three_tried(three: list[Bundle], tried: Path, registry: Registry) -> list[Bundle]:
    """The same; their trials are remembered in the home of `registry`."""
    for one in three:
        cache = registry.files.trial_cache_of(one.digest)
        cache.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tried / "versions" / cache.name, cache)
    return three
