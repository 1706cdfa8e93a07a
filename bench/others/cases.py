"""Models of these libraries as their own documentation fits them, on data that comes with them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import podium


@dataclass(frozen=True)
class Served:
    """A model on its way to a server.

    Attributes:
        model: as it is passed to `podium.pack`.
        rows: of the training data, with the columns that the model reads.
        theirs: the library's own outputs for these rows, shape (n_rows, n_outputs).
        options: of `podium.pack`.
    """

    model: Any
    rows: Any
    theirs: Any
    options: tuple[tuple[str, Any], ...] = ()


@cache
def _arrests() -> pd.DataFrame:
    from lifelines.datasets import load_rossi

    rows = load_rossi()
    return rows.assign(kind=np.where(rows["age"] > 25, "old", "young"))


def lifetimes(fitter: str, formula: str, times: tuple[int, ...] = (), **options: Any) -> Served:
    """A regression of lifelines, asked about some times if there are any."""
    import lifelines

    rows = _arrests()
    of = {
        name: options.pop(name)
        for name in ("baseline_estimation_method", "knots")
        if name in options
    }
    fitted = getattr(lifelines, fitter)(**of).fit(
        rows, "week", "arrest", formula=formula, **options
    )
    asked = "partial_hazard" if hasattr(fitted, "predict_partial_hazard") else "expectation"
    asked = "median" if "AFT" in fitter else asked
    theirs = np.asarray(getattr(fitted, f"predict_{asked}")(rows), np.float64)[:, None]
    if times:
        curves = fitted.predict_survival_function(rows, times=times)[rows.index]
        theirs = np.concatenate([theirs, curves.to_numpy().T], axis=1)
    return Served(podium.SurvivalAt(fitted, times) if times else fitted, rows, theirs)


@cache
def _diabetes() -> tuple[pd.DataFrame, pd.Series]:
    from sklearn.datasets import load_diabetes

    rows, y = load_diabetes(return_X_y=True, as_frame=True)
    return rows[["age", "bmi", "bp", "s5"]], y


def gam(kind: str, level: float | None = None) -> Served:
    """A generalized additive model of pygam, with intervals of this level if there is one."""
    import pygam

    rows, y = _diabetes()
    y = (y > 140).astype(int) if kind == "LogisticGAM" else y.round()
    model = getattr(pygam, kind)().fit(rows, y)
    theirs = np.asarray(model.predict(rows))[:, None]
    if level is not None:
        theirs = np.column_stack([theirs, model.prediction_intervals(rows, width=level)])
    return Served(model, rows, theirs, () if level is None else (("intervals", level),))


def boosted(kind: str, distribution: str, level: float | None = None) -> Served:
    """A model of ngboost, with quantiles of its distribution if there is a level."""
    import ngboost
    from ngboost import distns

    rows, y = _diabetes()
    y = (y > 140).astype(int) if kind == "NGBClassifier" else y
    options = {"Dist": getattr(distns, distribution), "n_estimators": 50, "verbose": False}
    model = getattr(ngboost, kind)(**options).fit(rows, y)
    theirs = np.asarray(model.predict(rows))[:, None]
    if level is not None:
        found = model.pred_dist(rows).dist
        ends = [found.ppf((1 - level) / 2), found.ppf((1 + level) / 2)]
        theirs = np.column_stack([theirs, *ends])
    return Served(model, rows, theirs, () if level is None else (("intervals", level),))


FORMULA = "age + prio * fin + kind"
AT = (10, 26, 52)
CASES: dict[str, Callable[[], Served]] = {
    "lifelines: CoxPHFitter": lambda: lifetimes("CoxPHFitter", FORMULA),
    "lifelines: CoxPHFitter at times": lambda: lifetimes("CoxPHFitter", FORMULA, AT),
    "lifelines: CoxPHFitter in strata": lambda: lifetimes(
        "CoxPHFitter", "age + prio", AT, strata=["wexp", "mar"]
    ),
    "lifelines: WeibullAFTFitter": lambda: lifetimes("WeibullAFTFitter", FORMULA),
    "lifelines: WeibullAFTFitter at times": lambda: lifetimes(
        "WeibullAFTFitter", FORMULA, AT, ancillary="race"
    ),
    "lifelines: LogNormalAFTFitter": lambda: lifetimes("LogNormalAFTFitter", FORMULA, AT),
    "lifelines: LogLogisticAFTFitter": lambda: lifetimes("LogLogisticAFTFitter", FORMULA, AT),
    "lifelines: AalenAdditiveFitter": lambda: lifetimes("AalenAdditiveFitter", "age + prio"),
    "pygam: LinearGAM": lambda: gam("LinearGAM"),
    "pygam: LinearGAM with intervals": lambda: gam("LinearGAM", 0.95),
    "pygam: LogisticGAM": lambda: gam("LogisticGAM"),
    "pygam: PoissonGAM": lambda: gam("PoissonGAM"),
    "pygam: GammaGAM": lambda: gam("GammaGAM"),
    "pygam: ExpectileGAM": lambda: gam("ExpectileGAM"),
    "ngboost: NGBRegressor": lambda: boosted("NGBRegressor", "Normal"),
    "ngboost: NGBRegressor with intervals": lambda: boosted("NGBRegressor", "Normal", 0.9),
    "ngboost: NGBRegressor, log-normal, with intervals": lambda: boosted(
        "NGBRegressor", "LogNormal", 0.9
    ),
    "ngboost: NGBClassifier": lambda: boosted("NGBClassifier", "Bernoulli"),
}


def fitted(name: str) -> Served:
    """The case, without what its library warns of while it fits."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return CASES[name]()
