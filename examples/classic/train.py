"""Make the data, fit the model, and save both as tutorials do: a CSV file and a pickle."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

N_ROWS = 100_000
COLUMNS = {  # mean, spread, least, most
    "area": (90, 35, 20, 400),
    "rooms": (3.5, 1.4, 1, 12),
    "age": (40, 25, 0, 150),
    "floor": (2.5, 2, 0, 30),
    "distance": (8, 5, 0, 60),
    "energy": (140, 50, 20, 500),
    "balcony": (6, 4, 0, 60),
    "noise": (52, 7, 30, 85),
}
WORTH = (2_600, 9_000, -650, 1_500, -4_200, -310, 1_100, -900)


def houses(n_rows: int = N_ROWS) -> pd.DataFrame:
    """Homes and their prices: the same ones every time."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            name: random.normal(mean, spread, n_rows).clip(least, most).round(1)
            for name, (mean, spread, least, most) in COLUMNS.items()
        }
    )
    noise = random.normal(0, 18_000, n_rows)
    frame["price"] = (210_000 + frame.to_numpy() @ np.array(WORTH) + noise).round()
    return frame


def train(folder: Path, n_rows: int = N_ROWS) -> None:
    """Write `houses.csv` and `model.pkl`."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = houses(n_rows)
    model = LinearRegression().fit(frame[list(COLUMNS)], frame["price"])
    frame.to_csv(folder / "houses.csv", index=False)
    with (folder / "model.pkl").open("wb") as file:
        pickle.dump(model, file)


if __name__ == "__main__":
    train(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
