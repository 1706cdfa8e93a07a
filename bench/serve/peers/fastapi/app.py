import os
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI

app = FastAPI()
model = joblib.load(os.environ["MODEL"])


@app.post("/predict")
def predict(rows: list[dict[str, Any]] | dict[str, list[Any]]) -> dict[str, list[float]]:
    return {"predictions": model.predict(pd.DataFrame(rows)).tolist()}
