"""The three models: files for the peers, bundles for Podium, and the rows that are asked."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import joblib
from bench.serve import places
from bench.serve.environment import Environment
from bench.serve.train import rows_of

import podium

NAMES = ("a", "b", "c")
TITLES = {
    "a": "A: linear regression, 8 numbers",
    "b": "B: random forest, 100 trees of depth 12, 8 numbers",
    "c": "C: ColumnTransformer (one-hot, scaler) and histogram gradient boosting, 8 mixed columns",
}
Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Model:
    """A model as one environment fitted it.

    Attributes:
        file: joblib.
        answers: what it says of each row of `asked`.
    """

    name: str
    file: Path
    asked: Columns
    answers: list[float]

    def rows(self) -> list[dict[str, Any]]:
        """The rows that are asked, one dict each."""
        names = list(self.asked)
        return [
            dict(zip(names, cells, strict=True)) for cells in zip(*self.asked.values(), strict=True)
        ]

    def columns(self, start: int, stop: int) -> Columns:
        """A part of the rows, as columns."""
        return {name: cells[start:stop] for name, cells in self.asked.items()}


@cache
def model_for(name: str, environment: Environment) -> Model:
    """The model, fitted in this environment unless it was before."""
    folder = places.MODELS / f"scikit-learn-{environment.version('scikit-learn')}"
    folder.mkdir(parents=True, exist_ok=True)
    file, answers = folder / f"{name}.joblib", folder / f"{name}.json"
    if not answers.exists():
        script = Path(__file__).with_name("train.py")
        subprocess.run([environment.python, script, name, file, answers], check=True)
    return Model(name, file, _asked(name), json.loads(answers.read_text("utf-8")))


@cache
def bundle_of(name: str, file: Path) -> Path:
    """A bundle of the model, for Podium; packed once a run, since Podium itself may be newer."""
    seen, truth, _ = rows_of(name)
    path = file.with_suffix(".podium")
    podium.pack(joblib.load(file), seen, truth, name=name, path=path)
    return path


@cache
def _asked(name: str) -> Columns:
    asked = rows_of(name)[2]
    return {column: asked[column].tolist() for column in asked}
