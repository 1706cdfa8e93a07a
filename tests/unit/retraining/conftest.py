"""A home with records of two models, whose truth is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.testing import Client

N_TRUTHS = 50
GOOD = """
from sklearn.linear_model import LinearRegression

def train(rows):
    return LinearRegression().fit(rows.iloc[:, :-1], rows.iloc[:, -1])
"""


def rows() -> pd.DataFrame:
    """Rows of three types, one of them with missing values."""
    chance = np.random.default_rng(4)
    n_rows = 80
    return pd.DataFrame(
        {
            "size": chance.normal(10, 3, n_rows),
            "rooms": chance.integers(1, 6, n_rows),
            "garden": chance.random(n_rows) < 0.5,
        }
    )


def price(frame: pd.DataFrame) -> pd.Series:
    return (2.0 * frame["size"] + frame["rooms"] + 3 * frame["garden"]).rename("price")


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The champion was trained on a wrong target; 50 records have feedback."""
    folder = tmp_path_factory.mktemp("retraining")
    frame = rows()
    model = LinearRegression().fit(frame, price(frame) / 2)
    unit = {"fields": [{"name": "size", "unit": "m"}]}
    bundle = podium.pack(
        model, frame, price(frame), name="price", version="1", path=folder, signature=unit
    )
    app = podium.App(bundle, home=str(folder / "home"))
    client = Client(app)
    url = "/api/models/price"
    ids = client.post(f"{url}/predict", frame.to_dict("records")).json()["ids"]
    truths = [
        {"id": id_, "truth": truth}
        for id_, truth in zip(ids[:N_TRUTHS], price(frame).tolist(), strict=False)
    ]
    client.post(
        f"{url}/feedback", body=msgspec.json.encode(truths), content_type="application/json"
    )
    app.close()
    return folder / "home"


@pytest.fixture
def home(filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, beside which the test runs."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(filled_home, tmp_path / "home")
    return tmp_path / "home"
