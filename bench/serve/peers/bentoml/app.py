import os
from typing import Any

import bentoml
import joblib
import numpy as np
import pandas as pd


@bentoml.service(workers=1)
class Plain:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api(route="/predict")
    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return self.model.predict(rows)


@bentoml.service(workers=1)
class Batching:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api(route="/predict", batchable=True, max_batch_size=1_000)
    def predict(self, rows: list[dict[str, Any]]) -> list[float]:
        # Not a frame, as above: batching of frames fails in BentoML 1.4.40, which takes the shape of
        # one for its number of rows.
        return self.model.predict(pd.DataFrame(rows)).tolist()
