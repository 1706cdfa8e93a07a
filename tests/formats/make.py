"""Makes the bundles that are kept here: python tests/formats/make.py

They were written by the first version that wrote their format, and are never written again: each
later version must open them and answer the same. A new format gets new files beside these.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium
from podium.bundle import Bundle

HERE = Path(__file__).parent


def main() -> None:
    spec = find_spec("palmerpenguins")
    assert spec is not None
    assert spec.submodule_search_locations
    rows = pd.read_csv(Path(spec.submodule_search_locations[0]) / "data/penguins.csv")
    X, y = rows.drop(columns="species"), rows["species"]
    numbers = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    columns = [(words, ["island", "sex"]), (scaled, numbers)]
    logistic = make_pipeline(make_column_transformer(*columns), LogisticRegression())
    boosted = make_pipeline(
        make_column_transformer((words, ["island", "sex"]), remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=6, random_state=0),
    )
    known = rows.dropna()
    forest = RandomForestRegressor(5, max_depth=4, random_state=0)
    forest.fit(known[numbers[:3]], known["body_mass_g"])
    keep(podium.pack(logistic.fit(X, y), X, y, name="logistic-1", path=HERE), X)
    keep(podium.pack(boosted.fit(X, y), X, y, name="boosted-1", path=HERE), X)
    X, y = known[numbers[:3]], known["body_mass_g"]
    keep(podium.pack(forest, X, y, name="forest-1", path=HERE), X)


def keep(bundle: Bundle, X: pd.DataFrame) -> None:
    """Write what the bundle answers to some rows beside it."""
    assert bundle.is_compiled
    assert bundle.path is not None
    asked = X.iloc[:: len(X) // 12]
    rows = json.loads(asked.to_json(orient="records"))
    outputs = bundle.predict(rows)
    shares = outputs.probabilities
    told = {
        "rows": rows,
        "predictions": outputs.predictions.tolist(),
        "probabilities": None if shares is None else np.asarray(shares).tolist(),
    }
    bundle.path.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
