"""Fits one of the three models and writes it, and what it answers; needs scikit-learn and pandas.

python train.py a|b|c MODEL.joblib ANSWERS.json

Each environment fits its own, so that a peer that needs an older scikit-learn gets a model it can load.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

N_TRAINED = 10_000
# Rows that are asked: none of them was trained on.
N_ASKED = 4_000
WORDS = {
    "city": [f"city {i}" for i in range(20)],
    "plan": ["free", "basic", "pro"],
    "device": ["phone", "desktop", "tablet", "tv"],
}


def numbers(random: np.random.Generator, n_rows: int) -> pd.DataFrame:
    return pd.DataFrame({f"x{i}": random.normal(i, 1 + i, n_rows).round(4) for i in range(8)})


def mixed(random: np.random.Generator, n_rows: int) -> pd.DataFrame:
    rows = numbers(random, n_rows).iloc[:, :5]
    for name, words in WORDS.items():
        rows[name] = random.choice(words, n_rows)
    return rows


def linear() -> Any:
    return LinearRegression()


def forest() -> Any:
    return RandomForestRegressor(100, max_depth=12, random_state=0)


def boosted() -> Any:
    columns = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(WORDS)),
            ("numbers", StandardScaler(), [f"x{i}" for i in range(5)]),
        ]
    )
    return make_pipeline(columns, HistGradientBoostingRegressor(random_state=0))


Rows = Callable[[np.random.Generator, int], pd.DataFrame]
MODELS: dict[str, tuple[Rows, Callable[[], Any]]] = {
    "a": (numbers, linear),
    "b": (numbers, forest),
    "c": (mixed, boosted),
}


def rows_of(name: str) -> tuple[pd.DataFrame, pd.Series[float], pd.DataFrame]:
    """The rows to train on, what is true of them, and the rows to ask."""
    random = np.random.default_rng(0)
    rows = MODELS[name][0](random, N_TRAINED + N_ASKED)
    truth = rows["x0"] * 2 + np.sin(rows["x1"]) * 3 + rows["x3"]
    truth = truth + random.normal(size=len(rows))
    if "plan" in rows:
        truth = truth + rows["plan"].map({"free": 0, "basic": 2, "pro": 5})
    # Within what was trained on: rows beyond it would be answered with warnings, too.
    seen, asked = rows[:N_TRAINED], rows[N_TRAINED:]
    numeric = [column for column in rows if column.startswith("x")]
    asked = asked.assign(**{c: asked[c].clip(seen[c].min(), seen[c].max()) for c in numeric})
    return seen, truth[:N_TRAINED].rename("y"), asked


def main() -> None:
    name, model_file, answers_file = sys.argv[1:]
    seen, truth, asked = rows_of(name)
    model = MODELS[name][1]().fit(seen, truth)
    joblib.dump(model, model_file)
    Path(answers_file).write_text(json.dumps(model.predict(asked).tolist()), "utf-8")


if __name__ == "__main__":
    main()
