"""Several fitted models of the same rows as one, with an output for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podium.errors import SetupError
from podium.runtimes.steps import model_in


class Together:
    """Fitted models that were packed together.

    Attributes:
        models: by the names of their outputs, at least two.

    Raises:
        SetupError: a name isn't a text, or there is one model alone.
    """

    def __init__(self, models: Mapping[Any, Any]) -> None:
        odd = next((name for name in models if not isinstance(name, str) or not name), None)
        if odd is not None:
            raise SetupError(
                f"{odd!r} can't be the name of an output",
                hint='give each model a name: podium.pack({"low": ..., "high": ...}, X, y, ...)',
            )
        if len(models) < 2:
            raise SetupError(
                f"packing models together takes at least two of them, not {len(models)}",
                hint="pass a single model without a dict",
            )
        self.models = dict(models)

    @property
    def estimators_(self) -> list[Any]:
        """The models, as ensembles of scikit-learn list theirs."""
        return list(self.models.values())

    @property
    def n_features_in_(self) -> int | None:
        """The number of columns that all of them take, if one says so."""
        known = (getattr(model, "n_features_in_", None) for model in self.models.values())
        return next((n for n in known if n is not None), None)


def quantile_of(estimator: Any) -> float | None:
    """The quantile that a regressor was trained to predict; None if it predicts something else."""
    model = model_in(estimator)
    read = getattr(model, "get_params", None)
    options: Mapping[str, Any] = read() if callable(read) else {}
    loss = options.get("loss_function") or options.get("objective") or options.get("loss")
    found = None
    if type(model).__name__ == "QuantileRegressor" or loss == "reg:quantileerror":
        found = options.get("quantile", options.get("quantile_alpha"))
    elif (
        loss == "quantile"
    ):  # scikit-learn's gradient boosting, and LightGBM's, whose default is 0.9
        found = options.get("quantile", options.get("alpha"))
    elif isinstance(loss, str) and loss.startswith("Quantile:alpha="):  # CatBoost
        found = float(loss.partition("=")[2])
    return float(found) if isinstance(found, (int, float)) and 0 < found < 1 else None
