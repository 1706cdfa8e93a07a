"""Explanations beside those of shap: same model, same background rows, same machine, in turns."""
