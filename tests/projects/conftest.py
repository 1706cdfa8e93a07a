"""Files that new projects are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.datasets import load_diabetes, load_wine

from podium.projects.dataset import Dataset, dataset_of, demo_dataset


@pytest.fixture(scope="session")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """By the name of the project: the demo's rows, a user's classes, a user's quantity."""
    folder = tmp_path_factory.mktemp("rows")
    wine = load_wine(as_frame=True).frame.assign(old=lambda rows: rows["hue"] > 1)
    wine["cellar"] = [f"cellar {number % 7}" for number in range(len(wine))]
    wine.to_csv(folder / "wine.csv", sep=";", index=False)
    load_diabetes(as_frame=True).frame.to_parquet(folder / "patients.parquet")
    return {
        "penguins": demo_dataset(),
        "wine": dataset_of(folder / "wine.csv", "target"),
        "diabetes": dataset_of(folder / "patients.parquet", "target"),
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
