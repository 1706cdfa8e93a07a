"""The model of the project beside this file: which penguin is it?

Data: Gorman, Williams and Fraser (2014), PLoS ONE 9(3) e90081; package palmerpenguins.
"""

from palmerpenguins import load_penguins
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import podium

MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]

penguins = load_penguins().dropna(subset=MEASURES)
X_train, X_test, y_train, y_test = train_test_split(
    penguins[["island", *MEASURES]], penguins["species"], random_state=0
)
columns = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["island"]), (StandardScaler(), MEASURES)
)
model = make_pipeline(columns, LogisticRegression(max_iter=1_000)).fit(X_train, y_train)

podium.pack(
    model, X_train, y_train, holdout=(X_test, y_test), name="penguins", title="Palmer's penguins"
)
