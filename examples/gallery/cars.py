"""A number with a unit, and a log target: the fuel that a car consumes.

The model is fitted to the logarithm, since errors grow with the consumption; people see litres.

Data: Ramos and Donoho (1983), cars of 1970 to 1982; package vega_datasets.
"""

from importlib.resources import files

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium

FIELDS = {
    "weight": {"unit": "kg"},
    "power": {"unit": "hp"},
    "displacement": {"unit": "cm³", "description": "The volume of all cylinders."},
    "year": {"title": "Model year"},
    "origin": {"title": "Built in"},
}

with files("vega_datasets").joinpath("_data/cars.json").open() as file:
    cars = pd.read_json(file).dropna(subset=["Miles_per_Gallon", "Horsepower"])
X = pd.DataFrame(
    {
        "weight": (cars["Weight_in_lbs"] * 0.4536).round(),
        "power": cars["Horsepower"],
        "displacement": (cars["Displacement"] * 16.387).round(),
        "year": pd.to_datetime(cars["Year"]).dt.year,
        "origin": cars["Origin"],
    }
)
y = (235.215 / cars["Miles_per_Gallon"]).round(1).rename("consumption")
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

columns = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["origin"]), remainder=StandardScaler()
)
model = TransformedTargetRegressor(
    make_pipeline(columns, Ridge()), func=np.log, inverse_func=np.exp
)
model.fit(X_train, y_train)

podium.pack(
    model,
    X_train,
    y_train,
    holdout=(X_test, y_test),
    name="cars",
    title="Fuel consumption",
    description="Litres for 100 km, for cars of the years 1970 to 1982.",
    signature={
        "fields": [{"name": name, **facts} for name, facts in FIELDS.items()],
        "outputs": [{"name": "consumption", "unit": "l/100 km"}],
    },
)
