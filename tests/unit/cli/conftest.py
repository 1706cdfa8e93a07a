"""Bundles and files that the command line is tried on."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium
from podium.cli.main import run

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


class Shouter(LinearRegression):
    """An estimator of a user's own, which skops can't hold, and whose loop isn't recorded."""

    def predict(self, X):
        return np.array([float(one) for one in super().predict(X)])


@pytest.fixture(scope="session")
def penguins_rows() -> pd.DataFrame:
    """The 344 penguins of Palmer station, species first."""
    spec = find_spec("palmerpenguins")
    assert spec is not None
    assert spec.submodule_search_locations
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "data" / "penguins.csv")


@pytest.fixture(scope="session")
def penguins(penguins_rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that tells the species of a penguin; numbers and the sex may be missing."""
    X, y = penguins_rows.drop(columns="species"), penguins_rows["species"]
    columns = ColumnTransformer(
        [
            ("island", OneHotEncoder(), ["island"]),
            ("sex", OneHotEncoder(handle_unknown="ignore"), ["sex"]),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            ("year", StandardScaler(), ["year"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1_000)).fit(X, y)
    path = tmp_path_factory.mktemp("penguins") / "penguins.podium"
    podium.pack(
        model,
        X,
        y,
        name="penguins",
        path=path,
        title="Penguin species",
        limits=["Any bird is one of three species to it."],
        signature={"fields": [{"name": "body_mass_g", "unit": "g"}]},
    )
    return path


@pytest.fixture(scope="session")
def diabetes_rows() -> pd.DataFrame:
    """442 patients, without their target."""
    return load_diabetes(as_frame=True).data


@pytest.fixture(scope="session")
def diabetes(diabetes_rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that estimates how diabetes goes on, from ten numbers."""
    y = load_diabetes(as_frame=True).target
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(diabetes_rows, y)
    path = tmp_path_factory.mktemp("diabetes") / "diabetes.podium"
    signature = {"outputs": [{"unit": "points"}]}
    podium.pack(model, diabetes_rows, y, name="diabetes", path=path, signature=signature)
    return path


@pytest.fixture(scope="session")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose model is a pickle."""
    X = pd.DataFrame({"x": np.arange(9.0)})
    path = tmp_path_factory.mktemp("pickled") / "pickled.podium"
    podium.pack(Shouter().fit(X, X["x"]), X, X["x"], name="pickled", path=path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def unlucky(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle whose function fails on every batch with a 13 in it, and doubles other numbers."""
    code = (
        "import podium\n"
        "@podium.model\n"
        "def unlucky(age: list[float]) -> list[float]:\n"
        "    if 13 in age:\n"
        "        raise ValueError('13 is bad luck')\n"
        "    return [2 * one for one in age]\n"
    )
    (here / "unlucky_model.py").write_text(code)
    monkeypatch.syspath_prepend(here)
    monkeypatch.delitem(sys.modules, "unlucky_model", raising=False)
    from podium.runtimes.python import load_function

    podium.pack(load_function("unlucky_model:unlucky"), name="unlucky", path=here)
    return here / "unlucky.podium"


class Terminal:
    """A command of ours in a terminal of its own, where somebody answers."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        self.told = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "podium", *arguments],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "100"},
        )
        os.close(theirs)

    def answer(self, question: str, text: str) -> None:
        self.read_until(question)
        os.write(self._ours, f"{text}\n".encode())

    def read_until(self, said: str) -> None:
        before, limit = len(self.told), time.monotonic() + 60
        while said not in self.told[before:]:
            assert time.monotonic() < limit, self.told
            self.told += os.read(self._ours, 4096).decode()

    def end(self) -> int:
        try:
            while chunk := os.read(self._ours, 4096):
                self.told += chunk.decode()
        except OSError:  # how Linux says that the other side of a terminal is closed
            pass
        return self.process.wait(timeout=30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Runs commands in terminals, in a folder of the test."""
    opened: list[Terminal] = []

    def call(*args: object) -> Terminal:
        opened.append(Terminal(tmp_path, *map(str, args)))
        return opened[-1]

    yield call
    for one in opened:
        one.close()


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def podium_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line here: its exit code, standard output and standard error."""

    def call(*args: object, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def podium_process() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs the command line in a process of its own, as a shell would."""

    def call(*args: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "podium", *map(str, args)]
        return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)

    return call
