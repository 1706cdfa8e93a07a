"""The model of the Flask app beside this file: how often someone sees a doctor in a year.

Data: Newhouse (1993), the RAND Health Insurance Experiment; package statsmodels.
"""

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import randhie

import podium

FIELDS = {
    "own_share": {
        "title": "Own share of the costs",
        "unit": "%",
        "bounds": {"minimum": 0, "maximum": 100},
    },
    "diseases": {"title": "Chronic diseases", "description": "A count, averaged over the study."},
    "is_limited": {"title": "Limited by health", "description": "In daily activities."},
}

people = randhie.load_pandas().data
X = pd.DataFrame(
    {
        "own_share": np.expm1(people["lncoins"]).round(),
        "diseases": people["disea"].round(1),
        "is_limited": people["physlm"] > 0.5,
    }
)
X_train, X_test, y_train, y_test = train_test_split(X, people["mdvis"], random_state=0)
model = make_pipeline(StandardScaler(), PoissonRegressor()).fit(X_train, y_train)

podium.pack(
    model,
    X_train,
    y_train,
    holdout=(X_test, y_test),
    name="visits",
    title="Visits to a doctor",
    description="The mean number of visits in a year, for people insured in this way.",
    signature={
        "fields": [{"name": name, **facts} for name, facts in FIELDS.items()],
        "outputs": [{"title": "Visits", "unit": "a year"}],
    },
)
