"""The path of a prediction, one file for each step; `predict.py` defines their order."""
