"""imbalanced-learn: pipelines with samplers, and ensembles of models trained on balanced rows.

At prediction they are what scikit-learn's are: samplers change the training rows only.
"""

from __future__ import annotations

from podium.compile.exporters.ensemble import adaboost_classifier, bagging_classifier
from podium.compile.exporters.pipeline import pipeline, pipeline_model
from podium.compile.exporters.trees import forest_model

TRANSFORMERS = {"imblearn.Pipeline": pipeline}
MODELS = {
    "imblearn.BalancedBaggingClassifier": bagging_classifier,
    "imblearn.BalancedRandomForestClassifier": forest_model,
    "imblearn.EasyEnsembleClassifier": bagging_classifier,
    "imblearn.Pipeline": pipeline_model,
    "imblearn.RUSBoostClassifier": adaboost_classifier,
}
