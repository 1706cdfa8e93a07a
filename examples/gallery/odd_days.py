"""An anomaly detector: days in Seattle whose weather was unlike that of the others.

Nobody labelled the days. The score says how unusual a day is; below 0 it counts as an anomaly.

Data: NOAA, daily weather of 2012 to 2015; package vega_datasets.
"""

from importlib.resources import files

import pandas as pd
from sklearn.ensemble import IsolationForest

import podium

FIELDS = {
    "precipitation": {"unit": "mm"},
    "temp_max": {"title": "Highest temperature", "unit": "°C"},
    "temp_min": {"title": "Lowest temperature", "unit": "°C"},
    "wind": {"unit": "m/s"},
}

with files("vega_datasets").joinpath("_data/seattle-weather.csv").open() as file:
    X = pd.read_csv(file)[list(FIELDS)]
model = IsolationForest(contamination=0.02, random_state=0).fit(X)

podium.pack(
    model,
    X,
    name="odd_days",
    title="Odd days",
    description="Whether a day's weather was unusual for Seattle.",
    signature={"fields": [{"name": name, **facts} for name, facts in FIELDS.items()]},
)
