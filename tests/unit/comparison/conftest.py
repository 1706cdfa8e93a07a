"""Two versions of a model, packed once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from podium.bundle import Bundle

sys.path.insert(0, str(Path(__file__).parent))
from two_versions import Bench, classifiers_in, regressors_in, several_in


@pytest.fixture(scope="session")
def classifiers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ...]:
    return classifiers_in(tmp_path_factory.mktemp("classifiers"))


@pytest.fixture(scope="session")
def regressors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ...]:
    return regressors_in(tmp_path_factory.mktemp("regressors"))


@pytest.fixture(scope="session")
def severals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ...]:
    return several_in(tmp_path_factory.mktemp("severals"))


@pytest.fixture
def pairs(tmp_path: Path, severals: tuple[Bundle, ...]) -> Bench:
    return Bench(tmp_path / "pairs", severals)


@pytest.fixture
def loans(tmp_path: Path, classifiers: tuple[Bundle, ...]) -> Bench:
    return Bench(tmp_path / "loans", classifiers)


@pytest.fixture
def prices(tmp_path: Path, regressors: tuple[Bundle, ...]) -> Bench:
    return Bench(tmp_path / "prices", regressors)
