"""The path of a prediction, one file a step; `predict.py` names their order."""
