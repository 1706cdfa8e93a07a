import os
from typing import Any

import joblib
import pandas as pd
from litestar import Litestar, post

model = joblib.load(os.environ["MODEL"])


@post("/predict", status_code=200, sync_to_thread=True)
def predict(data: list[dict[str, Any]] | dict[str, list[Any]]) -> dict[str, list[float]]:
    return {"predictions": model.predict(pd.DataFrame(data)).tolist()}


app = Litestar([predict])
