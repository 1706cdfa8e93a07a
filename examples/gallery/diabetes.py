"""An ONNX file: the progress of diabetes, by a network that another library has saved.

Data: Efron, Hastie, Johnstone and Tibshirani (2004), 442 patients; package scikit-learn.
"""

from pathlib import Path

from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import podium

FIELDS = {
    "age": {"unit": "years"},
    "bmi": {"title": "Body mass index", "unit": "kg/m²"},
    "bp": {"title": "Mean blood pressure", "unit": "mmHg"},
    "s5": {"title": "Triglycerides", "description": "The logarithm of their level in serum."},
}

# Made here so that the example is whole: your file comes from PyTorch, TensorFlow or a colleague.
X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X[list(FIELDS)], y, random_state=0)
network = MLPRegressor(
    hidden_layer_sizes=(16,), solver="lbfgs", alpha=1_000, max_iter=2_000, random_state=0
)
fitted = make_pipeline(StandardScaler(), network).fit(X_train.to_numpy(), y_train)
graph = to_onnx(fitted, X_train.to_numpy("float32")[:1])
Path("diabetes.onnx").write_bytes(graph.SerializeToString())

# A graph has neither names nor ranges of its fields: those come from the rows.
podium.pack(
    "diabetes.onnx",
    X_train,
    y_train,
    holdout=(X_test, y_test),
    name="diabetes",
    title="Progress of diabetes",
    description="One year after the measurements, on a scale from 25 to 346; higher is worse.",
    target="progress",
    signature={"fields": [{"name": name, **facts} for name, facts in FIELDS.items()]},
)
