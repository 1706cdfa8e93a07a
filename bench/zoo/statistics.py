"""Models of statistics: statsmodels with arrays and formulas, interpret's machines, MAPIE."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from bench.zoo.case import Case
from bench.zoo.data import rows_of
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from podium.runtimes.formulas import variables_of

TITLE = "Statistics: statsmodels with arrays and with formulas, interpret, MAPIE"


@cache
def _rows(name: str) -> pd.DataFrame:
    """A data set of statsmodels, or the penguins."""
    if name == "penguins":
        X, y = rows_of("penguins")
        frame = X.assign(species=y).dropna().reset_index(drop=True)
        return frame.assign(
            male=(frame["sex"] == "male").astype(int),
            code=frame["species"].astype("category").cat.codes.astype(int),
            kind=frame["species"].astype("category"),
            long=frame["bill_length_mm"] > 45,
        )
    frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
    if name == "fair":
        words = {1: "student", 2: "farm", 3: "white", 4: "teacher", 5: "admin", 6: "professional"}
        frame = frame.iloc[::4].reset_index(drop=True)
        frame = frame.assign(
            occupation=frame["occupation"].map(words), affair=(frame["affairs"] > 0).astype(int)
        )
    if name == "randhie":
        frame = frame.iloc[::10].reset_index(drop=True)
    return frame


def chosen(results: Any, X: Any) -> Any:
    """What a model predicts; of a discrete one, the most probable class."""
    found = np.asarray(results.predict(X))
    if type(results.model).__name__ not in ("Logit", "Probit", "MNLogit"):
        return found
    return found.argmax(axis=1) if found.ndim == 2 else (found > 0.5).astype(int)


def formula(kind: str, text: str, data: str, *, fit: Any = (), **options: Any) -> Case:
    """A model by a formula, and the columns that it reads."""

    def fitted() -> tuple[Any, Any]:
        rows = _rows(data)
        results = getattr(smf, kind)(text, rows, **options).fit(**dict(fit))
        return results, rows[list(variables_of(results))]

    return Case(f"{kind}: {text}", fitted, chosen)


def columns(
    name: str,
    kind: Callable[..., Any],
    data: str,
    y: str,
    x: list[str],
    *,
    fit: Callable[[Any], Any] = lambda model: model.fit(),
    as_array: bool = False,
    **options: Any,
) -> Case:
    """A model of columns with a constant."""

    def fitted() -> tuple[Any, Any]:
        rows = _rows(data)
        X, truth = sm.add_constant(rows[x].astype(float)), rows[y]
        X, truth = (X.to_numpy(), truth.to_numpy()) if as_array else (X, truth)
        return fit(kind(truth, X, **options)), X

    return Case(f"{name}, {data}", fitted, chosen)


def intervals(kind: str, text: str, data: str) -> Case:
    """A model by a formula, with the bounds of its intervals as outputs."""
    plain = formula(kind, text, data, fit=NO_REPORT if kind in ("logit", "poisson") else ())

    def tabulated(results: Any, X: Any) -> Any:
        frame = results.get_prediction(X).summary_frame(alpha=0.1)
        return frame.drop(columns=frame.columns.intersection(["mean_se", "se"])).to_numpy()

    return Case(f"intervals of {plain.name}", plain.fit, tabulated, (("intervals", 0.9),))


def machine(kind: str, data: str, **options: Any) -> Case:
    """An explainable boosting machine."""

    def fitted() -> tuple[Any, Any]:
        import interpret.glassbox

        X, y = rows_of(data)
        quick = {"max_rounds": 200, "outer_bags": 2, "random_state": 0}
        return getattr(interpret.glassbox, kind)(**quick | options).fit(X, y), X

    return Case(f"{kind}, {data}{', ' + ', '.join(options) if options else ''}", fitted)


def conformal(inner: Any, level: float | None) -> Case:
    """A split model of MAPIE around another one."""

    def fitted() -> tuple[Any, Any]:
        from mapie.regression import SplitConformalRegressor

        X, y = rows_of("diabetes")
        model = SplitConformalRegressor(inner, confidence_level=0.9, prefit=False)
        return model.fit(X[::2], y[::2]).conformalize(X[1::2], y[1::2]), X

    def bounded(model: Any, X: Any) -> Any:
        middle, bounds = model.predict_interval(X)
        return middle if level is None else np.column_stack([middle, bounds[:, :, 0]])

    name = f"SplitConformalRegressor of {type(inner).__name__}"
    return Case(name + (", intervals" if level else ""), fitted, bounded, (("intervals", level),))


def quiet(model: Any) -> Any:
    """Fitted without a report of the iterations."""
    return model.fit(disp=0)


NO_REPORT = {"disp": 0}
BODY = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
COSTS = ["lncoins", "idp", "physlm", "disea"]
LINKS = sm.families.links
FAMILIES = (
    sm.families.Gamma(),
    sm.families.Gamma(LINKS.Log()),
    sm.families.InverseGaussian(),
    sm.families.Poisson(LINKS.Sqrt()),
    sm.families.Tweedie(LINKS.Log(), 1.5),
    sm.families.NegativeBinomial(LINKS.NegativeBinomial(0.5), alpha=0.5),
)
BINOMIAL = (LINKS.Logit, LINKS.Probit, LINKS.Cauchy, LINKS.CLogLog, LINKS.LogLog)
CASES = [
    columns("OLS", sm.OLS, "statecrime", "murder", ["urban", "poverty", "hs_grad", "single"]),
    columns("OLS of an array", sm.OLS, "longley", "TOTEMP", ["GNP", "POP"], as_array=True),
    columns("WLS", sm.WLS, "ccard", "AVGEXP", ["AGE", "INCOME"], weights=1.0),
    columns("GLS", sm.GLS, "penguins", "body_mass_g", BODY),
    columns("RLM", sm.RLM, "stackloss", "STACKLOSS", ["AIRFLOW", "WATERTEMP"]),
    columns(
        "RLM Tukey", sm.RLM, "penguins", "body_mass_g", BODY, M=sm.robust.norms.TukeyBiweight()
    ),
    columns("QuantReg", sm.QuantReg, "engel", "foodexp", ["income"], fit=lambda m: m.fit(0.9)),
    columns(
        "OLS elastic net",
        sm.OLS,
        "penguins",
        "body_mass_g",
        BODY,
        fit=lambda m: m.fit_regularized(alpha=0.1),
    ),
    columns("Logit", sm.Logit, "spector", "GRADE", ["GPA", "TUCE", "PSI"], fit=quiet),
    columns("Logit of an array", sm.Logit, "penguins", "male", BODY, fit=quiet, as_array=True),
    columns(
        "Logit L1",
        sm.Logit,
        "penguins",
        "male",
        BODY,
        fit=lambda m: m.fit_regularized(alpha=1.0, disp=0),
    ),
    columns("Probit", sm.Probit, "penguins", "male", BODY, fit=quiet),
    columns("MNLogit", sm.MNLogit, "anes96", "PID", ["logpopul", "selfLR", "age"], fit=quiet),
    columns("Poisson", sm.Poisson, "randhie", "mdvis", COSTS, fit=quiet),
    columns("NegativeBinomial", sm.NegativeBinomial, "randhie", "mdvis", COSTS, fit=quiet),
    columns("NegativeBinomialP", sm.NegativeBinomialP, "randhie", "mdvis", COSTS, fit=quiet),
    columns("ZeroInflatedPoisson", sm.ZeroInflatedPoisson, "randhie", "mdvis", COSTS, fit=quiet),
    *(
        Case(
            f"GLM {type(family).__name__} {type(family.link).__name__}",
            lambda family=family: (
                smf.glm(
                    "body_mass_g ~ bill_depth_mm + island", _rows("penguins"), family=family
                ).fit(),
                _rows("penguins")[["bill_depth_mm", "island"]],
            ),
        )
        for family in FAMILIES
    ),
    *(
        Case(
            f"GLM Binomial {link.__name__}",
            lambda link=link: (
                sm.GLM(
                    _rows("penguins")["male"],
                    sm.add_constant(_rows("penguins")[BODY]),
                    family=sm.families.Binomial(link()),
                ).fit(),
                sm.add_constant(_rows("penguins")[BODY]),
            ),
        )
        for link in BINOMIAL
    ),
    formula("ols", "murder ~ urban + poverty + hs_grad + single", "statecrime"),
    formula("ols", "affairs ~ C(occupation) + age", "fair"),
    formula("ols", "affairs ~ C(occupation, Treatment('white')) * age", "fair"),
    formula("ols", "affairs ~ C(occupation, Sum) + C(rate_marriage, Poly)", "fair"),
    formula("ols", "affairs ~ C(occupation, Helmert):age + C(children, Diff)", "fair"),
    formula("ols", "affairs ~ occupation * C(religious) + np.log(age) * yrs_married - 1", "fair"),
    formula("ols", "affairs ~ age + I(age ** 2) + age:yrs_married", "fair"),
    formula(
        "ols", "np.log1p(affairs) ~ bs(age, df=4) + standardize(educ) + center(children)", "fair"
    ),
    formula("ols", "affairs ~ cr(age, df=4) + educ", "fair"),
    formula("ols", "affairs ~ cc(age, df=4) + educ", "fair"),
    formula(
        "ols",
        "body_mass_g ~ te(cr(bill_depth_mm, df=3), cc(flipper_length_mm, df=4)) + sex",
        "penguins",
    ),
    formula(
        "ols",
        "body_mass_g ~ te(bs(bill_depth_mm, 4), cr(bill_length_mm, 3), constraints='center')",
        "penguins",
    ),
    formula("ols", "affairs ~ np.where(age > 30, 1.0, 0.0) + (children > 0) + Q('educ')", "fair"),
    formula("ols", "body_mass_g ~ kind * sex + np.power(flipper_length_mm, 2) + long", "penguins"),
    formula("ols", "invest ~ value + capital + C(firm)", "grunfeld"),
    formula("quantreg", "body_mass_g ~ flipper_length_mm + sex", "penguins", fit={"q": 0.1}),
    formula("rlm", "body_mass_g ~ flipper_length_mm + sex + species", "penguins"),
    formula(
        "logit", "affair ~ age + educ + C(religious) + C(rate_marriage)", "fair", fit=NO_REPORT
    ),
    formula("probit", "male ~ body_mass_g + species", "penguins", fit=NO_REPORT),
    formula("mnlogit", "code ~ body_mass_g + sex", "penguins", fit=NO_REPORT),
    formula("poisson", "mdvis ~ lncoins + C(idp) + np.log1p(fmde)", "randhie", fit=NO_REPORT),
    formula("negativebinomial", "mdvis ~ lncoins + C(idp)", "randhie", fit=NO_REPORT),
    formula("mixedlm", "body_mass_g ~ flipper_length_mm", "penguins", groups="island"),
    intervals("ols", "body_mass_g ~ species * bill_depth_mm", "penguins"),
    intervals("glm", "body_mass_g ~ bill_depth_mm + island", "penguins"),
    intervals("logit", "affair ~ age + educ + C(religious)", "fair"),
    intervals("poisson", "mdvis ~ lncoins + C(idp)", "randhie"),
    *(
        machine(f"ExplainableBoosting{kind}", data)
        for kind, data in (
            ("Classifier", "breast_cancer"),
            ("Classifier", "penguins"),
            ("Classifier", "iris"),
            ("Classifier", "wine"),
            ("Regressor", "cars"),
            ("Regressor", "diabetes"),
        )
    ),
    machine("ExplainableBoostingRegressor", "cars", objective="gamma_deviance"),
    machine("ExplainableBoostingRegressor", "cars", interactions=0),
    conformal(LinearRegression(), None),
    conformal(LinearRegression(), 0.9),
    conformal(HistGradientBoostingRegressor(max_iter=50), 0.9),
]
