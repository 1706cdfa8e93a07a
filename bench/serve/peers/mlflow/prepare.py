"""python prepare.py MODEL.joblib FOLDER: the model as MLflow keeps it."""

import sys

import joblib
import mlflow.sklearn

mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format="cloudpickle")
