"""Clusters: American states that resemble each other in crime, schooling and poverty.

Data: statistics of 2009 on the 50 states and the District of Columbia; package statsmodels.
"""

from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import statecrime

import podium

FIELDS = {
    "violent": {"title": "Violent crimes", "unit": "per 100,000"},
    "murder": {"title": "Murders", "unit": "per 100,000"},
    "hs_grad": {"title": "Finished high school", "unit": "%"},
    "poverty": {"title": "Below the poverty line", "unit": "%"},
    "single": {"title": "Single-parent families", "unit": "%"},
    "urban": {"title": "In cities", "unit": "%"},
}

X = statecrime.load_pandas().data[list(FIELDS)]
model = make_pipeline(StandardScaler(), KMeans(4, n_init=10, random_state=0)).fit(X)

podium.pack(
    model,
    X,
    name="states",
    title="States alike",
    description="Which of four groups of American states the figures of a state belong to.",
    signature={"fields": [{"name": name, **facts} for name, facts in FIELDS.items()]},
)
