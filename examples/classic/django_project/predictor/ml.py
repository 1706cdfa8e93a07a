import os
import pickle
from pathlib import Path

import pandas as pd

FEATURES = ["area", "rooms", "age", "floor", "distance", "energy", "balcony", "noise"]

model = pickle.loads(Path(os.environ.get("MODEL", "model.pkl")).read_bytes())


def predict_price(values):
    row = pd.DataFrame([values], columns=FEATURES)
    return float(model.predict(row)[0])
